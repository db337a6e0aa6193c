"""Means over few seeds, and how sure a difference of two is. Pure, of the standard library.

Student's t distribution is all that it takes. It is worked out here from its definition, in a few
lines: importing SciPy for one quantile would take longer than `overnight status` itself. Values are
finite; whoever has others leaves them out and says so.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
POWER = 0.8  # the chance to see a difference that is there
MOST_SEEDS = 100  # for more nobody has the time
_TINY = 1e-300
_ENOUGH = 1e-15
_DUST = 1e-12  # differences of this part of the values are rounding, and no spread
_NOTHING = 28.0  # e**-28 of the whole is none of it
_CLOSE = 1e-10  # of a chance, where looking for one ends
_MANY = 1e9  # degrees of freedom at which Student's t is the normal distribution
_MOST_SLICES = 4000  # of the integral of the power


class Interval(NamedTuple):
    low: float
    high: float


class TTest(NamedTuple):
    """A difference of means, its interval at 95 %, and the two-sided p; `df` degrees of freedom."""

    difference: float
    low: float
    high: float
    t: float
    df: float
    p: float


class Needed(NamedTuple):
    """`more`: further seeds for each side, None for more than MOST_SEEDS. `visible`: the smallest
    difference that the seeds of now would show. Both with the chance POWER.
    """

    more: int | None
    visible: float


# -- one group --------------------------------------------------------------------------------


def mean(values: Sequence[float]) -> float:
    """Without the overflow that a plain sum of huge values would have."""
    scale = _scale(values)
    return scale * (math.fsum(each / scale for each in values) / len(values))


def deviation(values: Sequence[float]) -> float | None:
    """The standard deviation of a sample (n - 1); None for fewer than two values."""
    if len(values) < 2:
        return None
    middle = mean(values)
    away = [each - middle for each in values]
    scale = _scale(away)
    if _is_dust(scale, values) or max(values) == min(values):
        return 0.0
    return scale * math.sqrt(math.fsum((each / scale) ** 2 for each in away) / (len(values) - 1))


def interval(values: Sequence[float]) -> Interval | None:
    """Of the mean, by Student's t; None for one value, and for values that do not differ at all."""
    spread = deviation(values)
    if not spread:
        return None
    reach = critical(len(values) - 1) * spread / math.sqrt(len(values))
    middle = mean(values)
    return Interval(middle - reach, middle + reach)


# -- two groups -------------------------------------------------------------------------------


def welch(values: Sequence[float], base: Sequence[float]) -> TTest | None:
    """mean(values) - mean(base), where the two may spread differently.

    None where there is nothing to tell from: fewer than two values in one, or none that differ.
    """
    spread, spread_base = deviation(values), deviation(base)
    if spread is None or spread_base is None or not spread + spread_base:
        return None
    error, df = _welch_error(spread, len(values), spread_base, len(base))
    return _tested(mean(values) - mean(base), error, df)


def paired(differences: Sequence[float]) -> TTest | None:
    """The mean of differences at the same seeds. None for fewer than two, or for equal ones."""
    spread = deviation(differences)
    if not spread:
        return None
    error = spread / math.sqrt(len(differences))
    return _tested(mean(differences), error, len(differences) - 1)


def holm(ps: Sequence[float], among: int | None = None) -> list[float]:
    """The p values corrected for their number, in the order given: rejecting those below 5 % is
    wrong anywhere among them in at most 5 % of such tables.

    `among`: how many comparisons there were of which these are some; None: just these.
    """
    many = len(ps) if among is None else among
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    found, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (many - rank) * ps[place]))
        found[place] = highest
    return found


def _tested(difference: float, error: float, df: float) -> TTest:
    reach = critical(df) * error
    t = difference / error
    p = two_sided(t, df)
    return TTest(difference, difference - reach, difference + reach, t, df, p)


def _welch_error(spread: float, n: int, spread_base: float, n_base: int) -> tuple[float, float]:
    """The standard error of the difference and its degrees of freedom (Satterthwaite)."""
    scale = max(spread, spread_base)
    one, other = (spread / scale) ** 2 / n, (spread_base / scale) ** 2 / n_base
    df = (one + other) ** 2 / (one**2 / (n - 1) + other**2 / (n_base - 1))
    return scale * math.sqrt(one + other), df


# -- how many seeds it takes ------------------------------------------------------------------


