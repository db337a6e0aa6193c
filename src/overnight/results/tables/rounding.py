"""Numbers as a table shows them: no more digits than their uncertainty bears."""

from __future__ import annotations

import math
from collections.abc import Iterable

PLAIN_DIGITS = 5  # of a number whose uncertainty nobody knows
FEWEST, MOST = -15, 15
SMALL, LARGE = 1e-4, 1e7  # outside of these a number has a power of ten


def decimals(sd: float) -> int | None:
    """After the point, so that `sd` keeps two significant digits; None where it is none."""
    if not math.isfinite(sd) or sd <= 0:
        return None
    places = 1 - math.floor(math.log10(sd))
    if float(f"{sd:.1e}") >= 10.0 ** (2 - places):  # 0.0996 becomes 0.10
        places -= 1
    return max(FEWEST, min(MOST, places))


def fixed(value: float | None, places: int | None, *, signed: bool = False) -> str:
    """With so many decimals; negative places round to tens, hundreds, … None: as `plain`."""
    if value is None:
        return "-"
    if places is None or not math.isfinite(value):
        return plain(value, signed=signed)
    sign = "+" if signed else ""
    digits = math.floor(math.log10(abs(value))) + places if value else 0
    if value and digits > 0 and not SMALL <= abs(value) < LARGE:
        return f"{value:{sign}.{digits}e}"
    rounded = round(value, places) + 0.0
    return f"{rounded or 0.0:{sign}.{max(0, places)}f}"


def plain(value: float, *, signed: bool = False) -> str:
    """0.213, 93.7, 1.5e-05, nan."""
    sign = "+" if signed else ""
    return f"{value:{sign}.{PLAIN_DIGITS}g}"


def common(places: Iterable[int | None]) -> int | None:
    """The finest of a column, for its numbers without an uncertainty of their own."""
    known = [each for each in places if each is not None]
    return max(known) if known else None


def probability(p: float | None) -> str:
    """0.013, <0.001, 1."""
    if p is None or not math.isfinite(p):
        return "-"
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.1 else f"{min(p, 1.0):.2f}"
