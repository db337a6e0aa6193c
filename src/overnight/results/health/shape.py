"""Fits that only assume a direction: falling throughout, or falling and then rising. Pure.

Least squares by pooling adjacent violators; nothing is said about the form of the curve.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from overnight.results.curves import Floats


class Valley(NamedTuple):
    """The best fit that falls to `bottom` and rises after it.

    `level`: its value at the bottom; `rise`: how far above the mean of its last tenth is; `gain`:
    by how much its squared error is smaller than that of a fit that falls throughout.
    """

    bottom: int
    level: float
    rise: float
    gain: float


def clipped(y: Floats) -> Floats:
    """Single wild values are brought down to the larger of their neighbours."""
    if y.size < 5:
        return y
    around = np.maximum(y[:-2], y[2:])
    return np.concatenate([y[:1], np.minimum(y[1:-1], around), y[-1:]])


def falling(y: Floats) -> Floats:
    """The non-increasing curve next to `y`; shape (n,)."""
    _, blocks = _pooled(y)
    return np.repeat([block[0] / block[1] for block in blocks], [int(block[1]) for block in blocks])


def valley(y: Floats) -> Valley:
    """`y` has at least two values."""
    down, _ = _pooled(y)
    up, _ = _pooled(y[::-1])
    both = down[:-1] + up[::-1][1:]
    bottom = int(np.argmin(both))
    rising = falling(y[bottom + 1 :][::-1])[::-1]
    level = min(float(falling(y[: bottom + 1])[-1]), float(rising[0]))
    end = float(rising[-max(1, y.size // 10) :].mean())
    return Valley(bottom, level, end - level, float(down[-1] - both[bottom]))


def _pooled(y: Floats) -> tuple[Floats, list[list[float]]]:
    """Squared errors of the falling fit to the first 1, 2, … values; its blocks [sum, count]."""
    errors, error = np.empty(y.size), 0.0
    blocks: list[list[float]] = []
    for place, value in enumerate(y.tolist()):
        block = [value, 1.0]
        while blocks and blocks[-1][0] * block[1] < block[0] * blocks[-1][1]:
            last = blocks.pop()
            apart = last[0] / last[1] - block[0] / block[1]
            error += apart * apart * last[1] * block[1] / (last[1] + block[1])
            block = [last[0] + block[0], last[1] + block[1]]
        blocks.append(block)
        errors[place] = error
    return errors, blocks
