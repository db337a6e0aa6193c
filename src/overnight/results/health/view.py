"""One series as the judges look at it: what counts of it, lower is better, and its noise. Pure.

Everything is computed from the raw values; where there are more than BUCKETS of them, trends are
read from the medians of equally many values each, spikes and gaps never.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from overnight.results import names
from overnight.results.curves import Floats, Whole
from overnight.results.runs import segments
from overnight.results.series import Series

BUCKETS = 400
LARGEST = 1e140  # of which squares can still be added up
MOST = 20_000
MOST_IN = 500  # values of a bucket that make its median
NORMAL = 1.4826  # median absolute deviation to standard deviation, for normal noise
RATE = re.compile(r"(^|[\s/._-])(lr|learning[ _-]?rate)([\s/._-]|\d|$)", re.I)
MEAN = 0.7979  # mean absolute value of a normal variable
ROOT_6 = 6.0**0.5
MANY = 40
LOSSES = ("loss", "nll", "perplexity", "ppl", "bpb", "bpc", "cross_entropy", "objective", "cost")
# Losses that play against each other, or stand for a gradient: they may rise in a healthy run.
PLAYING = frozenset(("gen", "dis", "disc", "discrim", "discriminator", "generator", "gan"))
PLAYING |= {"adv", "adversarial", "actor", "critic", "rl", "pg", "policy", "ppo", "grpo"}
PLAYING |= {"value", "entropy", "surrogate"}


@dataclass(frozen=True, eq=False)
class View:
    """The last run of `series` that is long enough to be judged. Arrays of shape (n,).

    `x` is the axis, `value` as told with NaN and infinity, `place` where it stands in the series.
    """

    series: Series
    x: Floats
    value: Floats
    place: Whole

    @property
    def name(self) -> str:
        return self.series.written

    @property
    def label(self) -> str:
        """The name for a sentence: with the split, where the name does not tell it."""
        told = names.fold(self.name)[0]
        return self.name if told == self.split else f"{self.split} {self.name}"

    @property
    def split(self) -> str:
        return self.series.split

    @property
    def goal(self) -> str | None:
        return self.series.goal

    @cached_property
    def is_loss(self) -> bool:
        low = self.series.name.lower()
        return self.goal != "max" and any(word in low for word in LOSSES)

    @cached_property
    def is_playing(self) -> bool:
        """Whether its height says little: see PLAYING."""
        return not PLAYING.isdisjoint(re.split(r"[\s/._:-]+", self.name.lower()))

    @cached_property
    def sign(self) -> float:
        """What the values are multiplied with so that lower is better."""
        return -1.0 if self.goal == "max" else 1.0

    @cached_property
    def finite(self) -> Whole:
        return np.flatnonzero(np.isfinite(self.value))

    @cached_property
    def y(self) -> Floats:
        """The finite values, lower is better; what is beyond LARGEST is as large as that."""
        return np.clip(self.sign * self.value[self.finite], -LARGEST, LARGEST)

    @cached_property
    def at(self) -> Floats:
        """The axis at `y`."""
        return self.x[self.finite]

    @cached_property
    def trend(self) -> Trend:
        return bucketed(self.at, self.y)


@dataclass(frozen=True, eq=False)
class Trend:
    """At most BUCKETS values with their axis: medians of `size` raw values each."""

    at: Floats
    y: Floats
    size: float

    @cached_property
    def noise(self) -> float:
        return noise_of(self.y)


def view(series: Series) -> View:
    place, x = segments.judged(series)
    first = _first_computed(series, series.value[place])
    place, x = place[first:], x[first:]
    return View(series=series, x=x, value=series.value[place], place=place)


def _first_computed(series: Series, value: Floats) -> int:
    """Where a validation loss begins: some write exact zeros as long as they compute none."""
    computed = np.flatnonzero(value != 0)
    is_held_out = series.split != names.TRAIN and series.goal == "min"
    return int(computed[0]) if is_held_out and computed.size else 0


def some(values: Floats) -> Floats:
    """At most MOST of the values, equally far apart: enough for a median of them all."""
    return values[:: max(1, values.size // MOST)]


def noise_of(y: Floats) -> float:
    """From second differences, which a straight trend does not change.

    The median is not moved by single wild values; of a few values it may be far too small.
    """
    if y.size < 3:
        return 0.0
    second = np.abs(y[2:] - 2 * y[1:-1] + y[:-2])
    robust = float(np.median(second)) * NORMAL / ROOT_6
    if y.size >= MANY:
        return robust
    return max(
        robust, float(np.mean(np.sort(second)[: second.size - second.size // 8])) / MEAN / ROOT_6
    )


def bucketed(at: Floats, y: Floats) -> Trend:
    if y.size <= BUCKETS:
        return Trend(at=at, y=y, size=1.0)
    size = -(-y.size // BUCKETS)
    whole = y.size // size
    first = y.size - whole * size  # the oldest values make room, not the newest
    return Trend(
        at=at[first:].reshape(whole, size)[:, -1],
        y=np.median(y[first:].reshape(whole, size)[:, :: max(1, size // MOST_IN)], axis=1),
        size=float(size),
    )


def is_rate(name: str) -> bool:
    """Whether the series is a learning rate."""
    return RATE.search(name) is not None


def together(one: View, other: View) -> tuple[Floats, Floats]:
    """An axis that both share, at their finite values: steps, epochs, or parts of the run."""
    for column in ("step", "epoch"):
        first, second = (getattr(v.series, column)[v.place[v.finite]] for v in (one, other))
        if _in_order(first) and _in_order(second):
            return first, second
    first, second = ((v.finite + 1.0) / v.value.size for v in (one, other))
    return first, second


def _in_order(column: Floats) -> bool:
    return bool(column.size) and bool((np.diff(column) >= 0).all()) and not np.isnan(column).any()
