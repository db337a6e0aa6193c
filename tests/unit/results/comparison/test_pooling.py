"""Runs become arms: what is pooled, which value counts, what is tested, what is said."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import scipy.stats

from overnight.core import errors
from overnight.results.comparison import pooling, remarks, statistics, testing
from overnight.results.comparison.arms import Arm, Comparison, Measured, Outcome, Stat, Test
from overnight.results.comparison.pooling import Number
from overnight.results.tables import content
from tests.unit.results import armed


def stat(found: Comparison, label: str) -> Stat:
    told = found.stat(found.arm(label))
    assert told is not None
    return told


def between(found: Comparison, label: str) -> Test:
    told = found.test(label)
    assert told is not None
    return told


def two(low: list[float], high: list[float], first: int = 0) -> Comparison:
    """lr=0.1 with `low`, lr=0.2 with `high`; the same seeds where `first` is 0."""
    runs = [*armed.seeds("a", low, lr=0.1), *armed.seeds("b", high, first, lr=0.2)]
    return pooling.compare(runs)


# -- numbers ----------------------------------------------------------------------------------


def test_mean_spread_and_interval() -> None:
    """Of 90, 91, 92: mean 91, sd 1, and 91 +- 4.303 / sqrt(3)."""
    found = two([90, 91, 92], [93, 94, 95])
    low = stat(found, "lr=0.1")
    assert (low.n, low.mean, low.sd) == (3, 91.0, 1.0)
    assert low.low == pytest.approx(91 - 4.3026527 / math.sqrt(3))
    assert low.high == pytest.approx(91 + 4.3026527 / math.sqrt(3))
    assert [(each.run, each.seed, each.value) for each in low.values] == [
        ("a-s0", 0, 90),
        ("a-s1", 1, 91),
        ("a-s2", 2, 92),
    ]
    assert [arm.label for arm in found.arms] == ["lr=0.2", "lr=0.1"]


def test_same_seeds_are_paired_and_others_are_not() -> None:
    """Each as SciPy has it."""
    low, high = [90.0, 91.0, 92.5], [90.5, 91.7, 92.6]
    same, other = between(two(low, high), "lr=0.1"), between(two(low, high, 5), "lr=0.1")
    assert same.kind == "paired"
    assert same.pairs[0][:3] == (0, "a-s0", "b-s0")
    assert same.p == pytest.approx(scipy.stats.ttest_rel(low, high).pvalue)
    assert (other.kind, other.pairs) == ("welch", ())
    assert other.p == pytest.approx(scipy.stats.ttest_ind(low, high, equal_var=False).pvalue)
    assert other.difference == pytest.approx(sum(low) / 3 - sum(high) / 3)


def test_seeds_that_overlap_in_part_are_not_paired() -> None:
    """Nor are seeds of which one is not told."""
    found = two([90, 91, 92], [93, 94, 96], 1)
    assert between(found, "lr=0.1").kind == "welch"
    runs = [armed.run(f"r{n}", 90.0 + n, {"--lr": n // 2}) for n in range(4)]
    assert between(pooling.compare(runs), "lr=0").kind == "welch"


def test_what_cannot_be_told_from_the_best() -> None:
    """After the correction for all pairs, since the best was picked; untested is not equal."""
    runs = [
        *armed.seeds("a", [90, 90.1, 90.2], lr=0.1),
        *armed.seeds("b", [94.8, 95.9, 95.3], 5, lr=0.2),
        *armed.seeds("c", [95, 95.5, 96], lr=0.3),
    ]
    found = pooling.compare(runs)
    assert found.indistinguishable == {"lr=0.3", "lr=0.2"}
    ps = [each.p for each in found.tests if each.p is not None]
    assert [each.p_holm for each in found.tests] == statistics.holm(ps, 3)
    assert "p is corrected for all 3 pairs of arms" in " ".join(found.notes)
    single = pooling.compare([run for run in runs if run.run.endswith(("s0", "s5"))])
    assert single.indistinguishable == {"lr=0.3"}
    assert {each.note for each in single.tests} == {testing.ONE_SEED}
    assert single.notes[0] == remarks.ONE_SEED


def test_an_arm_without_a_test_is_not_equal_to_the_best() -> None:
    """However near or far it is: it is unproven, and the table says what is marked."""
    runs = [
        *armed.seeds("a", [90, 91, 92], lr=0.1),
        *armed.seeds("b", [90.5, 91.1, 91.9], lr=0.2),
        armed.run("far", 65.6, {"--lr": "9"}),
    ]
    found = pooling.compare(runs)
    assert found.indistinguishable == {"lr=0.2", "lr=0.1"}
    assert content.top_words(found) == f"{content.TOP}; {content.UNTESTED}"
    assert content.top_words(pooling.compare(runs[:6])) == content.TOP
    lucky = pooling.compare([*runs, armed.run("lucky", 99.0, {"--lr": "5"})])
    assert lucky.indistinguishable == {"lr=5"}
    assert content.top_words(lucky) == content.ONLY_BEST


def test_a_baseline_that_is_the_best_was_not_picked_by_its_numbers() -> None:
    """What is told of the best is what stands in the column of p: one family, one answer."""
    runs = [
        *armed.seeds("a", [90, 90.1, 90.3], lr=0.1),
        *armed.seeds("b", [90.6, 91.1, 90.9], 5, lr=0.2),
        *armed.seeds("c", [90, 90.2, 90.1], 9, lr=0.3),
    ]
    picked, chosen = pooling.compare(runs), pooling.compare(runs, baseline="lr=0.2")
    assert chosen.to_best == chosen.tests
    ps = [each.p or 0 for each in chosen.tests]
    assert [each.p_holm for each in chosen.tests] == statistics.holm(ps)
    assert [each.p_holm for each in picked.tests] == statistics.holm(ps, 3)


def test_several_comparisons_are_corrected() -> None:
    """Each p is below 5 %; after the correction for three comparisons none is. So is the power."""
    runs = armed.seeds("base", [90.0, 91.0, 92.0], lr=0)
    for n in (1, 2, 3):
        runs += armed.seeds(f"r{n}", [92.9, 94.0, 95.2], 5 * n, lr=n)
    found = pooling.compare(runs, baseline="lr=0")
    ps = [each.p or 0.0 for each in found.tests]
    assert all(0.02 < p < 0.05 for p in ps)
    assert [each.p_holm for each in found.tests] == pytest.approx([3 * p for p in ps])
    assert not any(each.is_clear for each in found.tests)
    strict = statistics.needed_welch([92.9, 94.0, 95.2], [90.0, 91.0, 92.0], 0.05 / 3)
    plain = statistics.needed_welch([92.9, 94.0, 95.2], [90.0, 91.0, 92.0])
    assert strict is not None
    assert plain is not None
    assert strict.more != plain.more
    assert {each.more for each in found.power if each.against == "lr=0"} == {strict.more}
    alone = pooling.compare([run for run in runs if run.config["--lr"] in (0, 1)], baseline="lr=0")
    assert alone.tests[0].is_clear


def test_no_spread_proves_nothing() -> None:
    """Equal seeds on both sides. Pairs that all differ by the same are tested by their means."""
    equal = two([90, 90], [91, 91], 5)
    assert (between(equal, "lr=0.1").kind, between(equal, "lr=0.1").note) == (
        "none",
        testing.NO_SPREAD,
    )
    assert "some seeds change nothing at all (sd 0): does the command use its seed?" in equal.notes
    shifted = between(two([90, 92], [91, 93]), "lr=0.1")
    assert (shifted.kind, shifted.note, shifted.pairs) == ("welch", testing.EQUAL_PAIRS, ())
    assert shifted.p == pytest.approx(
        scipy.stats.ttest_ind([90, 92], [91, 93], equal_var=False).pvalue
    )


def test_the_dust_of_subtraction_is_no_spread() -> None:
    """Every seed is better by 0.001; in binary the differences are not quite equal."""
    low = [88.1234, 90.4321, 91.9871, 89.3333]
    found = between(two(low, [value + 0.001 for value in low]), "lr=0.1")
    assert (found.kind, found.note, found.is_clear) == ("welch", testing.EQUAL_PAIRS, False)
    (same,) = two([0.1 + 0.2, 0.5, 0.7], [0.3, 0.5, 0.7]).tests
    assert (same.kind, same.is_clear) == ("welch", False)


# -- what is pooled ---------------------------------------------------------------------------


def left(found: Comparison) -> dict[str, str]:
    return {each.outcome.run: each.why for arm in found.arms for each in arm.left_out}


def test_what_is_left_out_and_why() -> None:
    """Altered, not finished, without the metric, NaN, the same seed once more."""
    config = {"--lr": 1, "--seed": 0}
    runs = [
        armed.run("good", 90.0, config),
        armed.run("altered", 99.0, {**config, "--seed": 1}, altered=("nan: lr 1 -> 0.5",)),
        armed.run("failed", 99.0, {**config, "--seed": 2}, state="failed"),
        armed.run("bare", None, {**config, "--seed": 3}),
        armed.run("again", 95.0, config),
        armed.run("nan", None, {**config, "--seed": 4}, metrics={"val_acc": armed.curve(None)}),
        armed.run("goes on", 99.0, {**config, "--seed": 5}, state="running"),
    ]
    found = pooling.compare(runs)
    assert left(found) == {
        "altered": "another experiment than was asked for: nan: lr 1 -> 0.5",
        "failed": "failed",
        "bare": "has no val_acc",
        "again": "the same seed as good: that is one result and not two",
        "nan": "has no best value of val_acc",
        "goes on": "running",
    }
    assert [run.run for run in found.arms[0].pooled] == ["good"]
    assert found.arms[0].stats["val_acc"].mean == 90.0
    assert "changed by a repair, so in no number: altered" in found.notes
    assert any("runs that failed are in no mean" in note for note in found.notes)
    assert "1 of 7 runs have not ended yet" in found.notes


def test_a_split_batch_is_no_other_experiment() -> None:
    """It is pooled, and the repair stands in the table of differences."""
    runs = [armed.run("a", 90.0), armed.run("b", 91.0, repairs=(armed.SPLIT_BATCH,))]
    found = pooling.compare(runs)
    assert [len(arm.pooled) for arm in found.arms] == [2]
    (row,) = found.differences
    assert (row.kind, row.values) == (
        "repairs",
        {found.arms[0].label: "b: cuda_oom: batch 64 -> 32 x 2"},
    )


def test_infinite_last_values_are_left_out() -> None:
    curve = armed.curve(90.0, last=math.inf)
    runs = [armed.run("a", None, metrics={"val_acc": curve}), armed.run("b", 90.0)]
    assert left(pooling.compare(runs, which="last")) == {"a": "its last value is inf"}


def test_two_servers_may_have_runs_of_one_name() -> None:
    runs = [armed.run("a", 90.0), armed.run("a", 91.0, server="gpu2", state="failed")]
    found = pooling.compare(runs)
    assert [(run.run, run.server) for run in found.arms[0].pooled] == [("a", "gpu1")]


def test_runs_with_one_config_and_no_seed_are_repeats() -> None:
    """Pooled, and it is asked whether they are independent."""
    found = pooling.compare([armed.run("a", 90.0), armed.run("b", 91.0)])
    assert stat(found, found.arms[0].label).n == 2
    assert any("no seed is told of the repeated runs" in note for note in found.notes)


# -- which value ------------------------------------------------------------------------------


def of(name: str, *curves: Measured) -> list[Outcome]:
    return [
        armed.run(f"r{n}", None, {"--lr": n}, metrics={name: each}, primary=name)
        for n, each in enumerate(curves)
    ]


def test_the_best_on_validation_and_the_last_on_training_data() -> None:
    found = pooling.compare(of("val_acc", armed.curve(90.0)))
    assert (found.which, stat(found, "r0").mean) == ("best", 90.0)
    found = pooling.compare(of("loss", armed.curve(90.0, split="train")))
    assert (found.which, stat(found, "r0").mean) == ("last", 89.5)
    found = pooling.compare(of("val_acc", armed.curve(90.0)), which="last")
    assert (found.which, found.why_which, stat(found, "r0").mean) == ("last", "as asked for", 89.5)


def test_the_best_on_test_data_is_never_chosen() -> None:
    """Not even when asked for: the value where validation was best, else the last, and why."""
    plain = armed.curve(90.0, split="test")
    found = pooling.compare(of("test_acc", plain, plain), which="best")
    assert found.which == "last"
    assert any("training on the test set" in note for note in found.notes)
    chosen = armed.curve(90.0, split="test", at_best=88.0, chosen_by="val_acc")
    found = pooling.compare(of("test_acc", chosen, chosen))
    assert (found.which, found.arms[0].stats["test_acc"].mean) == ("at best validation", 88.0)
    found = pooling.compare(of("test_acc", chosen, plain))
    assert found.which == "last"
    with pytest.raises(errors.UsageError, match="not every run has a validation metric"):
        pooling.compare(of("test_acc", chosen, plain), which="at best validation")


def test_all_values_of_the_metric_are_there() -> None:
    """So that a table may show best beside last."""
    (arm,) = pooling.compare(armed.seeds("a", [90, 91])).arms
    assert {which: each.mean for which, each in arm.by_which.items()} == {
        "best": 90.5,
        "last": 90.0,
    }


def test_without_a_goal_nothing_is_best() -> None:
    """Also where two runs have different goals."""
    runs = of("val_x", armed.curve(1.0, goal="max"), armed.curve(2.0, goal="min"))
    found = pooling.compare(runs)
    assert (found.goal, found.best, found.indistinguishable) == (None, None, frozenset())
    assert any("which way val_x is better is not known" in note for note in found.notes)


def test_uneven_curves_are_told() -> None:
    """The best of a hundred evaluations beside the best of ten."""
    runs = of("val_acc", armed.curve(90.0, n=10), armed.curve(91.0, n=100))
    notes = pooling.compare(runs).notes
    assert any(
        "the best of 100 evaluations (lr=1) beside the best of 10 (lr=0)" in n for n in notes
    )
    assert not any("evaluations" in note for note in pooling.compare(runs, which="last").notes)
    runs = of("val_acc", armed.curve(90.0, n=10), armed.curve(91.0, n=14))
    assert not any("evaluations" in note for note in pooling.compare(runs).notes)


def test_a_metric_in_one_arm_only() -> None:
    """It has no number in the other, and none is invented."""
    runs = armed.seeds("a", [90, 91], lr=0.1)
    other = armed.run("b", None, {"--lr": 0.2}, metrics={"val_f1": armed.curve(0.5)})
    found = pooling.compare([*runs, other])
    assert [each.name for each in found.metrics] == ["val_acc", "val_f1"]
    assert found.arms[-1].stats.keys() == {"val_f1"}
    assert left(found) == {"b": "has no val_acc"}
    with pytest.raises(errors.UsageError, match="no run has a metric 'f2'; there are: val_acc"):
        pooling.compare(runs, metric="f2")


def test_a_primary_metric_that_no_run_has() -> None:
    found = pooling.compare([armed.run("a", None), armed.run("b", None, {"--lr": 1})])
    assert (found.metric, found.tests, found.best) == ("val_acc", (), None)
    assert set(left(found).values()) == {"has no val_acc"}
    assert pooling.compare([]).arms == ()


# -- the baseline -----------------------------------------------------------------------------


def test_an_arm_or_a_run_as_the_baseline() -> None:
    runs = [*armed.seeds("a", [90, 91], lr=0.1), *armed.seeds("b", [92, 94], lr=0.2)]
    for wanted in ("lr=0.1", "a-s1"):
        found = pooling.compare(runs, baseline=wanted)
        assert found.baseline is not None
        assert (found.baseline.arm, found.baseline.source) == ("lr=0.1", "a-s0, a-s1")
        assert [(each.arm, each.against) for each in found.tests] == [("lr=0.2", "lr=0.1")]
        assert [arm.is_baseline for arm in found.arms] == [False, True]
    with pytest.raises(errors.UsageError, match=r"the arms are: 'lr=0\.2', 'lr=0\.1'"):
        pooling.compare(runs, baseline="lr=0.3")


def test_a_baseline_without_a_number() -> None:
    """Is said; the others are still compared with the best."""
    runs = [armed.run("base", None, {"--lr": 0}, state="failed"), *armed.seeds("a", [90, 91], lr=1)]
    found = pooling.compare(runs, baseline="base")
    assert found.tests == ()
    assert any("the baseline lr=0 has no number" in note for note in found.notes)


def test_a_number_claims_no_test() -> None:
    """Our mean and our interval, less the number."""
    found = pooling.compare(armed.seeds("a", [90, 91, 92]), baseline=Number(89.0, "table 2"))
    (one,) = found.tests
    own = found.arms[0].stats["val_acc"]
    assert own.low is not None
    assert (one.kind, one.p, one.n_against, one.difference) == ("number", None, 0, 2.0)
    assert one.low == pytest.approx(own.low - 89.0)
    assert (one.is_clear, one.is_better, one.note) == (False, True, testing.NO_TEST)
    assert "the baseline is a number (table 2): no test is claimed against it" in found.notes


def test_a_number_on_another_scale() -> None:
    """0.91 beside 95.5: one of them is percent."""
    found = pooling.compare(armed.seeds("a", [0.90, 0.92]), baseline=Number(95.5, "table 2"))
    assert (found.tests[0].difference, found.tests[0].note) == (None, testing.OTHER_SCALE)
    assert found.power == ()


# -- what else it tells -----------------------------------------------------------------------


def test_how_many_seeds_it_takes() -> None:
    """In words, with what the seeds of now would show; nothing for what is settled."""
    found = two([90, 91, 92.5], [90.7, 92.1, 92.8], 5)
    (one,) = found.power
    expected = statistics.needed_welch([90, 91, 92.5], [90.7, 92.1, 92.8])
    assert expected is not None
    assert (one.more, one.visible) == (expected.more, expected.visible)
    assert f"{one.more} more seeds each would show a difference of 0.7" in one.words
    assert two([90, 90.1, 90.2], [95, 95.1, 95.3]).power == ()
    capped = two([90, 91, 92], [90.01, 91, 92.01], 5).power[0]
    assert (capped.is_capped, capped.more) == (True, 101)
    assert "more than 100 more seeds" in capped.words
    single = two([90], [91]).power[0]
    assert (single.more, single.visible) == (None, None)
    assert "at least 2 more seeds" in single.words


def test_what_differed() -> None:
    """Settings, code, environment, repairs: one row each, by arm; what all share is left out."""
    base = armed.seeds("a", [90, 91], lr=0.1, wd=0)
    told = {
        "snapshot": "s1",
        "code": "x",
        "code_words": "",
        "versions": {"torch": "2.1", "python": "3"},
    }
    other = {
        "snapshot": "s2", "code": "y", "code_words": "changed: m.py +3 -1",
        "versions": {"torch": "2.2", "python": "3"},
    }  # fmt: skip
    runs = [
        *(dataclasses.replace(run, provenance=told) for run in base),
        *(
            dataclasses.replace(run, provenance=other, server="gpu2")
            for run in armed.seeds("b", [92, 94], lr=0.2, wd=0)
        ),
    ]
    found = pooling.compare(runs)
    rows = {(each.kind, each.key): list(each.values.values()) for each in found.differences}
    assert rows == {
        ("config", "--lr"): ["0.1", "0.2"],
        ("code", "snapshot"): ["s1", "s2"],
        ("code", "files"): ["as the first run", "changed: m.py +3 -1"],
        ("environment", "server"): ["gpu1", "gpu2"],
        ("environment", "torch"): ["2.1", "2.2"],
    }
    assert "the runs have different code: 2 snapshots" in found.notes
    assert {arm.label for arm in found.arms} == {"lr=0.1", "lr=0.2 changed: m.py +3 -1"}


def test_an_environment_that_is_not_known_yet_is_no_difference() -> None:
    """A run that waits has none; what another has in vain is a difference."""
    known = {"versions": {"torch": "2.1", "python": "3"}}
    more = {"versions": {"torch": "2.1", "python": "3", "apex": "1"}}
    begun, waiting, last = armed.seeds("a", [90, 91, 92], lr=0.1)
    begun = dataclasses.replace(begun, provenance=known)
    assert pooling.compare([begun, waiting]).differences == ()
    last = dataclasses.replace(last, provenance=more)
    rows = pooling.compare([begun, waiting, last]).differences
    assert [(each.kind, each.key) for each in rows] == [("environment", "apex")]


def test_pooling_by_a_key_says_what_it_mixes() -> None:
    runs = [
        armed.run(f"r{lr}{wd}", 90.0 + lr + wd, {"--lr": lr, "--wd": wd})
        for lr in (1, 2)
        for wd in (0, 1)
    ]
    found = pooling.compare(runs, by="lr")
    assert [arm.label for arm in found.arms] == ["lr=2", "lr=1"]
    assert any(
        "runs that differ in more than lr and their seed are pooled" in n for n in found.notes
    )


def test_json_has_no_nan() -> None:
    """Every part of it is JSON, whatever the runs hold."""
    nan = armed.curve(None, last=math.nan, nonfinite=9)
    runs = [
        *armed.seeds("a", [90, 91], lr=0.1),
        *armed.seeds("b", [90, 93], lr=0.2),
        armed.run("n", None, {"--lr": 0.3}, metrics={"val_acc": nan}, repairs=(armed.REPAIR,)),
    ]
    found = pooling.compare(runs, baseline="lr=0.1")
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["best"] == "lr=0.2"
    assert [each["label"] for each in told["arms"]] == ["lr=0.2", "lr=0.1", "lr=0.3"]
    assert told["runs"][-1]["metrics"]["val_acc"]["last"] is None


def test_a_thousand_runs() -> None:
    """Power is worked out for the first arms only, so that a long table stays quick."""
    runs = [run for n in range(300) for run in armed.seeds(f"r{n}", [90, 91 + n / 999, 92], lr=n)]
    found = pooling.compare(runs)
    assert (len(found.arms), len(found.tests)) == (300, 299)
    assert len(found.power) <= testing.MOST_POWERS


def labels(arms: tuple[Arm, ...]) -> list[str]:
    return [each.label for each in arms]


def test_arms_without_a_value_come_last() -> None:
    runs = [
        armed.run("none", None, {"--lr": 0}),
        *armed.seeds("a", [90], lr=1),
        *armed.seeds("b", [91], lr=2),
    ]
    assert labels(pooling.compare(runs).arms) == ["lr=2", "lr=1", "lr=0"]


def test_arms_of_two_scales_are_not_compared() -> None:
    """A fraction beside percent is no difference of 90; a training that collapsed is one."""
    low = armed.seeds("b", [0.91, 0.912, 0.92], lr=2)
    found = pooling.compare([*armed.seeds("a", [91, 92, 91.5], lr=1), *low])
    (test,) = found.tests
    assert (test.kind, test.difference, test.note) == ("none", None, testing.OTHER_SCALE)
    assert found.power == ()
    assert f"lr=2 against lr=1: {testing.OTHER_SCALE}" in content.sheet(found).notes
    dead = armed.seeds("b", [0.1, 0.1, 0.11], lr=2)
    assert pooling.compare([*armed.seeds("a", [76, 75, 77], lr=1), *dead]).tests[0].is_clear


def test_equal_means_need_no_seeds() -> None:
    found = pooling.compare([*armed.seeds("a", [90, 91], lr=1), *armed.seeds("b", [91, 90], lr=2)])
    assert found.power[0].words.startswith("lr=2 against lr=1: no difference is seen; the 2 of now")


def test_what_was_set_to_nan_is_strict_json() -> None:
    runs = [armed.run("a", 90.0, {"--clip": math.inf}), armed.run("b", 91.0, {"--clip": math.nan})]
    told = json.dumps(pooling.compare(runs).to_json(), allow_nan=False)
    assert '"config": {"--clip": "inf"}' in told


def test_the_best_of_a_curve_beside_a_number() -> None:
    """Chosen by the data it is measured on, which flatters; the last value is not."""
    runs, paper = armed.seeds("a", [90, 91, 92]), Number(89.0, "paper")
    assert remarks.OPTIMISTIC in pooling.compare(runs, baseline=paper).notes
    assert remarks.OPTIMISTIC not in pooling.compare(runs, baseline=paper, which="last").notes
    assert remarks.OPTIMISTIC not in pooling.compare(runs).notes
