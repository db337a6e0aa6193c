"""What the tests of a table promise, by simulated seeds: how often they cry wolf, and cover."""

from __future__ import annotations

import math

import numpy as np
import pytest

from overnight.results import differences
from overnight.results.comparison import statistics, testing
from overnight.results.comparison.arms import Arm, Shown, Stat, Value

MAIN = Shown("val_acc", "max", "val", "best", "")
TABLES, SEEDS, ARMS = 1500, 3, 4


def arm(label: str, values: list[float], first: int = 0) -> Arm:
    told = tuple(Value(f"{label}{n}", first + n, each, None) for n, each in enumerate(values))
    reach = statistics.interval(values)
    stat = Stat(
        n=len(values),
        mean=statistics.mean(values),
        sd=statistics.deviation(values),
        low=reach.low if reach else None,
        high=reach.high if reach else None,
        values=told,
    )
    return Arm(label=label, config={}, pooled=(), left_out=(), stats={MAIN.name: stat})


def table(random: np.random.Generator, *, are_paired: bool) -> list[Arm]:
    """Arms that differ in nothing; a seed is good or bad for all of them alike."""
    seeds = random.normal(90, 1, SEEDS) if are_paired else 90
    return [
        arm(f"a{n}", (seeds + random.normal(0, 0.5 + n / 4, SEEDS)).tolist(),
            0 if are_paired else n * SEEDS)
        for n in range(ARMS)
    ]  # fmt: skip


@pytest.mark.parametrize("are_paired", [True, False])
def test_a_table_cries_wolf_in_one_case_out_of_twenty(are_paired: bool) -> None:
    """With all three comparisons of it together; four standard errors of the binomial."""
    random = np.random.default_rng(5)
    alarms = 0
    for _ in range(TABLES):
        base, *others = table(random, are_paired=are_paired)
        found = testing.against([base, *others], base, MAIN)
        assert {each.kind for each in found} == {"paired" if are_paired else "welch"}
        alarms += any(each.is_clear for each in found)
    assert alarms / TABLES < 0.05 + 4 * math.sqrt(0.05 * 0.95 / TABLES)


@pytest.mark.parametrize("are_paired", [True, False])
def test_the_best_of_many_equal_arms_is_seldom_called_better(are_paired: bool) -> None:
    """It was picked by its luck; a correction for all but one would be wrong in 12 %."""
    random = np.random.default_rng(8)
    alarms = 0
    for _ in range(300):
        seeds = random.normal(90, 1, 5) if are_paired else 90
        arms = [
            arm(f"a{n}", (seeds + random.normal(0, 1, 5)).tolist(), 0 if are_paired else 5 * n)
            for n in range(15)
        ]
        arms.sort(key=lambda each: -each.stats[MAIN.name].mean)
        _, to_best, _ = testing.tested(arms, None, MAIN)
        alarms += any(each.is_clear for each in to_best)
    assert alarms / 300 < 0.05


def test_the_interval_of_a_mean_covers_it() -> None:
    """In 95 % of all cases, also with three seeds."""
    random = np.random.default_rng(6)
    drawn = random.normal(90, 1, (4000, SEEDS))
    held = sum(
        found.low <= 90 <= found.high
        for values in drawn.tolist()
        if (found := statistics.interval(values))
    )
    assert abs(held / 4000 - 0.95) < 4 * math.sqrt(0.05 * 0.95 / 4000)


def test_pairs_see_what_means_do_not() -> None:
    """Seeds that spread far more than the arms differ."""
    seeds = [80.0, 90.0, 100.0]
    better = [value + shift for value, shift in zip(seeds, (1.0, 1.1, 0.9), strict=True)]
    same = testing.against([arm("a", seeds), arm("b", better)], arm("a", seeds), MAIN)
    other = testing.against([arm("a", seeds), arm("b", better, 7)], arm("a", seeds), MAIN)
    assert (same[0].is_clear, other[0].is_clear) == (True, False)
    assert same[0].is_better
    assert differences.is_better(-1.0, "min")
    assert differences.is_better(1.0, None) is None
