"""How often a log usually grows, as far as its own lines tell."""

from __future__ import annotations

import re
from typing import Sequence

from overnight.node.diagnose.log import Line

LOOKED_AT = 200
DAY_S = 86400.0
FLOOR_S = 6.0
TIMES_USUAL = 5.0
RATE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s?(?P<unit>s/it|it/s)\b")
CLOCK = re.compile(
    r"(?<!\d)(?P<h>[01]\d|2[0-3]):(?P<m>[0-5]\d):(?P<s>[0-5]\d(?:[.,]\d{1,6})?)(?!\d)"
)


def is_silent_too_long(lines: Sequence[Line], silent_s: float) -> bool:
    """Five times the longest pause that the last lines show, and never a mere moment."""
    return silent_s >= max(FLOOR_S, TIMES_USUAL * usual_pause_s(lines))


def usual_pause_s(lines: Sequence[Line]) -> float:
    """Of the steps of a progress bar and the pauses between lines with a clock; 0 if unknown."""
    pauses = [0.0]
    before: float | None = None
    for line in lines[-LOOKED_AT:]:
        rate = RATE.search(line.text)
        if rate and float(rate.group("number")) > 0:
            number = float(rate.group("number"))
            pauses.append(number if rate.group("unit") == "s/it" else 1 / number)
        now = _clock_s(line.text)
        if now is not None and before is not None:
            pauses.append((now - before) % DAY_S)
        before = now if now is not None else before
    return _usual(pauses)


def _clock_s(text: str) -> float | None:
    found = CLOCK.search(text[:60])
    if found is None:
        return None
    seconds = float(found.group("s").replace(",", "."))
    return int(found.group("h")) * 3600 + int(found.group("m")) * 60 + seconds


def _usual(pauses: list[float]) -> float:
    """The longest without the outliers: a clock that was set back looks like almost a day."""
    ordered = sorted(pauses)
    return ordered[int(len(ordered) * 0.9)] if len(ordered) > 1 else ordered[0]
