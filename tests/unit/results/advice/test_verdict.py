"""Good, promising, bad, undecided: each with its reasons and the numbers behind them."""

from __future__ import annotations

import dataclasses
import json
from typing import NamedTuple

import pytest

from overnight.core import config
from overnight.results.advice import verdict
from overnight.results.advice.verdict import Criterion, Verdict
from overnight.results.comparison import pooling
from overnight.results.comparison.pooling import Number
from tests.unit.results import armed


class Said(NamedTuple):
    finding: str
    confidence: float
    sentence: str


TARGET = Criterion(goal="max", target=93.0)
PAPER = Criterion(goal="max", baseline=92.0, source="paper, table 2")
TIGHT = [94.0, 94.1, 94.2]  # 94.1 +- 0.25
WIDE = [92.0, 94.0, 96.0]  # 94.0 +- 4.97


def of(values: list[float], asked: Criterion, **findings: list[Said]) -> Verdict:
    runs = armed.seeds("a", values)
    found = pooling.compare(runs)
    told = {run.run: findings["all"] for run in runs} if "all" in findings else {}
    (one,) = verdict.judged(found, asked, told)
    return one


@pytest.mark.parametrize(
    ("values", "asked", "grade"),
    [
        (TIGHT, TARGET, "good"),  # the whole interval is above 93
        (WIDE, TARGET, "promising"),  # the mean is, the interval is not
        ([93.5], TARGET, "promising"),  # one seed
        ([91.0, 92.0, 94.0], TARGET, "undecided"),  # mean 92.3, the interval reaches 93
        ([90.0, 90.1, 90.2], TARGET, "bad"),
        ([92.0], TARGET, "undecided"),
        (TIGHT, PAPER, "good"),
        ([90.0, 90.1, 90.2], PAPER, "bad"),
        (TIGHT, Criterion(goal="max"), "undecided"),  # nothing is asked
        # better than the paper, and surely short of the target
        (TIGHT, Criterion(goal="max", target=96.0, baseline=92.0), "promising"),
        # better by 0.1, where less than 1 is of no use; surely so
        (TIGHT, Criterion(goal="max", baseline=94.0, margin=1.0), "bad"),
        (TIGHT, Criterion(goal="max", baseline=93.0, margin=1.0), "good"),
    ],
)
def test_grades(values: list[float], asked: Criterion, grade: str) -> None:
    """By the mean and both ends of its interval."""
    assert of(values, asked).grade == grade


def test_lower_may_be_better() -> None:
    runs = [
        dataclasses.replace(run, metrics={"val_acc": armed.curve(value, goal="min")})
        for run, value in zip(armed.seeds("a", TIGHT), TIGHT, strict=True)
    ]
    found = pooling.compare(runs)
    asked = Criterion(goal="min", target=95.0, baseline=96.0)
    assert verdict.judged(found, asked)[0].grade == "good"
    assert verdict.judged(found, dataclasses.replace(asked, target=93.0, baseline=93.5))[
        0
    ].grade == ("bad")


def test_reasons_tell_the_numbers() -> None:
    """Mean, n, interval, and what it is measured against."""
    found = of(TIGHT, dataclasses.replace(PAPER, target=93.0))
    assert found.reasons == (
        "val_acc 94.1 (n = 3, 95 % interval 93.85 to 94.35) reaches the target 93",
        "val_acc 94.1 (n = 3, 95 % interval 93.85 to 94.35) is better than the baseline 92 "
        "(paper, table 2) by 2.1; of that number no spread is known, so this is no test",
    )
    assert (found.evidence["n"], found.evidence["mean"]) == (3, pytest.approx(94.1))
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["verdict"] == "good"


def test_one_seed_is_said() -> None:
    assert "one seed, unproven" in of([93.5], TARGET).reasons
    assert "the seeds change nothing at all, so that they prove nothing" in (
        of([93.5, 93.5], TARGET).reasons
    )


def test_another_scale_is_not_compared() -> None:
    """0.94 beside 92: one is a fraction, the other percent."""
    found = of([0.94, 0.95], PAPER)
    assert (found.grade, found.reasons) == ("undecided", (verdict.NO_CRITERION,))


