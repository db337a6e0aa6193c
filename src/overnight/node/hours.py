"""Hours of the day and days of the week, as "09:00-18:00" or "mon-fri 22:00-06:00". Pure."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
DAY_MIN = 24 * 60
FORM = re.compile(r"(?:([a-z,\- ]+?)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


class Hours(NamedTuple):
    """Minutes since midnight. Where `end` is not after `begin` it is on the next day.

    `days` are those on which it begins; Monday is 0.
    """

    begin: int
    end: int
    days: frozenset[int] = EVERY_DAY

    def __str__(self) -> str:
        return f"{clock(self.begin)}-{clock(self.end)}"


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def parse(text: str) -> Hours | None:
    """None where it is nothing of the kind. Hours that begin when they end are none either."""
    match = FORM.fullmatch(text.strip().lower())
    if match is None:
        return None
    begin, end = minutes(match[2], match[3]), minutes(match[4], match[5])
    days = parse_days(match[1]) if match[1] else EVERY_DAY
    if begin is None or end is None or begin in (end, DAY_MIN) or not days:
        return None
    return Hours(begin, end, days)


def minutes(hour: str, minute: str) -> int | None:
    found = int(hour) * 60 + int(minute)
    return found if int(minute) < 60 and found <= DAY_MIN else None


def parse_days(text: str) -> frozenset[int]:
    """The days of "mon-fri" or "sat, sun"; "fri-mon" goes over the weekend. Empty if none."""
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            return frozenset()
        begin, end = DAYS.index(first), DAYS.index(last if dash else first)
        days |= {(begin + n) % 7 for n in range((end - begin) % 7 + 1)}
    return frozenset(days)


def contains(hours: Hours, local: time.struct_time) -> bool:
    """Whether the local time `local` lies in these hours. The end does not."""
    now, today = local.tm_hour * 60 + local.tm_min, local.tm_wday
    if hours.begin < hours.end:
        return today in hours.days and hours.begin <= now < hours.end
    yesterday = (today - 1) % 7
    return (today in hours.days and now >= hours.begin) or (
        yesterday in hours.days and now < hours.end
    )
