"""Good, promising, bad or undecided: an arm against what the plan calls a success. Pure.

Two things may be asked: to reach a target, and to be better than a baseline by a margin. Each is
*sure* (also the worse end of the interval does), *reached* (the mean does, unproven), *open* (the
mean does not, the better end of the interval does) or *missed* (not even that).

    good        all of them sure, and no run went wrong
    promising   all reached; or the baseline is, and only the target is not
    bad         one missed for certain, or the training diverged
    undecided   anything else: too few seeds, or nothing to measure it by
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from overnight.core import config
from overnight.results import differences, names, wording
from overnight.results.advice import curve_words
from overnight.results.advice.curve_words import Findings
from overnight.results.comparison import remarks, testing
from overnight.results.comparison.arms import Arm, Comparison, Stat, Test
from overnight.results.health.finding import ASSERTED

Grade = Literal["good", "promising", "bad", "undecided"]
Status = Literal["sure", "reached", "open", "missed"]
BROKEN = ("nan", "diverged")
NO_CRITERION = (
    "nothing says what a success is: set target or baseline under [metrics] in overnight.toml"
)


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """`baseline` is the plan's number; the comparison's own baseline, if it is an arm, counts as
    well.
    """

    goal: str | None
    target: float | None = None
    margin: float = 0.0
    baseline: float | None = None
    source: str = ""


class Condition(NamedTuple):
    """One thing that is asked, how it stands, and the sentence about it. `of`: target, baseline."""

    of: str
    status: Status
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`reasons`: sentences, the weightiest first. `evidence`: the numbers that they rest on."""

    arm: str
    grade: Grade
    reasons: tuple[str, ...]
    evidence: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "arm": self.arm,
            "verdict": self.grade,
            "reasons": list(self.reasons),
            "evidence": dict(self.evidence),
        }


def criterion(metrics: config.Metrics | None, metric: str | None) -> Criterion:
    """That of the plan, where the comparison is by its primary metric; else an empty one."""
    if metrics is None or metric != metrics.primary:
        return Criterion(goal=None)
    baseline = metrics.baseline
    return Criterion(
        goal=metrics.goal,
        target=metrics.target,
        margin=metrics.margin,
        baseline=baseline.values.get(metrics.primary) if baseline else None,
        source=baseline.source if baseline else "",
    )


def judged(found: Comparison, asked: Criterion, findings: Findings | None = None) -> list[Verdict]:
    """One for each arm but the baseline, the best first; for the only arm, where there is one."""
    arms = [each for each in found.arms if not each.is_baseline] or list(found.arms)
    return [judge(found, each, asked, findings or {}) for each in arms]


def judge(found: Comparison, arm: Arm, asked: Criterion, findings: Findings) -> Verdict:
    stat = found.stat(arm)
    wrong = asserted(arm, findings, BROKEN)
    if stat is None:
        grade: Grade = "bad" if wrong else "undecided"
        return verdict(found, arm, grade, [no_number(arm), *curve_words.lines(arm, findings)], ())
    conditions = list(asked_of(found, arm, stat, asked))
    grade = graded(conditions)
    if grade == "good" and wrong:
        grade = "promising"
    if grade in ("bad", "undecided") and len(wrong) == len(arm.outcomes):
        grade = "bad"
    elif grade == "bad" and is_improving(arm, findings):
        grade = "undecided"
    reasons = [each.sentence for each in conditions] or [NO_CRITERION]
    reasons += [*seeds(stat), *curve_words.lines(arm, findings), *left(arm)]
    return verdict(found, arm, grade, reasons, conditions)


def verdict(
    found: Comparison,
    arm: Arm,
    grade: Grade,
    reasons: Sequence[str],
    conditions: Sequence[Condition],
) -> Verdict:
    stat, test = found.stat(arm), found.test(arm.label)
    base = found.baseline
    number = {name: getattr(stat, name, None) for name in ("n", "mean", "sd", "low", "high")}
    return Verdict(
        arm=arm.label,
        grade=grade,
        reasons=tuple(reasons),
        evidence={
            "metric": found.metric,
            "which": found.which,
            **(number if stat else {"n": 0}),
            "baseline": base.to_json() if base else None,
            "difference": test.to_json() if test else None,
            "conditions": [each._asdict() for each in conditions],
            "runs": [each.run for each in arm.pooled],
        },
    )


def graded(conditions: Sequence[Condition]) -> Grade:
    if not conditions:
        return "undecided"
    beaten = [each.status in ("sure", "reached") for each in conditions if each.of == "baseline"]
    target = [each.status for each in conditions if each.of == "target"]
    if any(each.status == "missed" and each.of == "baseline" for each in conditions):
        return "bad"
    if target and target[0] in ("missed", "open") and beaten and all(beaten):
        return "promising"
    if "missed" in target:
        return "bad"
    if all(each.status == "sure" for each in conditions):
        return "good"
    if all(each.status in ("sure", "reached") for each in conditions):
        return "promising"
    return "undecided"


# -- what is asked ----------------------------------------------------------------------------


def asked_of(found: Comparison, arm: Arm, stat: Stat, asked: Criterion) -> Iterator[Condition]:
    """Nothing where it is not known which way is better."""
    goal = found.goal or asked.goal
    if goal is None:
        return
    sign = -1.0 if goal == "min" else 1.0
    if asked.target is not None:
        yield to_target(found, stat, asked.target, sign)
    test = found.test(arm.label)
    base = found.baseline
    is_other = base is not None and base.arm is not None and not arm.is_baseline
    if is_other and test is not None and test.difference is not None:
        yield to_arm(test, asked.margin, sign)
    number = base.value if base is not None and base.value is not None else asked.baseline
    source = base.source if base is not None and base.value is not None else asked.source
    if number is not None:
        told = to_number(found, stat, number, source, asked.margin, sign)
        if told is not None:
            yield told


