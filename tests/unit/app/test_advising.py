"""Advice on runs: what is shown, which proposal is written, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.app import Overnight, advising
from overnight.app.advising import Advice
from overnight.app.talk import Silent
from overnight.cli import next as cli
from overnight.core import errors
from overnight.results.comparison import pooling
from tests.unit.results import armed

LEVELS = {0.001: [80.0, 80.1, 80.2], 0.01: [85.0, 85.2, 85.1], 0.1: [90.2, 90.0, 90.1]}


@pytest.fixture
def o(project: Path) -> Iterator[Overnight]:
    with Overnight(project, Silent()) as made:
        yield made


def advice(o: Overnight, **more: list[float]) -> Advice:
    runs = [
        run for lr, values in LEVELS.items() for run in armed.seeds(f"lr{lr}", values, lr=lr, wd=0)
    ]
    runs += [
        run for name, values in more.items() for run in armed.seeds(name, values, lr=0.1, wd=1)
    ]
    runs.append(armed.run("broken", None, {"--lr": 1, "--wd": 0}, state="failed", reason="\x1b[2J"))
    return advising.advice(o, pooling.compare(runs), {})


def test_what_is_shown(o: Overnight) -> None:
    """Verdicts, the knobs, proposals with what to type; nothing that a terminal would obey."""
    found = advice(o, wide=[70.0, 70.1, 70.2])
    text = cli.shown(found, "overnight next a b")
    assert "lr=0.1 wd=0: undecided" in text
    assert "nothing says what a success is" in text
    assert "the knobs, the largest effect first: " in text
    assert "next: overnight explain broken" in text
    assert "next: overnight next a b --write sweep.toml --pick 2   (6 runs)" in text
    assert "\x1b" not in text
    assert all(len(line) <= cli.WIDTH + 40 for line in text.splitlines())


def test_a_line_end_in_a_value_begins_no_line(o: Overnight) -> None:
    runs = [armed.run(f"r{n}", 90.0 + n, {"--note": f"x{n}\ngood: yes"}) for n in (1, 2)]
    text = cli.shown(advising.advice(o, pooling.compare(runs), {}))
    assert not [line for line in text.splitlines() if line.startswith("good")]


def test_which_proposal_is_written(o: Overnight, tmp_path: Path) -> None:
    """The first that is a sweep; another one by its number; no other file is overwritten."""
    found = advice(o)
    path = tmp_path / "sweep.toml"
    assert found.proposals[0].kind == "retry"
    chosen = advising.written(o, found, path)
    assert chosen.kind == "knob"
    assert 'name = "lr0-1-s0-knob"' in path.read_text()
    with pytest.raises(errors.UsageError, match="is there already"):
        advising.written(o, found, path)
    with pytest.raises(errors.UsageError, match="proposal 1 is no sweep"):
        advising.written(o, found, tmp_path / "b.toml", 1)
    with pytest.raises(errors.UsageError, match="there is no proposal 9"):
        advising.written(o, found, tmp_path / "b.toml", 9)
    with pytest.raises(errors.UsageError, match="cannot be written"):
        advising.written(o, found, tmp_path / "no" / "b.toml")


def test_nothing_to_propose(o: Overnight, tmp_path: Path) -> None:
    """Is said, in text and JSON, and nothing is written."""
    runs = [
        *armed.seeds("a", [80.0, 80.1, 80.2], aug="none"),
        *armed.seeds("b", [90.0, 90.2, 90.1], aug="rand"),
    ]
    found = advising.advice(o, pooling.compare(runs), {})
    assert "aug=rand is the best for certain" in cli.shown(found)
    assert found.to_json()["nothing"] == found.nothing
    with pytest.raises(errors.UsageError, match="nothing to write"):
        advising.written(o, found, tmp_path / "b.toml")


def test_a_plan_without_a_metric(project: Path) -> None:
    settings = project / "overnight.toml"
    settings.write_text(settings.read_text().partition("[metrics]")[0])
    with (
        Overnight(project, Silent()) as o,
        pytest.raises(errors.ConfigError, match="does not say by which metric"),
    ):
        advising.advised(o, ["a"])
