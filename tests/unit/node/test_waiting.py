"""The list of what waits on a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from overnight.node import layout, waiting
from tests.unit.node import runs

QUEUE = {
    "priority": 3,
    "order": 2,
    "group": "lr",
    "max_concurrent": 4,
    "after": ["first"],
    "expected_s": 60.5,
    "memory_mib": 9000,
    "cpu_slots": 8,
    "sharing": {"quiet": ["09:00-18:00"]},
}
WISH = waiting.Wish(
    gpus=0.5,
    allowed=("0", "GPU-1"),
    priority=3,
    order=2,
    group="lr",
    max_concurrent=4,
    after=("first",),
    expected_s=60.5,
    memory_mib=9000,
    cpu_slots=8,
    sharing={"quiet": ["09:00-18:00"]},
)
TOLD = {"gpus": 0.5, "allowed_gpus": ["0", "GPU-1"], "queue": QUEUE}


def test_a_wish_is_read_from_the_spec() -> None:
    """All that the queue counts with."""
    assert waiting.wish_of(TOLD) == WISH


@pytest.mark.parametrize("queue", [None, [], "x", {"priority": "high", "after": None}])
def test_what_makes_no_sense_is_left_out(queue: object) -> None:
    """An older laptop knew no queue; a broken one must not stop everybody's."""
    assert waiting.wish_of({"queue": queue}) == waiting.Wish()


def test_what_was_noted_is_read_again(tmp_path: Path) -> None:
    """And forgotten when the run has ended."""
    run = runs.make(tmp_path, **TOLD)
    waiting.note(run, runs.spec(**TOLD))
    assert list(waiting.listed(str(tmp_path))) == [run]
    assert waiting.read(run) == WISH
    waiting.forget(run)
    waiting.forget(run)
    assert list(waiting.listed(str(tmp_path))) == []


def test_a_file_that_is_cut_in_half_is_made_anew(tmp_path: Path) -> None:
    """What the run wants stands in its spec."""
    run = runs.make(tmp_path, **TOLD)
    waiting.note(run, runs.spec(**TOLD))
    path = Path(waiting.path(run))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert waiting.read(run) == WISH
    assert json.loads(path.read_bytes()) == json.loads(whole)


def test_other_files_are_no_runs(tmp_path: Path) -> None:
    """Temporary files of a process that was killed, and whatever else lies there."""
    folder = tmp_path / "queue" / "p"
    folder.mkdir(parents=True)
    for name in ("r.json.77.tmp", ".json", "a b.json", "x" * 64 + ".json"):
        (folder / name).write_text("{}")
    longest = layout.Run(str(tmp_path), "p", "x" * 64)
    assert list(waiting.listed(str(tmp_path))) == [longest]
