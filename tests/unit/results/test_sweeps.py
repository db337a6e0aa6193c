"""A sweep by point: what is pooled, what is not, and what a number does not prove."""

from __future__ import annotations

import dataclasses

import pytest

from overnight.results import statistics as student
from overnight.results import sweeps
from tests.unit.results import swept
from tests.unit.results.swept import BASE, HIGH

REPAIR = {"class": "nan", "change": "lr 0.01 -> 0.005", "at": 1.0, "changes_science": True}


def test_means_over_seeds_and_the_difference_to_the_base() -> None:
    """Best point first; every cell knows its runs."""
    runs = [*swept.seeds("b", [88, 90, 92], BASE), *swept.seeds("h", [91, 92, 93], HIGH)]
    found = sweeps.compare("lr", runs)
    high, base = found.points
    assert (high.point, high.best, found.top) == (
        HIGH,
        sweeps.Stat(n=3, mean=92.0, sd=1.0, runs=("h0", "h1", "h2")),
        0,
    )
    assert high.last is not None
    assert high.last.mean == 91.5
    expected = student.welch([91, 92, 93], [88, 90, 92])
    assert expected is not None
    assert high.difference is not None
    assert (high.difference.value, high.difference.low) == (2.0, expected.low)
    assert high.difference.runs == ("b0", "b1", "b2")
    assert base.difference is None
    assert any(note.startswith("intervals: 95 %") for note in found.notes)


def test_the_goal_decides() -> None:
    """Lowest first for min; without a goal there is no best."""
    runs = [swept.run("a", 2.0, BASE, goal="min"), swept.run("b", 1.0, HIGH, goal="min")]
    assert sweeps.compare("lr", runs).points[0].point == HIGH
    assert sweeps.compare("lr", [swept.run("a", 1.0, BASE)]).top is None
    runs = [swept.run("a", 2.0, BASE, goal=None), swept.run("b", 1.0, HIGH, goal=None)]
    assert sweeps.compare("lr", runs).top is None


def test_one_seed_proves_nothing() -> None:
    """The difference is shown, its interval is not there, and it is said why."""
    found = sweeps.compare("lr", [swept.run("a", 90, BASE), swept.run("b", 95, HIGH)])
    assert found.notes == (sweeps.ONE_SEED,)
    difference = found.points[0].difference
    assert difference is not None
    assert (difference.value, difference.low, difference.is_clear) == (5.0, None, False)


def test_changed_by_a_repair_is_not_pooled() -> None:
    """Law 7: the best value of all, and no part of any mean."""
    changed = swept.run("h9", 99.9, HIGH, repairs=[REPAIR])
    found = sweeps.compare("lr", [*swept.seeds("h", [91, 92], HIGH), changed])
    (point,) = found.points
    assert point.best is not None
    assert (point.best.n, point.best.mean) == (2, 91.5)
    assert [run.name for run in found.changed] == ["h9"]
    assert point.to_json()["not_counted"] == ["h9"]


@pytest.mark.parametrize("state", ["failed", "stopped", "needs-decision", "running"])
def test_what_has_not_finished_is_not_pooled(state: str) -> None:
    """Its best so far is no result of the training that was meant."""
    found = sweeps.compare("lr", [swept.run("a", 99.0, HIGH, state=state)])
    assert found.points[0].best is None


def test_nan_is_no_value() -> None:
    """Nor is a missing one: n says how many there were."""
    runs = [swept.run("a", float("nan"), HIGH), swept.run("b", None, HIGH), swept.run("c", 1, HIGH)]
    stat = sweeps.compare("lr", runs).points[0].best
    assert stat is not None
    assert (stat.n, stat.runs) == (1, ("c",))


def test_another_metric_is_not_mixed_in() -> None:
    """`primary` was changed between two parts of the sweep."""
    runs = [swept.run("a", 90, BASE), swept.run("b", 0.1, HIGH, primary="val_loss", goal="min")]
    found = sweeps.compare("lr", runs)
    assert found.points[1].best is None
    assert "measured by another metric, not counted: b" in found.notes


def test_what_else_a_reader_has_to_know() -> None:
    """Missing runs, servers that are away, different code, seeds that change nothing."""
    runs = [*swept.seeds("b", [90, 90], BASE), swept.run("h", 91, HIGH, snapshot="def", total=5)]
    notes = "\n".join(sweeps.compare("lr", runs, {"gpu2": "no route"}).notes)
    assert "2 of 5 runs are not known here" in notes
    assert "gpu2 did not answer" in notes
    assert "different code: 2 snapshots" in notes
    assert "sd 0" in notes
    assert "n = 1" in notes


def test_many_comparisons() -> None:
    """With many intervals one that leaves 0 out is no wonder."""
    runs = swept.seeds("b", [90, 91], BASE)
    for n in range(sweeps.MANY):
        runs += swept.seeds(f"p{n}", [90 + n, 91 + n], {"lr": n})
    assert any("by chance alone" in note for note in sweeps.compare("lr", runs).notes)


def test_done_is_when_all_have_ended() -> None:
    """The largest total counts; a run that is lost has ended."""
    runs = [swept.run("a", 90, BASE, total=2), swept.run("b", 90, HIGH, total=3)]
    assert not sweeps.compare("lr", runs).is_done
    runs.append(dataclasses.replace(swept.run("c", None, HIGH), state="lost"))
    assert sweeps.compare("lr", runs).is_done
    runs[0] = dataclasses.replace(runs[0], state="queued")
    assert not sweeps.compare("lr", runs).is_done


def test_pruned_is_said() -> None:
    run = swept.run("a", 1.0, HIGH, state="stopped", reason=f"stopped by {sweeps.PRUNED}")
    assert run.said == "pruned"
    assert swept.run("a", 1.0, HIGH, state="stopped", reason="stopped by me").said == "stopped"
