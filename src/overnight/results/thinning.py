"""Curves of any length made small enough to draw, without losing a spike of a single step.

The axis is cut into buckets of equal width; each keeps its lowest, its highest and its mean value.
What is not finite is kept apart: it would hide whatever shares its bucket, or be hidden by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Floats

BUCKETS = 500
FEWEST = 4  # the first point, the last one and something between
Places = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class Thin:
    """`x`, `low`, `high` and `mean` have the shape (k,) with k <= buckets, `x` rising.

    The first and the last bucket hold one point each: the first and the last finite one. Up to
    `buckets` points are kept as they are, with `low` equal to `high`. `nonfinite`: where NaN or
    infinity stood, of many in a bucket the first, and the very last; `lost`: how many there were.
    `mean` is None where only the ends were kept.
    """

    x: Floats
    low: Floats
    high: Floats
    nonfinite: Floats
    lost: int
    mean: Floats | None = None

    @property
    def middle(self) -> Floats:
        """The means, or else halfway between the ends."""
        return self.low / 2 + self.high / 2 if self.mean is None else self.mean


def thinned(x: Floats, value: Floats, buckets: int = BUCKETS) -> Thin:
    """Points without a finite `x` have no place and are left out. Needs no order in `x`."""
    x, value, nonfinite = _placed(x, value)
    places = _bounds(x, buckets)
    if places is None:
        low = mean = high = value
    else:
        low = np.minimum.reduceat(value, places[:-1])
        high = np.maximum.reduceat(value, places[:-1])
        mean = _means(value, places).clip(low, high)
        x = x[(places[:-1] + places[1:] - 1) // 2]
    few = _few(nonfinite, buckets)
    return Thin(x=x, low=low, high=high, nonfinite=few, lost=nonfinite.size, mean=mean)


def path(x: Floats, value: Floats, buckets: int = BUCKETS) -> tuple[Floats, Floats]:
    """The points that a line through all finite points needs: up to four of each bucket.

    They are the first, the lowest, the highest and the last one, in their order (M4), so a line
    through them covers what a line through all of them covers at that width.
    """
    x, value, _ = _placed(x, value)
    places = _bounds(x, buckets)
    if places is None:
        return x, value
    first, last = places[:-1], places[1:] - 1
    chosen = np.unique(
        np.concatenate((first, _lowest(value, places), _highest(value, places), last))
    )
    return x[chosen], value[chosen]


def _placed(x: Floats, value: Floats) -> tuple[Floats, Floats, Floats]:
    """The finite points in the order of their x, and the x of those that are not finite."""
    x, value = np.asarray(x, dtype=np.float64), np.asarray(value, dtype=np.float64)
    if not (has_place := np.isfinite(x)).all():
        x, value = x[has_place], value[has_place]
    if x.size > 1 and not (x[1:] >= x[:-1]).all():
        order = np.argsort(x, kind="stable")
        x, value = x[order], value[order]
    finite = np.isfinite(value)
    if finite.all():
        return x, value, x[:0]
    return x[finite], value[finite], x[~finite]


def _bounds(x: Floats, buckets: int) -> Places | None:
    """Where each bucket that is not empty begins, and the end; None where all points fit."""
    if x.size <= max(buckets, FEWEST):
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # an axis of the largest numbers has one
        edges = np.linspace(x[0], x[-1], max(buckets, FEWEST) - 1)
    inner = np.searchsorted(x, edges[1:-1], side="left")
    return np.unique(np.concatenate(((0, 1), inner, (x.size - 1, x.size))))


def _lowest(value: Floats, places: Places) -> Places:
    cut = zip(places[:-1].tolist(), places[1:].tolist(), strict=True)
    return np.array([start + value[start:end].argmin() for start, end in cut], dtype=np.intp)


def _highest(value: Floats, places: Places) -> Places:
    cut = zip(places[:-1].tolist(), places[1:].tolist(), strict=True)
    return np.array([start + value[start:end].argmax() for start, end in cut], dtype=np.intp)


def _means(value: Floats, places: Places) -> Floats:
    """May be infinite where a sum is more than a float holds."""
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.add.reduceat(value, places[:-1])
    means: Floats = np.nan_to_num(sums) / np.diff(places)
    return means


def _few(x: Floats, buckets: int) -> Floats:
    """The first of each bucket and the last; `x` is sorted."""
    places = _bounds(x, buckets)
    return x if places is None else x[places[:-1]]
