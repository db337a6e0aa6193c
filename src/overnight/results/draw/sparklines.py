"""A curve as one line of text."""

from __future__ import annotations

import numpy as np

from overnight.results.curves import Floats

LEVELS = "▁▂▃▄▅▆▇█"
ASCII_LEVELS = "_.-=+*#@"
LOST = "x"


def sparkline(values: Floats, width: int, *, plain: bool = False) -> str:
    """Means over equal shares of the points, in at most `width` characters; `plain`: in ASCII.

    A cross stands where any value of its share is not finite: NaN is not to be overlooked.
    """
    levels = ASCII_LEVELS if plain else LEVELS
    means = _means(np.asarray(values, dtype=np.float64), width)
    finite = means[np.isfinite(means)]
    if not finite.size:
        return LOST * means.size
    with np.errstate(over="ignore", invalid="ignore"):
        span = finite.max() / 2 - finite.min() / 2  # halves: twice the largest number is none
        share = (means / 2 - finite.min() / 2) / span if span > 0 else np.full(means.size, 0.5)
    places = (
        np.nan_to_num(share * len(levels), posinf=0, neginf=0).astype(int).clip(0, len(levels) - 1)
    )
    return "".join(
        levels[place] if is_finite else LOST
        for place, is_finite in zip(places, np.isfinite(means), strict=True)
    )


def _means(values: Floats, width: int) -> Floats:
    """Of equal shares; NaN where a share has anything that is not finite."""
    count = min(values.size, width)
    if count <= 0:
        return values[:0]
    starts = np.arange(count) * values.size // count
    sizes = np.diff(np.append(starts, values.size))
    with np.errstate(over="ignore", invalid="ignore"):
        means: Floats = np.add.reduceat(values / sizes.repeat(sizes), starts)
    return means
