"""Runs become a comparison: arms over seeds, each against one of them, and what that proves. Pure.

Only runs that finished as they were meant are pooled. A run whose experiment a repair has changed
is listed beside its arm and is in none of its numbers (law 7).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from overnight.core import errors
from overnight.results.comparison import grouping, remarks, statistics, testing
from overnight.results.comparison.arms import (
    FINISHED,
    IMPORTED,
    Arm,
    Baseline,
    Comparison,
    LeftOut,
    Outcome,
    Shown,
    Stat,
    Swept,
    Value,
    Which,
)

WHICH: tuple[Which, ...] = ("best", "last", "at best validation")
NOT_ON_TEST = (
    "the best value on test data may not be chosen: that would be a training on the test set"
)


class Number(NamedTuple):
    """A baseline that is no run of ours."""

    value: float
    source: str


def compare(
    outcomes: Sequence[Outcome],
    *,
    metric: str | None = None,
    which: Which | None = None,
    by: str = grouping.SEED,
    baseline: str | Number | None = None,
    sweep: Swept | None = None,
) -> Comparison:
    """`metric` None: the primary one. `which` None: as the metric's split demands (`chosen`).

    `baseline`: an arm's label or a run, else a number; None: the sweep's own base, if there is one.
    Raises `errors.UsageError` for a metric, baseline or key that is not there.
    """
    name = measured(outcomes, metric)
    groups = grouping.grouped(outcomes, by)
    fit, unfit = sorted_out(groups, by)
    main = chosen(name, fit, which) if name is not None else None
    others = [each for each in names(fit) if each != name]
    shown = [*([main] if main else []), *(chosen(each, fit, None) for each in others)]
    arms = [arm(group, shown, main, unfit) for group in groups]
    ordered = sorted(arms, key=lambda each: rank(each, main))
    based, arms_found = resolved(ordered, baseline, main)
    tests, to_best, same = testing.tested(arms_found, based, main)
    found = Comparison(
        metric=name,
        goal=main.goal if main else None,
        split=main.split if main else "",
        which=main.which if main else "last",
        why_which=main.why if main else "",
        arms=tuple(arms_found),
        baseline=based,
        tests=tests,
        indistinguishable=same,
        power=testing.all_powers(arms_found, tests, to_best, main),
        differences=remarks.differences(groups),
        metrics=tuple(shown),
        notes=(),
        to_best=to_best,
        by=by,
        sweep=sweep,
    )
    return dataclasses.replace(found, notes=tuple(remarks.notes(found)))


# -- the metric -------------------------------------------------------------------------------


def measured(outcomes: Sequence[Outcome], wanted: str | None) -> str | None:
    """The metric of the table: as asked for, else the primary one of the first run with one."""
    known = dict.fromkeys(name for each in outcomes for name in each.metrics)
    if wanted is not None and wanted not in known:
        raise errors.UsageError(
            f"no run has a metric {wanted!r}; there are: {', '.join(known) or 'none'}",
            hint="--metric with one of these",
        )
    return wanted or next((each.primary for each in outcomes if each.primary), None)


def names(outcomes: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(name for each in outcomes for name in each.metrics))


def chosen(name: str, outcomes: Sequence[Outcome], wanted: Which | None) -> Shown:
    """Goal and split of a metric, and which value of its curves counts, for all arms alike."""
    curves = [each.metrics[name] for each in outcomes if name in each.metrics]
    goals = {each.goal for each in curves}
    goal = goals.pop() if len(goals) == 1 else None
    split = curves[0].split if curves else ""
    if wanted == "best" and goal is None and curves:
        why = "it is not known which way is better, so that no value is best"
        return Shown(name, goal, split, "last", why)
    is_chosen = bool(curves) and all(each.at_best is not None for each in curves)
    if wanted == "at best validation" and not is_chosen:
        raise errors.UsageError(
            f"not every run has a validation metric by which {name} can be chosen",
            hint="--which last",
        )
    if split == "test" and wanted != "last":
        return Shown(name, goal, split, *_on_test(is_chosen))
    if wanted is not None:
        return Shown(name, goal, split, wanted, "as asked for")
    if goal is None:
        why = "it is not known which way is better, so that no value is best"
        return Shown(name, goal, split, "last", why)
    if split == "train":
        return Shown(name, goal, split, "last", "a training metric: the last value")
    return Shown(name, goal, split, "best", "the best value of each curve on validation data")


def _on_test(is_chosen: bool) -> tuple[Which, str]:
    if is_chosen:
        return "at best validation", f"where the validation was best; {NOT_ON_TEST}"
    return "last", f"the last value; {NOT_ON_TEST}"


# -- what is pooled ---------------------------------------------------------------------------


def sorted_out(
    groups: Sequence[grouping.Group], by: str
) -> tuple[list[Outcome], dict[str, tuple[Outcome, str]]]:
    """(runs that may be pooled, the others by name with the reason)."""
    fit: list[Outcome] = []
    unfit: dict[str, tuple[Outcome, str]] = {}
    for group in groups:
        first: dict[object, str] = {}
        keys = grouping.varying(group.settings)
        for each, config in zip(group.outcomes, group.settings, strict=True):
            same = (each.seed, grouping.identity(config, keys))
            why = unfitness(each)
            if not why and by != grouping.NONE and each.seed is not None and same in first:
                why = f"the same seed as {first[same]}: that is one result and not two"
            if why:
                unfit[key_of(each)] = (each, why)
                continue
            first.setdefault(same, each.run)
            fit.append(each)
    return fit, unfit


def unfitness(outcome: Outcome) -> str:
    """Why a run is in no mean whatever the metric; empty where it may be."""
    if outcome.is_altered:
        return f"another experiment than was asked for: {'; '.join(outcome.altered)}"
    return "" if outcome.state in (FINISHED, IMPORTED) else outcome.said


def key_of(outcome: Outcome) -> str:
    """Two servers may have runs of the same name."""
    return f"{outcome.server}/{outcome.run}"


def arm(
    group: grouping.Group,
    shown: Sequence[Shown],
    main: Shown | None,
    unfit: Mapping[str, tuple[Outcome, str]],
) -> Arm:
    left = [LeftOut(*unfit[key_of(each)]) for each in group.outcomes if key_of(each) in unfit]
    able = [each for each in group.outcomes if key_of(each) not in unfit]
    lacking = {key_of(each): lack(each, main) for each in able}
    stats = {each.name: stat(able, each) for each in shown}
    return Arm(
        label=group.label,
        config=group.config,
        pooled=tuple(each for each in able if not lacking[key_of(each)]),
        left_out=(
            *left,
            *(LeftOut(each, why) for each in able if (why := lacking[key_of(each)])),
        ),
        stats={name: found for name, found in stats.items() if found},
        by_which=by_which(able, main),
    )


def by_which(outcomes: Sequence[Outcome], main: Shown | None) -> dict[str, Stat]:
    if main is None:
        return {}
    found = {which: stat(outcomes, main._replace(which=which)) for which in WHICH}
    return {which: each for which, each in found.items() if each}


def lack(outcome: Outcome, main: Shown | None) -> str:
    """Why a run that went well has no number of this metric; empty where it has."""
    if main is None:
        return ""
    curve = outcome.metrics.get(main.name)
    if curve is None:
        other = outcome.primary if outcome.primary not in (None, main.name) else None
        return f"measured by {other}" if other else f"has no {main.name}"
    value = curve.value(main.which)
    if value is None:
        return f"has no {main.which} value of {main.name}"
    return "" if math.isfinite(value) else f"its {main.which} value is {value}"


def stat(outcomes: Sequence[Outcome], shown: Shown) -> Stat | None:
    """Over the runs that have a finite value; None where none has."""
    values = []
    for each in outcomes:
        curve = each.metrics.get(shown.name)
        value = curve.value(shown.which) if curve else None
        if curve and value is not None and math.isfinite(value):
            values.append(Value(each.run, each.seed, value, curve.place(shown.which)))
    if not values:
        return None
    numbers = [each.value for each in values]
    reach = statistics.interval(numbers)
    return Stat(
        n=len(values),
        mean=statistics.mean(numbers),
        sd=statistics.deviation(numbers),
        low=reach.low if reach else None,
        high=reach.high if reach else None,
        values=tuple(values),
    )


def rank(arm: Arm, main: Shown | None) -> float:
    """Ascending: the best first, arms without a value last; as they came without a goal."""
    found = arm.stats.get(main.name) if main else None
    if main is None or found is None:
        return math.inf
    if main.goal is None:
        return 0.0
    return found.mean if main.goal == "min" else -found.mean


# -- the baseline -----------------------------------------------------------------------------


def resolved(
    arms: Sequence[Arm], wanted: str | Number | None, main: Shown | None
) -> tuple[Baseline | None, list[Arm]]:
    """The baseline, and the arms with that one marked."""
    if isinstance(wanted, Number):
        return Baseline(arm=None, value=wanted.value, source=wanted.source), list(arms)
    if wanted is None:
        found = next((each for each in arms if any(run.is_base for run in each.outcomes)), None)
    else:
        found = named(arms, wanted)
    if found is None:
        return None, list(arms)
    marked = [dataclasses.replace(each, is_baseline=each is found) for each in arms]
    return Baseline(arm=found.label, value=None, source=_source(found, main)), marked


def _source(arm: Arm, main: Shown | None) -> str:
    runs = arm.stats[main.name].values if main and main.name in arm.stats else ()
    return ", ".join(each.run for each in runs)


def named(arms: Sequence[Arm], wanted: str) -> Arm:
    """Raises `errors.UsageError` where none is called so, or several are."""
    found = grouping.meant(arms, wanted)
    if len(found) == 1:
        return found[0]
    known = ", ".join(repr(each.label) for each in found or arms)
    what = "several arms are" if found else "no arm and no run is"
    raise errors.UsageError(
        f"{what} called {wanted!r}; {'these' if found else 'the arms'} are: {known}",
        hint=f"--baseline {(found or arms)[0].label!r}, one of its runs, or a number"
        if arms
        else "",
    )
