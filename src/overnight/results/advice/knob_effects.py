"""What each knob of a comparison does: its values in order, the metric at each, and where the best
lies. Pure.

A knob is a key in which the arms differ. At each of its values the arms are averaged that have it
and are otherwise alike, so that a knob is told apart from the others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.core import sweep_values
from overnight.results.comparison import grouping, statistics
from overnight.results.comparison.arms import Arm, Comparison
from overnight.results.comparison.plain import plain

ENOUGH_FOR_LOG = 3.0  # two values that are so many times apart are spaced by factors


@dataclass(frozen=True, kw_only=True)
class Level:
    """A value of a knob, and the mean over the arms (`labels`) that have it; `n` runs in all."""

    value: Any
    mean: float
    n: int
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """`levels`: by value where those are numbers, else the best first. `best`: its place.

    `size`: best minus worst mean, in the direction of the goal (positive). `spread`: the standard
    deviation of seeds pooled over the arms, None where there is none. `is_clear`: whether an arm
    with the best value is told for certain from one with the worst.
    """

    key: str
    levels: tuple[Level, ...]
    best: int
    size: float
    spread: float | None
    is_clear: bool
    is_numeric: bool

    @property
    def edge(self) -> int:
        """-1 where the best value is the lowest that was tried, 1 for the highest, else 0."""
        if not self.is_numeric or len(self.levels) < 2:
            return 0
        return -1 if self.best == 0 else 1 if self.best == len(self.levels) - 1 else 0

    @property
    def values(self) -> list[float]:
        return [float(each.value) for each in self.levels]

    @property
    def is_log(self) -> bool:
        """Whether its values are spaced by factors more evenly than by differences."""
        values = self.values
        if min(values) <= 0:
            return False
        if len(values) == 2:
            return max(values) / min(values) >= ENOUGH_FOR_LOG
        return unevenness([math.log(each) for each in values]) < unevenness(values)

    def beyond(self) -> list[float]:
        """Two more values past the edge at which the best lies, spaced as the last two are.

        What was positive stays so, by factors if need be; a share (0 to 1) stays one, unless its
        values are spaced by factors.
        """
        values = self.values if self.edge > 0 else self.values[::-1]
        last, before = values[-1], values[-2]
        found = [last + (last - before) * n for n in (1, 2)]
        is_positive = min(values) > 0
        if self.is_log or (is_positive and min(found) <= 0):
            found = [last * (last / before) ** n for n in (1, 2)]
        is_share = not self.is_log and min(values) >= 0 and max(values) < 1
        return self.written([each for each in found if not is_share or 0 <= each < 1])

    def between(self) -> list[float]:
        """The middles on both sides of the best value."""
        values, place = self.values, self.best
        pairs = [(values[n], values[n + 1]) for n in (place - 1, place) if 0 <= n < len(values) - 1]
        middles = [math.sqrt(a * b) if self.is_log else (a + b) / 2 for a, b in pairs]
        return self.written(middles)

    def written(self, values: Sequence[float]) -> list[float]:
        """Rounded to two digits; whole where all that was tried is; each once and not tried yet.

        Not 0 by rounding: no training has 0 epochs because 1 and 2 were tried.
        """
        is_positive = min(self.values) > 0
        is_whole = all(isinstance(each.value, int) for each in self.levels)
        rounded = [float(round(each)) if is_whole else float(f"{each:.2g}") for each in values]
        fresh = [each for each in dict.fromkeys(rounded) if each not in self.values]
        return [each for each in fresh if each > 0 or not is_positive]


def unevenness(values: Sequence[float]) -> float:
    """The widest gap of ascending values by the narrowest."""
    gaps = [after - before for before, after in itertools.pairwise(values)]
    return max(gaps) / min(gaps)


def effects(found: Comparison) -> list[Effect]:
    """The largest first. Without a goal nothing is better than anything."""
    if found.goal is None:
        return []
    arms = [each for each in found.arms if found.stat(each) is not None]
    keys = dict.fromkeys(key for each in arms for key in each.config if key != grouping.CODE)
    told = (effect(found, arms, key) for key in keys)
    return sorted((each for each in told if each is not None), key=lambda each: -each.size)


def effect(found: Comparison, arms: Sequence[Arm], key: str) -> Effect | None:
    """None where fewer than two values have a number."""
    by_value: dict[Any, list[Arm]] = {}
    for arm in alone(arms, key):
        by_value.setdefault(typed(arm.config[key]), []).append(arm)
    if len(by_value) < 2:
        return None
    is_numeric = all(is_number(value) for value in by_value)
    sign = -1.0 if found.goal == "min" else 1.0
    levels = [level(found, value, members) for value, members in by_value.items()]
    levels.sort(key=lambda each: float(each.value) if is_numeric else -sign * each.mean)
    best = max(range(len(levels)), key=lambda n: sign * levels[n].mean)
    worst = min(range(len(levels)), key=lambda n: sign * levels[n].mean)
    return Effect(
        key=key,
        levels=tuple(levels),
        best=best,
        size=sign * (levels[best].mean - levels[worst].mean),
        spread=pooled_spread(found, arms),
        is_clear=is_told_apart(found, levels[best], levels[worst]),
        is_numeric=is_numeric,
    )


def alone(arms: Sequence[Arm], key: str) -> list[Arm]:
    """The arms in which `key` can be told from everything else that differs.

    Arms are put together that differ in `key` alone; of these sets those are used that have the
    most values of it, all of them the same ones. Of an ablation that is the base with its changes
    of `key`, of a grid all of it; an arm that differs in other things as well tells nothing.
    """
    keys = list(dict.fromkeys(name for each in arms for name in each.config if name != key))
    blocks: dict[tuple[str, ...], list[Arm]] = {}
    for each in arms:
        if key in each.config:
            blocks.setdefault(grouping.identity(each.config, keys), []).append(each)
    tried = [{plain(each.config[key]) for each in block} for block in blocks.values()]
    widest = max(tried, key=len, default=set())
    return [
        each
        for block, values in zip(blocks.values(), tried, strict=True)
        if values == widest
        for each in block
    ]


def level(found: Comparison, value: Any, arms: Sequence[Arm]) -> Level:
    stats = [stat for each in arms if (stat := found.stat(each))]
    return Level(
        value=value,
        mean=statistics.mean([each.mean for each in stats]),
        n=sum(each.n for each in stats),
        labels=tuple(each.label for each in arms),
    )


def pooled_spread(found: Comparison, arms: Sequence[Arm]) -> float | None:
    """Over all arms that have two seeds or more."""
    known = [stat for each in arms if (stat := found.stat(each)) and stat.sd is not None]
    degrees = sum(each.n - 1 for each in known)
    if not degrees:
        return None
    return math.sqrt(math.fsum((each.n - 1) * (each.sd or 0.0) ** 2 for each in known) / degrees)


def is_told_apart(found: Comparison, best: Level, worst: Level) -> bool:
    return any(
        test.is_clear
        and {test.arm, test.against} & set(best.labels)
        and {test.arm, test.against} & set(worst.labels)
        for test in (*found.tests, *found.to_best)
    )


def typed(value: Any) -> Any:
    """A number also where it is written as text."""
    return sweep_values.typed(value) if isinstance(value, str) and value.strip() else value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def told(effect: Effect) -> Mapping[str, Any]:
    """As evidence."""
    return {
        "key": effect.key,
        "levels": [{"value": each.value, "mean": each.mean, "n": each.n} for each in effect.levels],
        "size": effect.size,
        "spread_of_seeds": effect.spread,
        "is_clear": effect.is_clear,
    }
