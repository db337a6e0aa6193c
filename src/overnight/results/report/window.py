"""Which stretch of time a report covers. Local time, as the clock on the wall."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import NamedTuple

from overnight.core import durations, errors
from overnight.results.report.model import Window

EVENING = datetime.time(18)
SAME_MORNING_S = 6 * 3600.0
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(min|h|d|w)")
_UNIT_S = {"min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_FORMS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
LONGEST_S = 100 * 365 * 86400.0


class Shown(NamedTuple):
    """The last report that somebody read: what it began with, when it was first shown and last."""

    since: float
    first_at: float
    last_at: float

    def to_json(self) -> dict[str, float]:
        return self._asdict()


def shown(value: object) -> Shown | None:
    """From what `Shown.to_json` wrote; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    numbers = [value.get(name) for name in Shown._fields]
    if not all(isinstance(each, (int, float)) for each in numbers):
        return None
    return Shown(*(float(each) for each in numbers if isinstance(each, (int, float))))


def window(wanted: str | None, now: float, last: Shown | None) -> Window:
    """From `wanted`: None, `last`, `yesterday`, `today`, `12h`, `18:00`, a date or a moment.

    None: since the last report; one that is read again in the same morning begins where it began.
    Raises `errors.UsageError` for what is none of these.
    """
    if wanted is None and last is not None:
        is_again = now - last.first_at < SAME_MORNING_S
        since = last.since if is_again else last.last_at
        return Window(since=min(since, now), until=now, why=f"since {told(since, now)}")
    if wanted is None:
        since = evening_before(now)
        return Window(since=since, until=now, why=f"since {told(since, now)}")
    since = begin(wanted.strip(), now, last)
    return Window(since=since, until=now, why=f"since {told(since, now)}")


def read_again(found: Window, last: Shown | None) -> Shown | None:
    """What is remembered once the report for this window was shown.

    One that began later than the next report would does not count: it left something untold.
    """
    usual = window(None, found.until, last)
    if found.since > usual.since:
        return last
    is_again = last is not None and found.until - last.first_at < SAME_MORNING_S
    first_at = last.first_at if last is not None and is_again else found.until
    return Shown(usual.since, first_at, found.until)


def begin(wanted: str, now: float, last: Shown | None) -> float:
    here = datetime.datetime.fromtimestamp(now)
    if wanted == "last":
        if last is None:
            raise errors.UsageError(
                "no report was shown here before", hint="overnight report --since yesterday"
            )
        return min(last.last_at, now)
    if wanted in ("yesterday", "today"):
        day = here.date() - datetime.timedelta(days=wanted == "yesterday")
        return datetime.datetime.combine(day, datetime.time()).timestamp()
    found = _LENGTH.fullmatch(wanted)
    if found:
        return now - min(LONGEST_S, float(found[1]) * _UNIT_S[found[2]])
    since = clock(wanted, here) or moment(wanted)
    if since is None:
        raise errors.UsageError(
            f"--since {wanted!r} is no time",
            hint="--since yesterday, 12h, 2d, 18:00, 2026-11-28, '2026-11-28 22:00' or last",
        )
    if since > now:
        raise errors.UsageError(f"--since {wanted} is in the future", hint="overnight report")
    return since


def clock(wanted: str, here: datetime.datetime) -> float | None:
    """The last time that a clock showed this."""
    try:
        time = datetime.datetime.strptime(wanted, "%H:%M").time()
    except ValueError:
        return None
    then = datetime.datetime.combine(here.date(), time)
    return (then if then <= here else then - datetime.timedelta(days=1)).timestamp()


def moment(wanted: str) -> float | None:
    for form in _FORMS:
        try:
            return datetime.datetime.strptime(wanted, form).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def evening_before(now: float) -> float:
    """Yesterday at 18:00."""
    day = datetime.datetime.fromtimestamp(now).date() - datetime.timedelta(days=1)
    return datetime.datetime.combine(day, EVENING).timestamp()


def told(at: float, now: float) -> str:
    """`yesterday 18:00 (15 h 02 min)`, `Thu 26 Nov 18:00 (2 d 15 h)`."""
    then, here = (datetime.datetime.fromtimestamp(each) for each in (at, now))
    days = (here.date() - then.date()).days
    day = {0: "today", 1: "yesterday"}.get(days, f"{then:%a} {then.day} {then:%b}")
    if days > 300:
        day = f"{then.day} {then:%b %Y}"
    return f"{day} {then:%H:%M} ({long(now - at)})"


def long(seconds: float) -> str:
    days, rest = divmod(max(0.0, seconds), 86400)
    return f"{days:.0f} d {rest // 3600:.0f} h" if days >= 2 else durations.text(seconds)
