"""How a curve has gone: what it gained in all, and in its last part, and since when nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overnight.results.curves import Floats
from overnight.results.health.shape import clipped, falling
from overnight.results.health.view import NORMAL, View, noise_of, some

FEWEST = 5  # values of which a course is read
LATE, HALF, FINAL = 0.2, 0.5, 0.1
BRAKED = 0.2  # of the gain of the last fifth: with less in the last tenth it has come to rest
MANY = 20  # values with which a last tenth says anything
LOUD = 0.33  # noise, as a part of what was gained, in which no gain is seen,
SEEN = -5.0  # but for an order of all values that is so far from chance
CLIPPED = 1.6  # clipping takes so much from normal noise, and much more where there are spikes
LITTLE = 0.015  # of all that was gained: less is of no use


@dataclass(frozen=True)
class Course:
    """Lengths are parts of the run, gains parts of all that was gained (`reach`).

    `final`, `late`, `half`: the gain in the last tenth, fifth and half, by a robust slope.
    `order`: from -1 (each later value of the last half is better) to 1. `sureness`: by how many
    standard deviations the order differs from chance. `flat`: from which part on there was no
    useful gain.
    `jitter`: the median step from value to value. `noise`: the standard deviation of that kind.
    `scale`: what the parts are parts of. `learning`: as `sureness`, of the whole curve.
    """

    n: int
    start: float
    end: float
    reach: float
    late: float
    half: float
    final: float
    order: float
    sureness: float
    flat: float
    flat_at: float
    jitter: float
    noise: float
    scale: float
    learning: float

    @property
    def has_braked(self) -> bool:
        """Whether it gained until shortly before the end and rests now, as a schedule makes it."""
        return self.n >= MANY and abs(self.final) < BRAKED * self.late

    @property
    def has_learned(self) -> bool:
        return self.reach > 0 and (self.noise < LOUD or self.learning < SEEN)


def course(view: View) -> Course | None:
    """None where there are too few values or none that differ."""
    y, at = clipped(view.trend.y), view.trend.at
    noise = min(view.trend.noise, CLIPPED * noise_of(y))
    if y.size < FEWEST or not np.ptp(y) > 0:
        return None
    start = float(np.median(some(view.y[: max(1, view.y.size // 50)])))
    end = float(np.median(y[-max(1, y.size // 10) :]))
    reach = start - end
    scale = reach if reach > 0 else float(np.ptp(y))
    order, sureness = ordered(y[-max(4, y.size // 2) :])
    flat = _flat_from(y, scale, noise)
    return Course(
        n=int(view.y.size),
        start=start,
        end=end,
        reach=reach,
        late=-_slope(y[-max(3, int(y.size * 2 * LATE)) :]) * LATE * y.size / scale,
        final=-_slope(y[-max(3, int(y.size * FINAL)) :]) * FINAL * y.size / scale,
        half=-_slope(y[-max(3, int(y.size * HALF)) :]) * HALF * y.size / scale,
        order=order,
        sureness=sureness,
        flat=flat / (y.size - 1),
        flat_at=float(at[flat]),
        jitter=float(np.median(np.abs(some(np.diff(view.y))))) / scale,
        noise=noise / scale,
        scale=scale,
        learning=ordered(y)[1],
    )


def _flat_from(y: Floats, scale: float, noise: float) -> int:
    """The first place from which the falling fit gains no more than a little, or than noise."""
    fit = falling(np.minimum(y, np.median(y[: max(1, y.size // 10)])))
    end = float(fit[-max(1, y.size // 10) :].mean())
    little = max(LITTLE * scale, noise * max(0.5, 3 / np.sqrt(y.size)))
    return int(np.argmax(fit - end <= little))


def _slope(y: Floats) -> float:
    """The median slope over all pairs, in units of `y` for each value."""
    first, second = np.triu_indices(y.size, 1)
    return float(np.median((y[second] - y[first]) / (second - first)))


def ordered(y: Floats) -> tuple[float, float]:
    """Kendall's tau of the values against their order, and its normal score."""
    n = y.size
    if n < 2:
        return 0.0, 0.0
    first, second = np.triu_indices(n, 1)
    score = float(np.sign(y[second] - y[first]).sum())
    spread = np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    return score / first.size, score / float(spread)


def spread(values: Floats) -> float:
    """The robust standard deviation."""
    return float(np.median(np.abs(values - np.median(values)))) * NORMAL
