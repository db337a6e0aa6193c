"""What to run next, each with the evidence it rests on, the most useful first. Pure.

Nothing is proposed without evidence: a finding about a curve, a test that settled nothing, a knob
whose best value is the last that was tried, runs that a repair has changed or that failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from overnight.results import wording
from overnight.results.advice import curve_proposals, knob_effects, verdict
from overnight.results.advice.curve_words import Findings
from overnight.results.advice.knob_effects import Effect
from overnight.results.advice.proposal import (
    ALTERED,
    BOTH,
    EDGE,
    EQUAL,
    FAILED,
    FEW_SEEDS,
    MANY,
    MIDDLE,
    Proposal,
    at,
    number,
    seeds_of,
    sweepable,
)
from overnight.results.comparison import grouping, remarks, settings
from overnight.results.comparison.arms import Arm, Comparison, Power

__all__ = ["Proposal", "nothing", "proposed", "ranked"]

SEEDS_TO_BEGIN = 2  # beside the one that there is
MOST_ARMS = 3  # that get more seeds at once
MOST_KNOBS = 3
MANY_SEEDS = 10


def proposed(found: Comparison, findings: Findings | None = None) -> list[Proposal]:
    """The most useful first; empty where nothing speaks for anything."""
    made = [
        *curve_proposals.of_curves(found, findings or {}),
        *repeats(found),
        *retries(found),
        *more_seeds(found),
        *knobs(found),
    ]
    return sorted(made, key=lambda each: -each.use)


def nothing(found: Comparison) -> str:
    """Why there is nothing to propose."""
    if not any(found.stat(arm) for arm in found.arms):
        return "no run has a number yet: nothing can be proposed"
    if len(found.arms) == 1:
        return "one arm, whose curves say nothing against it: vary something, overnight sweep KEY=…"
    best = "nothing is called best"
    if found.best:
        is_sure = bool(found.to_best) and all(each.is_clear for each in found.to_best)
        best = f"{found.best.label} is the best{' for certain' if is_sure else ', unproven'}"
    return f"{best}, no best value lies at an edge of what was tried: nothing to propose"


# -- seeds ------------------------------------------------------------------------------------


def more_seeds(found: Comparison) -> Iterator[Proposal]:
    """For the best arm and what cannot be told from it, and for the baseline."""
    best = found.best
    if best is None or found.stat(best) is None:
        if len(found.arms) == 1:
            yield from first_seeds(found)
        return
    if len(found.arms) == 1:
        yield from first_seeds(found)
        return
    open_ = [each for each in found.power if best.label in (each.arm, each.against)]
    known = [each for each in open_ if each.more is not None and not each.is_capped]
    single = [each for each in open_ if each.n == 1]
    near = sorted(known, key=lambda each: each.more or 0)[: MOST_ARMS - 1]
    if near:
        yield settle(found, near)
    elif single:
        yield begin(found, first(found, [best, *(rival(found, best, each) for each in single)]))
    capped = [each for each in open_ if each.is_capped]
    if capped and not near and not single:
        yield settled(found, best, capped)


def rival(found: Comparison, best: Arm, power: Power) -> Arm:
    return found.arm(power.against if power.arm == best.label else power.arm)


def first(found: Comparison, arms: Sequence[Arm]) -> list[Arm]:
    """MOST_ARMS of them, the best first, the baseline always among them."""
    base = [each for each in arms if each.is_baseline]
    others = [each for each in found.arms if each in arms and not each.is_baseline]
    return [*others[: MOST_ARMS - len(base)], *base]


def settle(found: Comparison, open_: Sequence[Power]) -> Proposal:
    """So many seeds that the differences, if they are as seen, would show."""
    labels = {label for each in open_ for label in (each.arm, each.against)}
    arms = [each for each in found.arms if each.label in labels]
    more = max(each.more or 0 for each in open_)
    more = max(more, 2) if len(arms) == 1 else more
    return Proposal(
        kind="seeds",
        what=f"{wording.count(more, 'more seed')} of each of {named(arms)}",
        why="; ".join(each.words for each in open_),
        use=FEW_SEEDS - more if more <= MANY_SEEDS else MANY,
        evidence={"power": [each.to_json() for each in open_]},
        **at(found, arms, new_seeds(arms, more)),
    )


def begin(found: Comparison, arms: Sequence[Arm]) -> Proposal:
    """One seed each proves nothing, and says nothing of how many it would take."""
    unique = list({each.label: each for each in arms}.values())
    stats = {each.label: stat.mean for each in unique if (stat := found.stat(each))}
    return Proposal(
        kind="seeds",
        what=f"{SEEDS_TO_BEGIN} more seeds of each of {named(unique)}",
        why="one seed has no spread, so that no difference to it is proven: "
        + ", ".join(f"{label} {wording.number(value)}" for label, value in stats.items()),
        use=FEW_SEEDS,
        evidence={"means": stats},
        **at(found, unique, new_seeds(unique, SEEDS_TO_BEGIN)),
    )


def first_seeds(found: Comparison) -> Iterator[Proposal]:
    """A single arm with one seed."""
    stat = found.stat(found.arms[0])
    if stat is not None and stat.n == 1:
        yield begin(found, found.arms)


def settled(found: Comparison, best: Arm, open_: Sequence[Power]) -> Proposal:
    """No test can show that two are equal: how far apart they may be is said."""
    others = [rival(found, best, each) for each in open_]
    return Proposal(
        kind="settled",
        what=f"choose the cheaper of {best.label} and {named(others)}, unless a difference as "
        "large as the interval allows would matter",
        why="; ".join(f"{each.words}{reach(found, each)}" for each in open_),
        use=EQUAL,
        evidence={"power": [each.to_json() for each in open_]},
    )


def reach(found: Comparison, power: Power) -> str:
    """`, its 95 % interval is -0.4 to 0.6`"""
    tests = (*found.tests, *found.to_best)
    test = next((t for t in tests if (t.arm, t.against) == (power.arm, power.against)), None)
    if test is None or test.low is None:
        return ""
    return f"; its 95 % interval is {verdict.span(test.low, test.high)}"


def new_seeds(arms: Sequence[Arm], count: int) -> tuple[int, ...]:
    """Above all that were used, and the same for all arms, so that they can be paired."""
    used = [
        seed
        for arm in arms
        for each in arm.outcomes
        if (seed := settings.whole(each.seed)) is not None
    ]
    first = max(used, default=-1) + 1
    return tuple(range(first, first + count))


# -- knobs ------------------------------------------------------------------------------------


def knobs(found: Comparison) -> Iterator[Proposal]:
    """Past the edge at which the best value lies, else around it; and the best of each together."""
    best = found.best
    if best is None:
        return
    effects = [each for each in knob_effects.effects(found) if sweepable(each.key)]
    for each in effects[:MOST_KNOBS]:
        made = turned(found, best, each)
        if made is not None:
            yield made
    yield from together(found, effects)


def turned(found: Comparison, best: Arm, effect: Effect) -> Proposal | None:
    """None for a knob without numbers, for one that makes less than a seed does, and where all
    values beside the best were tried.
    """
    is_noise = not effect.is_clear and effect.size < (effect.spread or 0.0)
    if not effect.is_numeric or effect.size <= 0 or is_noise:
        return None
    values = effect.beyond() if effect.edge else effect.between()
    if not values or (not effect.edge and not effect.is_clear):
        return None
    name, shown = grouping.last(effect.key), " and ".join(wording.number(each) for each in values)
    direction = {-1: "lowest", 1: "highest"}.get(effect.edge)
    lies = (
        f"the best value is the {direction} that was tried"
        if direction
        else "the best value lies between others"
    )
    return Proposal(
        kind="knob",
        what=f"{name} {shown}{', beyond what was tried' if direction else ', around the best'}",
        why=f"{curve(found, effect)}: {lies}; {size(effect)}",
        use=(EDGE if direction else MIDDLE) - (0 if effect.is_clear else 10),
        evidence=knob_effects.told(effect),
        **at(found, [best], seeds_of(best), [{effect.key: number(each)} for each in values]),
    )


def together(found: Comparison, effects: Sequence[Effect]) -> Iterator[Proposal]:
    """Of an ablation: what was better alone, in one run."""
    base = next((each for each in found.arms if each.is_baseline), None)
    if base is None:
        return
    better: dict[str, Any] = {}
    for each in effects:
        mine = knob_effects.typed(base.config.get(each.key))
        if each.levels[each.best].value != mine and each.size > 0:
            better[each.key] = each.levels[each.best].value
    if len(better) < 2 or any(has_all(arm, better) for arm in found.arms):
        return
    shown = ", ".join(f"{grouping.last(key)}={grouping.shown(v)}" for key, v in better.items())
    is_sure = all(
        is_better(found, base, each, better[each.key]) for each in effects if each.key in better
    )
    yield Proposal(
        kind="knob",
        what=f"{shown} together",
        why=f"each of them alone was better than {base.label}{'' if is_sure else ', unproven'}, "
        "and they were not tried together",
        use=BOTH,
        evidence={"changes": dict(better)},
        **at(found, [base], seeds_of(base) or new_seeds([base], SEEDS_TO_BEGIN), [better]),
    )


def is_better(found: Comparison, base: Arm, effect: Effect, value: Any) -> bool:
    """Whether a test says so of an arm with that value against the base."""
    labels = next(each.labels for each in effect.levels if each.value == value)
    return any(
        test.is_clear and test.is_better and test.arm in labels and test.against == base.label
        for test in found.tests
    )


def has_all(arm: Arm, changes: Mapping[str, Any]) -> bool:
    return all(knob_effects.typed(arm.config.get(key)) == value for key, value in changes.items())


def curve(found: Comparison, effect: Effect) -> str:
    """`val_acc by lr: 0.001 90.1, 0.01 92.3 (n = 6)`"""
    told = ", ".join(
        f"{grouping.shown(each.value)} {wording.number(float(f'{each.mean:.5g}'))}"
        for each in effect.levels
    )
    n = sum(each.n for each in effect.levels)
    return f"{found.metric} by {grouping.last(effect.key)}: {told} (n = {n})"


def size(effect: Effect) -> str:
    """`it makes 1.37, 3.4 times the spread of seeds, unproven`"""
    told = f"it makes {wording.number(float(f'{effect.size:.3g}'))}"
    if effect.spread:
        times = wording.number(float(f"{effect.size / effect.spread:.2g}"))
        told += f", {times} times the spread of seeds"
    return told if effect.is_clear else f"{told}, unproven"


def ranked(effects: Sequence[Effect]) -> str:
    """Each knob with what it makes, in one sentence; empty for fewer than two."""
    told = [f"{grouping.last(each.key)}: {size(each)}" for each in effects]
    return f"the knobs, the largest effect first: {'; '.join(told)}" if len(told) > 1 else ""


# -- what went wrong --------------------------------------------------------------------------


def repeats(found: Comparison) -> Iterator[Proposal]:
    """Runs that a repair has made another experiment, as they were asked for."""
    for arm in found.arms:
        runs = list(arm.altered)
        if not runs:
            continue
        why = "; ".join(f"{each.run}: {', '.join(each.altered)}" for each in runs)
        seeds = tuple(s for each in runs if (s := settings.whole(each.seed)) is not None)
        yield Proposal(
            kind="repeat",
            what=f"repeat {remarks.named([each.run for each in runs])} as asked for, "
            "once the cause is mended",
            why=f"changed by a repair, so in no number: {why}",
            use=ALTERED,
            evidence={"runs": [each.run for each in runs]},
            command=f"overnight explain {runs[0].run}" if len(seeds) < 2 else "",
            **at(found, [arm], seeds if len(seeds) == len(runs) else ()),
        )


def retries(found: Comparison) -> Iterator[Proposal]:
    """Runs that failed, with what to type."""
    runs = [each for each in found.outcomes if each.state in ("failed", "needs-decision")]
    if not runs:
        return
    first = runs[0]
    retry = f"overnight sweep retry-failed {found.sweep.name}" if found.sweep else ""
    reason = f": {first.reason}" if first.reason else ""
    yield Proposal(
        kind="retry",
        what=f"mend and go on with {remarks.named([each.run for each in runs])}",
        why=f"{wording.count(len(runs), 'run')} failed and {'is' if len(runs) == 1 else 'are'} in "
        f"no mean; {first.run}{reason}",
        use=FAILED,
        evidence={"runs": [each.run for each in runs]},
        command=retry or f"overnight explain {first.run}",
    )


def named(arms: Sequence[Arm]) -> str:
    return ", ".join(each.label for each in arms)
