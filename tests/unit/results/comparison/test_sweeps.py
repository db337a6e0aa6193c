"""A sweep by point: what is pooled, what is not, and what a number does not prove."""

from __future__ import annotations

import dataclasses

import pytest

from overnight.results import sweep_text
from overnight.results.comparison import remarks, statistics, sweeps
from overnight.results.comparison.arms import PRUNED, Arm, Comparison
from tests.unit.results import swept
from tests.unit.results.swept import BASE, HIGH

REPAIR = {"class": "nan", "change": "lr 0.01 -> 0.005", "at": 1.0, "changes_science": True}


def runs_behind(arm: Arm, which: str) -> list[str]:
    return [each.run for each in arm.by_which[which].values]


def test_means_over_seeds_and_the_difference_to_the_base() -> None:
    """Best point first; every cell knows its runs; the same seeds are tested seed by seed."""
    runs = [*swept.seeds("b", [88, 90, 92], BASE), *swept.seeds("h", [91, 92, 93], HIGH)]
    found = sweeps.compare("lr", runs)
    high, base = found.arms
    best = high.by_which["best"]
    assert (sweeps.point(high), best.n, best.mean, best.sd) == (HIGH, 3, 92.0, 1.0)
    assert runs_behind(high, "best") == ["h0", "h1", "h2"]
    assert high.by_which["last"].mean == 91.5
    expected = statistics.paired([3, 2, 1])
    assert expected is not None
    test = found.test(high.label)
    assert test is not None
    assert (test.kind, test.difference, test.low) == ("paired", 2.0, expected.low)
    assert [pair.against_run for pair in test.pairs] == ["b0", "b1", "b2"]
    assert base.is_baseline
    assert any(note.startswith("intervals: 95 %") for note in found.notes)


def test_other_seeds_are_tested_by_their_means() -> None:
    """Welch's test where the seeds are not the same on both sides."""
    high = [swept.run(f"h{n}", value, HIGH, seed=n) for n, value in ((1, 91), (2, 92), (7, 93))]
    found = sweeps.compare("lr", [*swept.seeds("b", [88, 90, 92], BASE), *high])
    expected = statistics.welch([91, 92, 93], [88, 90, 92])
    test = found.test(found.arms[0].label)
    assert test is not None
    assert expected is not None
    assert (test.kind, test.low, test.p) == ("welch", expected.low, expected.p)


def has_best(found: Comparison) -> bool:
    return sweeps.to_json(found)["best"] is not None


def test_the_goal_decides() -> None:
    """Lowest first for min; without a goal there is no best, and it is said."""
    runs = [swept.run("a", 2.0, BASE, goal="min"), swept.run("b", 1.0, HIGH, goal="min")]
    found = sweeps.compare("lr", runs)
    assert sweeps.point(found.arms[0]) == HIGH
    assert has_best(found)
    assert not has_best(sweeps.compare("lr", [swept.run("a", 1.0, BASE)]))
    runs = [swept.run("a", 2.0, BASE, goal=None), swept.run("b", 1.0, HIGH, goal=None)]
    found = sweeps.compare("lr", runs)
    assert not has_best(found)
    assert any("which way val_acc is better is not known" in note for note in found.notes)


def test_one_seed_proves_nothing() -> None:
    """The difference is shown, its interval is not there, and it is said why."""
    found = sweeps.compare("lr", [swept.run("a", 90, BASE), swept.run("b", 95, HIGH)])
    assert found.notes == (remarks.ONE_SEED,)
    test = found.test(found.arms[0].label)
    assert test is not None
    assert (test.difference, test.low, test.kind, test.is_clear) == (5.0, None, "none", False)
    assert found.indistinguishable == {found.arms[0].label}


def test_changed_by_a_repair_is_not_pooled() -> None:
    """Law 7: the best value of all, and no part of any mean."""
    changed = swept.run("h9", 99.9, HIGH, repairs=[REPAIR])
    found = sweeps.compare("lr", [*swept.seeds("h", [91, 92], HIGH), changed])
    (arm,) = found.arms
    assert (arm.by_which["best"].n, arm.by_which["best"].mean) == (2, 91.5)
    assert [run.run for run in arm.altered] == ["h9"]
    (point,) = sweeps.to_json(found)["points"]
    assert point["not_counted"] == ["h9"]
    assert "changed by a repair, so in no number: h9" in found.notes
    only_told = swept.run("h8", 99.9, HIGH, changed=True)
    assert only_told.is_altered


