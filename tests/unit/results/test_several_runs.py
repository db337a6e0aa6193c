"""Several runs in one file: where each begins, and what is of each."""

from __future__ import annotations

from overnight.results import several_runs
from overnight.results.curves import Curve, Table


def appended(*runs: range, evaluated: int = 10) -> tuple[Curve, ...]:
    """Each run evaluates before its first step, so its first line is one of the validation."""
    table, line = Table(), 0
    for number, run in enumerate(runs, 1):
        for step in run:
            if step % evaluated == 0:
                line += 1
                table.add("val_loss", number, line=line, step=step)
            line += 1
            table.add("train_loss", number + 1 / (step + 1), line=line, step=step)
    return table.curves()


def test_each_run_begins_at_its_earliest_line() -> None:
    """Also where another metric than the training loss opens it."""
    assert several_runs.starts(appended(range(40), range(40), range(30))) == [45, 89]


def test_the_parts_are_the_runs() -> None:
    """Nothing is lost, and nothing is in two of them."""
    curves = appended(range(40), range(40), range(30))
    parts = several_runs.parts(curves)
    assert [[c.value.size for c in part] for part in parts] == [[4, 40], [4, 40], [3, 30]]
    assert [set(part[0].value.tolist()) for part in parts] == [{1.0}, {2.0}, {3.0}]


def test_a_resumed_run_is_one() -> None:
    """A counter that goes back a part of its way has not begun anew."""
    curves = appended(range(40), range(20, 60))
    assert several_runs.starts(curves) == []
    assert [len(part) for part in several_runs.parts(curves)] == [2]


def test_nothing_is_no_run_behind_another() -> None:
    """Neither without curves nor with single values."""
    assert several_runs.starts(()) == []
    assert several_runs.starts(appended(range(1))) == []