def test_an_arm_against_the_baseline_arm() -> None:
    """By the test: clear and better by the margin is sure; not clear is unproven."""
    runs = [*armed.seeds("a", [90, 90.2, 90.4], lr=0.1), *armed.seeds("b", TIGHT, 5, lr=0.2)]
    found = pooling.compare(runs, baseline="lr=0.1")
    (one,) = verdict.judged(found, Criterion(goal="max", margin=0.5))
    assert (one.arm, one.grade) == ("lr=0.2", "good")
    assert one.reasons[0].startswith("it is better than lr=0.1 by 3.9 (p = ")
    (one,) = verdict.judged(found, Criterion(goal="max", margin=5.0))
    assert one.grade == "bad"
    assert "less than the 5 that would be of use" in one.reasons[0]
    runs = [*armed.seeds("a", [90, 92, 94], lr=0.1), *armed.seeds("b", [91, 93, 96], 5, lr=0.2)]
    (one,) = verdict.judged(pooling.compare(runs, baseline="lr=0.1"), Criterion(goal="max"))
    assert one.grade == "promising"


def test_worse_for_certain() -> None:
    runs = [*armed.seeds("a", TIGHT, lr=0.1), *armed.seeds("b", [90, 90.2, 90.4], 5, lr=0.2)]
    (one,) = verdict.judged(pooling.compare(runs, baseline="lr=0.1"), Criterion(goal="max"))
    assert one.grade == "bad"
    assert one.reasons[0].startswith("it is worse for certain than lr=0.1 by 3.9")


def test_a_baseline_that_was_typed_counts() -> None:
    found = pooling.compare(armed.seeds("a", TIGHT), baseline=Number(95.0, "as typed"))
    assert verdict.judged(found, Criterion(goal="max", baseline=90.0))[0].grade == "bad"


def test_findings_weigh() -> None:
    """A run that diverged is not good; one that still improved is not bad yet; hints are none."""
    nan = Said("nan", 1.0, "loss is NaN from step 40 on")
    assert of(TIGHT, TARGET, all=[nan]).grade == "promising"
    assert of([90.0, 90.1, 90.2], TARGET, all=[nan]).grade == "bad"
    improving = Said("still_improving", 0.8, "val_acc was still improving at the end")
    found = of([90.0, 90.1, 90.2], TARGET, all=[improving])
    assert found.grade == "undecided"
    assert "a-s0 a-s1 a-s2: val_acc was still improving at the end" in found.reasons
    hint = improving._replace(confidence=0.3)
    assert of([90.0, 90.1, 90.2], TARGET, all=[hint]).grade == "bad"


def test_one_sentence_stands_for_many() -> None:
    """The same finding about several runs and curves is said once, with one curve's numbers."""
    first = Said("still_improving", 0.7, "val_acc was still improving: the last fifth brought 5 %")
    other = Said("still_improving", 0.9, "loss was still improving: the last fifth brought 7 %")
    found = of([90.0, 90.1, 90.2], TARGET, all=[first, other])
    told = [each for each in found.reasons if "improving" in each]
    assert told == [f"3 of 3 runs, as a-s0: {other.sentence}"]
    single = of([90.0], TARGET, all=[first, other])
    assert f"a-s0: {other.sentence} (one of 2 such curves)" in single.reasons


def test_no_number() -> None:
    """Failed runs are no judgement on the idea; a training that always diverges is one."""
    runs = [armed.run("a", None, state="failed"), armed.run("b", 99.0, altered=("nan: lr halved",))]
    found = pooling.compare(runs)
    (one,) = verdict.judged(found, TARGET)
    assert one.grade == "undecided"
    assert (
        "no run of it has a number: failed; another experiment than was asked for"
        in (one.reasons[0])
    )
    nan = {"a": [Said("diverged", 0.9, "the loss diverged at step 7")]}
    assert verdict.judged(found, TARGET, nan)[0].grade == "bad"


def test_altered_runs_are_named() -> None:
    runs = [*armed.seeds("a", TIGHT), armed.run("x", 99.0, altered=("nan: lr halved",))]
    (one,) = verdict.judged(pooling.compare(runs), TARGET)
    assert one.grade == "good"
    assert one.reasons[-1] == "changed by a repair, so not counted: x"


def test_the_plan_is_asked_for_its_primary_metric_only() -> None:
    plan = config.Metrics(
        primary="val_acc",
        goal="max",
        baseline=config.Baseline(values={"val_acc": 92.0}, source="paper"),
        target=96.0,
        margin=0.3,
    )
    expected = Criterion(goal="max", target=96.0, margin=0.3, baseline=92.0, source="paper")
    assert verdict.criterion(plan, "val_acc") == expected
    assert verdict.criterion(plan, "val_loss") == Criterion(goal=None)
    assert verdict.criterion(None, "val_acc") == Criterion(goal=None)
