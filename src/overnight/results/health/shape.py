"""Fits that only assume a direction: falling throughout, or falling and then rising. Pure.

Least squares by pooling adjacent violators; nothing is said about the form of the curve.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from overnight.results.curves import Floats

FEW = 8
MANY = 20


class Valley(NamedTuple):
    """The best fit that falls to `bottom` and rises after it.

    `level`: its value at the bottom; `rise`: how far above the mean of its last tenth is; `gain`:
    by how much its squared error is smaller than that of a fit that falls throughout. `streak`:
    the correlation of what is left from one value to the next; 0 where there are too few.
    """

    bottom: int
    level: float
    rise: float
    gain: float
    streak: float


def clipped(y: Floats) -> Floats:
    """Single wild values are brought to the nearer of their neighbours.

    Of fewer than FEW values only those that stand above: one low value may be the best one.
    """
    if y.size < 5:
        return y
    before, after = y[:-2], y[2:]
    inner = np.minimum(y[1:-1], np.maximum(before, after))
    if y.size >= FEW:
        inner = np.maximum(inner, np.minimum(before, after))
    return np.concatenate([y[:1], inner, y[-1:]])


def falling(y: Floats) -> Floats:
    """The non-increasing curve next to `y`; shape (n,)."""
    _, blocks = _pooled(y)
    return np.repeat([block[0] / block[1] for block in blocks], [int(block[1]) for block in blocks])


def valley(raw: Floats) -> Valley:
    """Of at least two values; wild ones are clipped."""
    y = clipped(raw)
    down, _ = _pooled(y)
    up, _ = _pooled(y[::-1])
    both = down[:-1] + up[::-1][1:]
    bottom = int(np.argmin(both))
    rising = falling(y[bottom + 1 :][::-1])[::-1]
    before = falling(y[: bottom + 1])
    level = min(float(before[-1]), float(rising[0]))
    end = float(rising[-max(1, y.size // 10) :].mean())
    gain = float(down[-1] - both[bottom])
    return Valley(bottom, level, end - level, gain, _streak(raw - np.concatenate([before, rising])))


def _streak(left: Floats) -> float:
    whole = float(left @ left)
    return float(left[1:] @ left[:-1]) / whole if left.size >= MANY and whole > 0 else 0.0


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
