"""Round numbers for an axis, and how they are written."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

ROUND = (1, 2, 5, 10)
UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round values from `low` to `high`; one where both are the same."""
    span = high - low
    if not 0 < span < math.inf:
        return [low]
    rough = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in ROUND if power * each >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """Powers of ten, with 2 and 5 between where there is room; plain ticks within one decade."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    parts = (1, 2, 5) if 3 * len(powers) <= count + 3 else (1,)
    stride = max(math.ceil(len(powers) / max(count, 1)), 1)
    found = [
        value
        for power in powers[::stride]
        for part in parts
        if low * (1 - 1e-9) <= (value := part * 10.0**power) <= high * (1 + 1e-9)
    ]
    return found if len(found) > 1 else [each for each in ticks(low, high, count) if each > 0]


def labels(values: list[float]) -> list[str]:
    """With as many decimals as tell neighbours apart: 0.25, 0.5; 5k, 10k; 1e-5."""
    steps = [abs(after - before) for before, after in itertools.pairwise(values)]
    return [label(value, min(steps, default=abs(value))) for value in values]


def log_labels(values: list[float]) -> list[str]:
    """Each as exact as itself: 0.1, 1, 10."""
    return [label(value, value) for value in values]


def label(value: float, step: float) -> str:
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-4:
        return _short(f"{value:.1e}")
    unit, sign = next(_units(size), (1.0, ""))
    if step < unit / 1000:  # so many decimals are better read in the whole number
        unit, sign = 1.0, ""
    decimals = _decimals(step / unit)
    shown = f"{value / unit:.{decimals}f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown) + sign


def _units(size: float) -> Iterator[tuple[float, str]]:
    """Thousands are written out up to 9999."""
    yield from ((unit, sign) for unit, sign in UNITS if size >= max(unit, 1e4))


def _decimals(step: float) -> int:
    return min(max(-math.floor(math.log10(step) + 1e-9), 0), 8) if step > 0 else 4


def _short(shown: str) -> str:
    """1.0e-05 as 1e-5."""
    mantissa, _, exponent = shown.partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
