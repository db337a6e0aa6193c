"""One look at the GPUs: driver, /proc, our runs and what samples before have seen, together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from overnight.node import cards, requests, sharing, wire
from tests.testbed import nvml as fake

A = "GPU-0a8f2b4c-1111-2222-3333-444455556666"
B = "GPU-9f00aa11-1111-2222-3333-444455556666"
ME = {"project": "clip", "run": "train01"}
NOBODY: cards.Held = {}
RULES = sharing.Rules(rest_s=1000.0)
DEAD = "import os; print(os.getpid())"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.compiled(tmp_path_factory.mktemp("nvml"))


class Cards:
    """Two cards and the processes on them."""

    def __init__(self, library: Path, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.library, self.folder, self.patch = library, folder, patch
        self.tell()

    def tell(self, *processes: str, used_mib: int = 4) -> None:
        lines = [fake.card(0, A, used_mib=used_mib), fake.card(1, B), *processes]
        fake.use(self.library, lines, self.folder, self.patch)


@pytest.fixture
def two(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cards:
    return Cards(library, tmp_path, monkeypatch)


def look(root: Path, *, keep: bool = False) -> list[str]:
    """The states of the two."""
    return [use.state for use in uses(root, keep=keep).values()]


def uses(root: Path, held: cards.Held = NOBODY, *, keep: bool = False) -> dict[str, sharing.Use]:
    return cards.look(str(root), RULES, keep=keep).uses(held, RULES, time.localtime(0))


def test_a_look_puts_it_all_together(two: Cards, tmp_path: Path) -> None:
    """Whose process, whose lease."""
    two.tell(fake.process(0, os.getpid(), 500), used_mib=504)
    mine = {**ME, "share": 1.0, "mib": None}
    found = uses(tmp_path, {B: [mine]})
    assert [use.state for use in found.values()] == ["other", "ours"]
    (user,) = found[A].users
    assert (user.pid, user.mib) == (os.getpid(), 500)
    assert found[B].runs == (mine,)


def test_only_who_samples_keeps_what_was_seen(two: Cards, tmp_path: Path) -> None:
    """A look of somebody who only looks leaves no trace."""
    two.tell(fake.process(0, os.getpid(), 500), used_mib=504)
    assert look(tmp_path) == ["other", "free"]
    assert not (tmp_path / cards.SIGHTINGS).exists()
    assert look(tmp_path, keep=True) == ["other", "free"]
    two.tell()
    assert look(tmp_path) == ["resting", "free"]
    assert list(json.loads((tmp_path / cards.SIGHTINGS).read_text())) == [A]


def test_a_damaged_file_of_sightings_is_begun_anew(two: Cards, tmp_path: Path) -> None:
    """Cut in half, or something else."""
    (tmp_path / cards.SIGHTINGS).write_text('{"GPU-0a8f2b4c-1111-2222-3333-444455556666": {"at"')
    assert look(tmp_path, keep=True) == ["free", "free"]


def test_a_process_that_ended_meanwhile_is_asked_for_again(
    two: Cards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver listed it, /proc has it no more: the driver is asked anew before it counts."""
    done = subprocess.run([sys.executable, "-c", DEAD], capture_output=True, check=True)
    two.tell(fake.process(0, int(done.stdout), 3))
    assert look(tmp_path) == ["other", "free"]
    ask = cards.owners.of

    def ended(*arguments: Any) -> Any:
        two.tell()
        return ask(*arguments)

    monkeypatch.setattr(cards.owners, "of", ended)
    two.tell(fake.process(0, int(done.stdout), 3))
    assert look(tmp_path) == ["free", "free"]


def test_the_table_that_a_laptop_gets(two: Cards, tmp_path: Path) -> None:
    """Judged by the rules that it sends; a JSON value."""
    two.tell(fake.process(0, os.getpid(), 500), used_mib=504)
    args = {"sharing": {"excluded": [1], "idle_mib": None}}
    frame = wire.Frame({"id": 1, "verb": "gpus", "args": args}, b"")
    answer, _ = requests.answer(str(tmp_path), frame, wire.Reader(0))
    first, second = json.loads(json.dumps(answer))["gpus"]
    assert (first["state"], first["users"][0]["mib"], first["runs"]) == ("other", 500, [])
    assert (second["state"], second["why"]) == ("excluded", "overnight.toml excludes it")
    assert (answer["driver"], answer["problem"]) == ("550.54.15", None)
