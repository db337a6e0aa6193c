"""Arms against each other: the tests, what cannot be told from the best, how many seeds it takes.

Where both have the same seeds, the differences seed by seed are tested, else the means by Welch's
test, whose spreads may differ. Several tests of one table are corrected by Holm's method: against a
baseline for their number; against the best, which the same numbers have picked, for all pairs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from overnight.results import differences, names, wording
from overnight.results.comparison import statistics
from overnight.results.comparison.arms import (
    Arm,
    Baseline,
    Pair,
    Power,
    Shown,
    Stat,
    Test,
    family,
)
from overnight.results.comparison.remarks import OTHER_SCALE

__all__ = ["OTHER_SCALE"]

NO_TEST = "a number from elsewhere: our mean differs by so much, and no test is claimed"
ONE_SEED = "one seed, unproven"
NO_SPREAD = "the seeds change nothing at all, so that they prove nothing"
MOST_POWERS, MOST_TO_BEST = 12, 3
DIGITS = 12  # of a difference, counted from the first one of the values
EQUAL_PAIRS = "every seed differs by the same, which has no spread: tested by the means"


def tested(
    arms: Sequence[Arm], baseline: Baseline | None, main: Shown | None
) -> tuple[tuple[Test, ...], tuple[Test, ...], frozenset[str]]:
    """(against the baseline or the best, against the best, labels of the best and of those which a
    test cannot tell from it).

    Where the baseline is the best, it was not picked by its numbers: both are the same tests.
    """
    if main is None:
        return (), (), frozenset()
    known = [each for each in arms if main.name in each.stats]
    best = known[0] if known and main.goal and len(known) > 1 else None
    is_picked = baseline is None or best is None or baseline.arm != best.label
    to_best = against(known, best, main, is_picked=is_picked) if best else ()
    unclear = {each.arm for each in to_best if each.p is not None and not each.is_clear}
    same = frozenset({best.label} | unclear) if best else frozenset()
    if baseline is None:
        return to_best, to_best, same
    if baseline.arm is None:
        return tuple(to_number(each, baseline, main) for each in known), to_best, same
    base = next((each for each in known if each.label == baseline.arm), None)
    return (against(known, base, main) if base else ()), to_best, same


def against(
    arms: Sequence[Arm], base: Arm, main: Shown, *, is_picked: bool = False
) -> tuple[Test, ...]:
    """All others against `base`, corrected for their number.

    `is_picked`: `base` is the best by these numbers, so that luck has had its choice of all pairs.
    """
    found = [test(each, base, main) for each in arms if each.label != base.label]
    ps = [each.p for each in found if each.p is not None]
    corrected = iter(statistics.holm(ps, family(len(ps), is_picked)))
    return tuple(
        _corrected(each, next(corrected)) if each.p is not None else each for each in found
    )


def _corrected(each: Test, p: float) -> Test:
    return dataclasses.replace(each, p_holm=p, is_clear=p < statistics.ALPHA)


def test(arm: Arm, base: Arm, main: Shown) -> Test:
    """Both have the metric. Not corrected yet."""
    one, other = arm.stats[main.name], base.stats[main.name]
    pairs = paired(one, other)
    if same_by_hundred(main.name, one.mean, other.mean):
        return Test(
            arm=arm.label,
            against=base.label,
            kind="none",
            n=one.n,
            n_against=other.n,
            difference=None,
            note=OTHER_SCALE,
        )
    found = statistics.paired([each.difference for each in pairs]) if pairs else None
    is_equal = bool(pairs) and found is None
    if found is None:  # of equal differences the means claim less than pairs would
        pairs, found = (), statistics.welch(numbers(one), numbers(other))
    difference = found.difference if found else one.mean - other.mean
    plain = Test(
        arm=arm.label,
        against=base.label,
        kind="none",
        n=one.n,
        n_against=other.n,
        difference=difference,
        is_better=differences.is_better(difference, main.goal),
        pairs=pairs,
    )
    if found is None:
        return dataclasses.replace(plain, note=ONE_SEED if 1 in (one.n, other.n) else NO_SPREAD)
    return dataclasses.replace(
        plain,
        kind="paired" if pairs else "welch",
        low=found.low,
        high=found.high,
        t=found.t,
        df=found.df,
        p=found.p,
        note=EQUAL_PAIRS if is_equal else "",
    )


def paired(one: Stat, other: Stat) -> tuple[Pair, ...]:
    """The same seeds on both sides, two or more, each once; else none."""
    left = {each.seed: each for each in one.values}
    right = {each.seed: each for each in other.values}
    is_whole = len(left) == one.n and len(right) == other.n and None not in left
    if not is_whole or left.keys() != right.keys() or one.n < 2:
        return ()
    size = max(abs(each) for each in (*numbers(one), *numbers(other)))
    return tuple(
        Pair(seed, each.run, right[seed].run, apart(each.value, right[seed].value, size))
        for seed, each in left.items()
        if seed is not None
    )


def apart(one: float, other: float, size: float) -> float:
    """one - other, without the last digits, which subtraction of values of `size` makes up.

    Else equal differences would seem to have a spread, a tiny one, and prove anything.
    """
    return round(one - other, DIGITS - math.ceil(math.log10(size))) if size else 0.0


def to_number(arm: Arm, baseline: Baseline, main: Shown) -> Test:
    """Our mean beside a number whose spread nobody knows."""
    found, value = arm.stats[main.name], baseline.value or 0.0
    plain = Test(
        arm=arm.label,
        against=baseline.source or wording.number(value),
        kind="number",
        n=found.n,
        n_against=0,
        difference=None,
    )
    if names.is_other_scale(main.name, found.mean, value):
        return dataclasses.replace(plain, note=OTHER_SCALE)
    difference = differences.tidy(found.mean - value)
    return dataclasses.replace(
        plain,
        difference=difference,
        low=found.low - value if found.low is not None else None,
        high=found.high - value if found.high is not None else None,
        is_better=differences.is_better(difference, main.goal),
        note=NO_TEST if found.n > 1 else f"{ONE_SEED}; {NO_TEST}",
    )


def same_by_hundred(metric: str, one: float, other: float) -> bool:
    """Whether two arms of ours seem to differ by their scale alone: 0.91 and 91.2.

    Not a training that collapsed: 0.1 % beside 76 %.
    """
    low, high = sorted((one, other))
    return names.is_other_scale(metric, one, other) and low > 0 and 40 < high / low < 250


def numbers(found: Stat) -> list[float]:
    return [each.value for each in found.values]


# -- how many seeds ---------------------------------------------------------------------------


def all_powers(
    arms: Sequence[Arm], tests: Sequence[Test], to_best: Sequence[Test], main: Shown | None
) -> tuple[Power, ...]:
    """Against the baseline where that is an arm, and between the best and those next to it."""
    to_base = () if any(each.kind == "number" for each in tests) else tests
    is_picked = not any(each.is_baseline for each in arms)
    known = powers(arms, to_base, main, MOST_POWERS, is_picked)
    pairs = {frozenset((each.arm, each.against)) for each in to_base}
    others = powers(arms, to_best, main, MOST_TO_BEST, True)
    return (*known, *(e for e in others if frozenset((e.arm, e.against)) not in pairs))


def powers(
    arms: Sequence[Arm],
    tests: Sequence[Test],
    main: Shown | None,
    most: int,
    is_picked: bool,
) -> tuple[Power, ...]:
    """One for each test that has settled nothing; for the first `most` of a long table."""
    if main is None:
        return ()
    stats = {each.label: each.stats[main.name] for each in arms if main.name in each.stats}
    tested = sum(each.p is not None for each in tests)
    level = statistics.ALPHA / max(1, family(tested, is_picked))
    unclear = [t for t in tests if not t.is_clear and t.difference is not None][:most]
    return tuple(power(each, stats[each.arm], stats[each.against], level) for each in unclear)


def power(test: Test, one: Stat, other: Stat, level: float) -> Power:
    """`level`: 5 % shared among the tests of the table."""
    if test.pairs:
        found = statistics.needed_paired([each.difference for each in test.pairs], level)
    else:
        found = statistics.needed_welch(numbers(one), numbers(other), level)
    more = found.more if found else None
    capped = found is not None and more is None
    return Power(
        arm=test.arm,
        against=test.against,
        n=min(one.n, other.n),
        more=statistics.MOST_SEEDS + 1 if capped else more,
        is_capped=capped,
        visible=found.visible if found else None,
        words=f"{test.arm} against {test.against}: {needed(found, test)}",
    )


def needed(found: statistics.Needed | None, test: Test) -> str:
    """`3 more seeds each would show 0.4 with a chance of 80 %, if …`"""
    if found is None:
        if test.note == ONE_SEED:
            return "run at least 2 more seeds of each: one has no spread"
        return test.note
    now = wording.number(float(f"{found.visible:.3g}"))
    here = f"the {min(test.n, test.n_against)} of now show one of {now}"
    if not test.difference:
        return f"no difference is seen; {here} with a chance of 80 %"
    many = f"more than {statistics.MOST_SEEDS}" if found.more is None else str(found.more)
    noun = "seed" if many == "1" else "seeds"
    seen = wording.number(abs(float(f"{test.difference:.3g}")))
    return (
        f"{many} more {noun} each would show a difference of {seen} with a chance of 80 %, if it "
        f"and the spread are as seen; {here}"
    )
