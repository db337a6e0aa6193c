"""Which night a report covers."""

from __future__ import annotations

import datetime

import pytest

from overnight.core import errors
from overnight.results.report import window
from overnight.results.report.window import Shown

NOW = datetime.datetime(2026, 11, 29, 9, 2).timestamp()
HOUR = 3600.0


def at(day: int, hour: int, minute: int = 0) -> float:
    return datetime.datetime(2026, 11, day, hour, minute).timestamp()


@pytest.mark.parametrize(
    ("wanted", "since"),
    [
        (None, at(28, 18)),
        ("yesterday", at(28, 0)),
        ("today", at(29, 0)),
        ("12h", NOW - 12 * HOUR),
        ("90min", NOW - 1.5 * HOUR),
        ("2 d", NOW - 48 * HOUR),
        ("08:30", at(29, 8, 30)),
        ("22:15", at(28, 22, 15)),
        ("2026-11-27", at(27, 0)),
        ("2026-11-27 13:30", at(27, 13, 30)),
        ("2026-11-27T13:30", at(27, 13, 30)),
    ],
)
def test_a_begin(wanted: str | None, since: float) -> None:
    """As the clock on the wall has it."""
    found = window.window(wanted, NOW, None)
    assert (found.since, found.until) == (since, NOW)


@pytest.mark.parametrize(
    "wanted", ["", "soon", "25:00", "2026-13-01", "last", "2026-11-30", "1e9h"]
)
def test_no_begin(wanted: str) -> None:
    """With a form that would do, or why not."""
    with pytest.raises(errors.UsageError) as caught:
        window.window(wanted, NOW, None)
    assert caught.value.hint


def test_the_next_report_begins_where_the_last_one_ended() -> None:
    """And one that is read again in the same morning where that one began."""
    first = window.window(None, NOW, None)
    shown = window.read_again(first, None)
    assert shown == Shown(first.since, NOW, NOW)
    later = NOW + 2 * HOUR
    again = window.window(None, later, shown)
    assert again.since == first.since
    shown = window.read_again(again, shown)
    assert shown == Shown(first.since, NOW, later)
    next_day = window.window(None, NOW + 24 * HOUR, shown)
    assert next_day.since == later
    after = window.read_again(next_day, shown)
    assert after is not None and after.first_at == NOW + 24 * HOUR
    assert window.window("last", NOW + 3 * HOUR, shown).since == later


def test_a_short_look_does_not_count_as_the_night() -> None:
    """What it left out is told by the next report; a longer one counts as the usual one."""
    short = window.window("1h", NOW, None)
    assert window.read_again(short, None) is None
    shown = window.read_again(window.window("3d", NOW, None), None)
    assert shown == Shown(at(28, 18), NOW, NOW)
    later = NOW + 24 * HOUR
    assert window.read_again(window.window("1h", later, shown), shown) == shown


def test_what_is_remembered_survives_a_file() -> None:
    """And what is no such record is none."""
    shown = Shown(1.0, 2.0, 3.0)
    assert window.shown(shown.to_json()) == shown
    assert [window.shown(each) for each in (None, [], {}, {"since": "x"})] == [None] * 4


def test_in_words() -> None:
    """The day by its name where it is near."""
    told = [window.told(each, NOW) for each in (at(29, 8, 2), at(28, 18), at(26, 9, 2))]
    assert told == [
        "today 08:02 (1 h 00 min)",
        "yesterday 18:00 (15 h 02 min)",
        "Thu 26 Nov 09:02 (3 d 0 h)",
    ]
