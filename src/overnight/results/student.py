"""Means, their spread, and how sure a difference of two means is. Pure, of the standard library.

Student's t distribution is all that a sweep needs of statistics. It is worked out here from its
definition, in a few lines that are checked against its closed forms: importing SciPy for one
quantile would take longer than `overnight status` itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

CONFIDENCE = 0.95
_TINY = 1e-300
_ENOUGH = 1e-15


class Welch(NamedTuple):
    """A difference of means with its interval at 95 %; `df` are degrees of freedom."""

    difference: float
    low: float
    high: float
    df: float


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def deviation(values: Sequence[float]) -> float | None:
    """The standard deviation of a sample (n - 1); None for fewer than two values."""
    if len(values) < 2:
        return None
    middle = mean(values)
    return math.sqrt(math.fsum((each - middle) ** 2 for each in values) / (len(values) - 1))


def welch(values: Sequence[float], base: Sequence[float]) -> Welch | None:
    """mean(values) - mean(base), where the two may spread differently.

    None where there is nothing to tell from: fewer than two values in one, or none that differ.
    """
    spread, spread_base = deviation(values), deviation(base)
    if spread is None or spread_base is None:
        return None
    one, other = spread**2 / len(values), spread_base**2 / len(base)
    if one + other == 0.0:
        return None
    df = (one + other) ** 2 / (one**2 / (len(values) - 1) + other**2 / (len(base) - 1))
    reach = t_quantile((1 + CONFIDENCE) / 2, df) * math.sqrt(one + other)
    difference = mean(values) - mean(base)
    return Welch(difference, difference - reach, difference + reach, df)


def t_quantile(p: float, df: float) -> float:
    """The t below which lies the share `p` (0.5 <= p < 1) of the distribution; by bisection."""
    low, high = 0.0, 1.0
    while t_share(high, df) < p:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if t_share(middle, df) < p else (low, middle)
    return (low + high) / 2


def t_share(t: float, df: float) -> float:
    """The share of the t distribution below `t` >= 0."""
    return 1.0 - beta_share(df / (df + t * t), df / 2, 0.5) / 2


def beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):  # there the fraction converges slowly
        return 1.0 - beta_share(1.0 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / (a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """Its continued fraction 1 + d1/(1 + d2/(1 + …)), evaluated from the front (Lentz)."""
    value, c, d = 1.0, 1.0, 0.0
    for n in range(1, 500):
        m, is_odd = divmod(n, 2)
        if is_odd:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / (1.0 + term * d or _TINY)
        c = 1.0 + term / c or _TINY
        value *= c * d
        if abs(c * d - 1.0) < _ENOUGH:
            break
    return value