def needed_welch(
    values: Sequence[float], base: Sequence[float], alpha: float = ALPHA
) -> Needed | None:
    """As if mean and spread seen were the true ones. None where `welch` has nothing to tell from.

    `alpha`: the level of the test; smaller where there are several.
    """
    spread, spread_base = deviation(values), deviation(base)
    if spread is None or spread_base is None or not spread + spread_base:
        return None
    difference = abs(mean(values) - mean(base))
    n, n_base = len(values), len(base)

    def at(more: int) -> tuple[float, float]:
        return _welch_error(spread, n + more, spread_base, n_base + more)

    return _needed(difference, at, alpha)


def needed_paired(differences: Sequence[float], alpha: float = ALPHA) -> Needed | None:
    """The same for pairs: a further seed is one run on each side."""
    spread = deviation(differences)
    if not spread:
        return None
    n = len(differences)

    def at(more: int) -> tuple[float, float]:
        return spread / math.sqrt(n + more), n + more - 1.0

    return _needed(abs(mean(differences)), at, alpha)


def _needed(difference: float, at: Callable[[int], tuple[float, float]], alpha: float) -> Needed:
    """`at`: standard error and degrees of freedom with so many seeds more."""

    def is_enough(more: int) -> bool:
        error, df = at(more)
        shift = difference / error
        if known_power(shift, alpha) < POWER:  # what is not seen with a known spread is not here
            return False
        return power(shift, df, alpha) >= POWER

    error, df = at(0)
    visible = _visible(df, alpha) * error
    if not is_enough(MOST_SEEDS):
        return Needed(None, visible)
    low, high = -1, MOST_SEEDS  # not enough, enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return Needed(high, visible)


@functools.cache
def _visible(df: float, alpha: float) -> float:
    """The difference in standard errors that is seen with the chance POWER; by regula falsi
    (Illinois), since the power rises smoothly with it.
    """
    low, high = 0.0, 2 * critical(df, alpha) + 2
    under, over = power(low, df, alpha) - POWER, power(high, df, alpha) - POWER
    middle = high
    for _ in range(60):
        middle = high - over * (high - low) / (over - under)
        found = power(middle, df, alpha) - POWER
        if abs(found) < _CLOSE:
            break
        if found > 0:
            high, over, under = middle, found, under / 2
        else:
            low, under, over = middle, found, over / 2
    return middle


def power(shift: float, df: float, alpha: float = ALPHA) -> float:
    """The chance that a two-sided t test sees a true difference of `shift` standard errors.

    That is P(|T| > c) of the noncentral t distribution, T = (Z + shift) / S, where S² df is
    chi-squared: the integral over u = log S of what Z does then. The trapezoidal rule is enough:
    for smooth functions that vanish at both ends its error shrinks exponentially.
    """
    limit = critical(df, alpha)
    low, high = -_NOTHING / df - 0.5, math.log(1 + 9 / math.sqrt(df))
    finest = 0.4 * min(1 / (1 + abs(shift)), 1 / math.sqrt(2 * df))  # of what varies fastest
    slices = min(_MOST_SLICES, math.ceil((high - low) / finest))
    step = (high - low) / slices
    log_scale = math.log(2) + df / 2 * math.log(df / 2) - math.lgamma(df / 2)

    def slice_at(u: float) -> float:
        s = math.exp(u)
        density = math.exp(log_scale + df * (u - s * s / 2))
        return density * (_normal(shift - limit * s) + _normal(-shift - limit * s))

    return min(1.0, step * math.fsum(slice_at(low + place * step) for place in range(slices + 1)))


def known_power(shift: float, alpha: float = ALPHA) -> float:
    """As `power` where the spread is known and need not be estimated: no test sees more."""
    limit = critical(_MANY, alpha)
    return _normal(shift - limit) + _normal(-shift - limit)


def _normal(z: float) -> float:
    """The share of the normal distribution below z."""
    return math.erfc(-z / math.sqrt(2)) / 2


# -- Student's t ------------------------------------------------------------------------------


@functools.cache
def critical(df: float, alpha: float = ALPHA) -> float:
    """The t beyond which lies the share `alpha` of the distribution, half of it on each side."""
    low, high = 0.0, 1.0
    while two_sided(high, df) > alpha:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if two_sided(middle, df) > alpha else (low, middle)
    return (low + high) / 2


def two_sided(t: float, df: float) -> float:
    """The share of the t distribution that is further from 0 than `t`: the p value."""
    return beta_share(1 / (1 + t / df * t), df / 2, 0.5)


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


def _scale(values: Sequence[float]) -> float:
    return max(map(abs, values)) or 1.0


def _is_dust(away: float, values: Sequence[float]) -> bool:
    return away <= _DUST * max(map(abs, values))