@pytest.mark.parametrize("state", ["failed", "stopped", "needs-decision", "running"])
def test_what_has_not_finished_is_not_pooled(state: str) -> None:
    """Its best so far is no result of the training that was meant."""
    found = sweeps.compare("lr", [swept.run("a", 99.0, HIGH, state=state)])
    assert found.arms[0].by_which == {}


def test_nan_is_no_value() -> None:
    """Nor is a missing one: n says how many there were."""
    runs = [swept.run("a", float("nan"), HIGH), swept.run("b", None, HIGH), swept.run("c", 1, HIGH)]
    arm = sweeps.compare("lr", runs).arms[0]
    assert (arm.by_which["best"].n, runs_behind(arm, "best")) == (1, ["c"])


def test_another_metric_is_not_mixed_in() -> None:
    """`primary` was changed between two parts of the sweep."""
    runs = [swept.run("a", 90, BASE), swept.run("b", 0.1, HIGH, primary="val_loss", goal="min")]
    found = sweeps.compare("lr", runs)
    assert found.arms[1].by_which == {}
    assert "measured by val_loss, not counted: b" in found.notes


def test_what_else_a_reader_has_to_know() -> None:
    """Missing runs, servers that are away, different code, seeds that change nothing."""
    runs = [*swept.seeds("b", [90, 90], BASE), swept.run("h", 91, HIGH, snapshot="def", total=5)]
    notes = "\n".join(sweeps.compare("lr", runs, {"gpu2": "no route"}).notes)
    assert "2 of 5 runs are not known here" in notes
    assert "gpu2 did not answer" in notes
    assert "different code: 2 snapshots" in notes
    table = sweep_text.table(sweeps.compare("lr", runs))
    assert "code def" in table
    assert "sd 0" in notes
    assert "n = 1" in notes


def test_many_comparisons() -> None:
    """Their p values are corrected for their number."""
    runs = swept.seeds("b", [90, 91.5], BASE)
    for n in range(5):
        runs += swept.seeds(f"p{n}", [90 + n, 91 + n], {"lr": n})
    found = sweeps.compare("lr", runs)
    assert "p is corrected for 5 comparisons (Holm), the intervals are not" in found.notes
    told = [(test.p, test.p_holm) for test in found.tests]
    assert len(told) == 5
    assert all(p is not None and holm is not None and holm >= p for p, holm in told)
    assert any(holm > p for p, holm in told)


def test_a_seed_as_an_axis_is_still_a_seed() -> None:
    """`sweep seed=1,2,3` is one point with three runs."""
    runs = [swept.run(f"r{n}", 90.0 + n, {"seed": n, "lr": 0.1}) for n in (1, 2, 3)]
    found = sweeps.compare("seeds", runs)
    (arm,) = found.arms
    assert (sweeps.point(arm), arm.by_which["best"].n) == ({"lr": 0.1}, 3)
    assert "1, 2, 3" in sweep_text.table(found)


def test_done_is_when_all_have_ended() -> None:
    """The largest total counts; a run that is lost has ended."""
    runs = [swept.run("a", 90, BASE, total=2), swept.run("b", 90, HIGH, total=3)]
    assert not sweeps.is_done(sweeps.compare("lr", runs))
    runs.append(dataclasses.replace(swept.run("c", None, HIGH), state="lost"))
    assert sweeps.is_done(sweeps.compare("lr", runs))
    runs[0] = dataclasses.replace(runs[0], state="queued")
    assert not sweeps.is_done(sweeps.compare("lr", runs))


def test_pruned_is_said() -> None:
    run = swept.run("a", 1.0, HIGH, state="stopped", reason=f"stopped by {PRUNED}")
    assert run.said == "pruned"
    assert swept.run("a", 1.0, HIGH, state="stopped", reason="stopped by me").said == "stopped"
