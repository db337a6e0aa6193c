"""`spikes`: single values far from their neighbours, in the bad direction. On every raw value."""

from __future__ import annotations

import numpy as np

from overnight.results.curves import Floats, Whole
from overnight.results.health.finding import SPIKES, Finding
from overnight.results.health.view import NORMAL, View, some

FEWEST = 12
FAR = 10.0  # robust deviations from the median of the neighbours
OF_SPREAD = 0.25  # and this part of the middle 80 % of the curve
RARE = 0.03  # of the values: more of them are its kind of noise
TRANSIENT = 0.05  # the first part of a run, where the loss is still coming down
MOST_LISTED = 20
CHUNK = 1 << 15


def finding(view: View) -> Finding | None:
    y = view.y
    if y.size < FEWEST:
        return None
    apart = y - neighbours(y)
    seen = np.abs(some(apart))
    wide = float(np.median(seen[seen > 0])) * NORMAL if seen.any() else 0.0
    low, high = np.quantile(some(y), [0.1, 0.9])
    places = np.flatnonzero(apart > max(FAR * wide, OF_SPREAD * (high - low), 1e-12))
    places = places[places >= TRANSIENT * y.size]
    if not places.size or places.size > max(3, RARE * y.size):
        return None
    return _finding(view, places, apart, wide)


def neighbours(y: Floats) -> Floats:
    """The median of each value and its two neighbours on each side; shape (n,)."""
    wide = np.concatenate([y[:1], y[:1], y, y[-1:], y[-1:]])
    found = np.empty_like(y)
    for start in range(0, y.size, CHUNK):  # small enough for the cache
        part = wide[start : start + CHUNK + 4]
        found[start : start + CHUNK] = _median_of_five(
            *(part[k : part.size - 4 + k] for k in range(5))
        )
    return found


def _median_of_five(a: Floats, b: Floats, c: Floats, d: Floats, e: Floats) -> Floats:
    a, b = np.minimum(a, b), np.maximum(a, b)
    d, e = np.minimum(d, e), np.maximum(d, e)
    low, high = np.maximum(a, d), np.minimum(b, e)  # the least and the greatest are gone
    found: Floats = np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), c))
    return found


def _finding(view: View, places: Whole, apart: Floats, wide: float) -> Finding:
    highest = int(places[np.argmax(apart[places])])
    times = float(apart[highest] / wide) if wide > 0 else np.inf
    listed = ", ".join(f"{view.at[each]:g}" for each in places[:MOST_LISTED])
    value = float(view.sign * view.y[highest])
    return Finding(
        finding=SPIKES,
        series=view.name,
        split=view.split,
        at=float(view.at[highest]),
        confidence=round(float(np.clip(0.25 + 0.2 * np.log10(times / FAR) * 2, 0.3, 0.9)), 3),
        evidence={
            "count": int(places.size),
            "highest": value,
            "deviations": min(times, 1e300),
            "places": listed,
        },
        sentence=(
            f"{view.label} has {places.size} spike{'s' * (places.size != 1)}, the highest "
            f"{value:.4g} at {view.at[highest]:g}"
        ),
    )