def to_target(found: Comparison, stat: Stat, target: float, sign: float) -> Condition:
    ends = gains(stat.low, stat.high, target, sign)
    status = standing(sign * (stat.mean - target) >= 0, ends)
    named = f"the target {wording.number(target)}"
    said = {
        "sure": f"reaches {named}",
        "reached": f"reaches {named}, unproven",
        "open": f"does not reach {named}" + (", though its interval does" if ends else ""),
        "missed": f"misses {named}",
    }[status]
    return Condition("target", status, f"{mean_of(found, stat)} {said}")


def to_number(
    found: Comparison, stat: Stat, value: float, source: str, margin: float, sign: float
) -> Condition | None:
    """None where the two are on other scales, so that nothing can be said."""
    if names.is_other_scale(found.metric or "", stat.mean, value):
        return None
    difference = differences.tidy(stat.mean - value)
    ends = gains(stat.low, stat.high, value, sign)
    status = standing(is_useful(sign * difference, margin), ends, margin)
    is_worse = bool(ends) and max(ends) < 0
    named = f"the baseline {wording.number(value)}{f' ({source})' if source else ''}"
    return Condition(
        "baseline",
        status,
        f"{mean_of(found, stat)} is {against(difference, named, sign, margin, is_worse=is_worse)}; "
        "of that number no spread is known, so this is no test",
    )


def to_arm(test: Test, margin: float, sign: float) -> Condition:
    difference = test.difference or 0.0
    ends = gains(test.low, test.high, 0.0, sign)
    status = standing(is_useful(sign * difference, margin), ends, margin)
    if status == "sure" and not test.is_clear:
        status = "reached"
    if status == "missed" and not (test.is_clear or margin):
        status = "open"
    how = "unproven" if test.p_holm is None else f"p = {test.p_holm:.3g}"
    is_worse = test.is_clear and difference * sign < 0
    told = against(difference, test.against, sign, margin, is_worse=is_worse)
    reach = f", interval {span(test.low, test.high)}" if test.low is not None else ""
    return Condition("baseline", status, f"it is {told} ({how}{reach})")


def standing(is_reached: bool, ends: Sequence[float], needed: float = 0.0) -> Status:
    """`ends`: the gains at both ends of the interval, none where there is no interval.

    Sure: what the mean reaches is a gain at the worse end as well.
    """
    if is_reached:
        return "sure" if ends and min(ends) >= 0 else "reached"
    return "missed" if ends and max(ends) < needed else "open"


def gains(low: float | None, high: float | None, reference: float, sign: float) -> list[float]:
    """How much better than `reference` the ends of an interval are."""
    return [sign * (end - reference) for end in (low, high) if end is not None]


def is_useful(gain: float, margin: float) -> bool:
    return gain >= margin if margin else gain > 0


def against(difference: float, named: str, sign: float, margin: float, *, is_worse: bool) -> str:
    """`is_worse`: for certain, which is more than to miss the margin."""
    gain = sign * difference
    if difference == 0:
        return f"equal to {named}"
    size = wording.number(abs(float(f"{difference:.4g}")))
    if gain > 0 and margin and gain < margin:
        return (
            f"better than {named} by {size}, less than the {wording.number(margin)} that would be "
            "of use"
        )
    word = "better" if gain > 0 else "worse"
    sure = " for certain" if is_worse else ""
    return f"{word}{sure} than {named} by {size}"


def mean_of(found: Comparison, stat: Stat) -> str:
    """`val_acc 93.7 (n = 3, 95 % interval 93.1 to 94.3)`"""
    more = f", 95 % interval {span(stat.low, stat.high)}" if stat.low is not None else ""
    return f"{found.metric} {wording.number(stat.mean)} (n = {stat.n}{more})"


def span(low: float | None, high: float | None) -> str:
    ends = (wording.number(float(f"{each:.4g}")) for each in (low, high) if each is not None)
    return " to ".join(ends)


# -- what else is to be known -----------------------------------------------------------------


def seeds(stat: Stat) -> Iterator[str]:
    if stat.n == 1:
        yield testing.ONE_SEED
    elif stat.sd == 0:
        yield testing.NO_SPREAD


def no_number(arm: Arm) -> str:
    """Why there is nothing to judge."""
    why = dict.fromkeys(each.why for each in arm.left_out)
    told = f": {'; '.join(why)}" if why else ""
    return f"no run of it has a number{told}"


def left(arm: Arm) -> Iterator[str]:
    altered = [each.run for each in arm.altered]
    if altered:
        yield f"changed by a repair, so not counted: {remarks.named(altered)}"
    others = [each.outcome.run for each in arm.left_out if not each.outcome.is_altered]
    if others:
        yield (
            f"not counted either: {remarks.named(others)}"
            if altered
            else (f"not counted: {remarks.named(others)}")
        )


def asserted(arm: Arm, findings: Findings, wanted: Sequence[str]) -> list[str]:
    """The runs of which one of these is said for sure."""
    return [
        outcome.run
        for outcome in arm.outcomes
        if any(
            each.finding in wanted and each.confidence >= ASSERTED
            for each in findings.get(outcome.run, ())
        )
    ]


def is_improving(arm: Arm, findings: Findings) -> bool:
    """Whether at least half of its runs ended before they had converged."""
    improving = asserted(arm, findings, ("still_improving",))
    return bool(arm.outcomes) and 2 * len(improving) >= len(arm.outcomes)
