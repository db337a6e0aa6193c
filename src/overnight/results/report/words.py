"""Names, times and amounts in the words of a report."""

from __future__ import annotations

import time
from collections.abc import Iterable

from overnight.core import durations

NAMES_SHOWN = 8


def some(names: Iterable[str]) -> str:
    """The first ones, and how many more there are."""
    listed = list(names)
    more = len(listed) - NAMES_SHOWN
    return " ".join(listed[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def hours(told: float) -> str:
    return f"{told:.1f} GPU h" if told >= 0.95 or told == 0 else f"{told:.2g} GPU h"


def clock(at: float) -> str:
    """Sat 02:14: the page may be read a day later."""
    return time.strftime("%a %H:%M", time.localtime(at))


def ago(seconds: float) -> str:
    return f"{durations.text(seconds)} ago"
