"""Hours of the day and days of the week."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.node import hours

MONDAY = 5  # of January 2026


def at(day: int, clock: str) -> time.struct_time:
    """`day` 0 is a Monday."""
    return time.strptime(f"2026-01-{MONDAY + day:02d} {clock}", "%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("09:00-18:00", [(0, "09:00"), (6, "17:59")], [(0, "08:59"), (0, "18:00")]),
        ("9:00 - 18:00", [(3, "12:00")], [(3, "00:00")]),
        ("22:00-06:00", [(0, "22:00"), (0, "05:59"), (3, "23:59")], [(0, "06:00"), (0, "21:59")]),
        ("00:00-24:00", [(0, "00:00"), (0, "23:59")], []),
        ("18:00-24:00", [(0, "23:59")], [(1, "00:00")]),
        ("mon-fri 09:00-18:00", [(0, "09:00"), (4, "12:00")], [(5, "12:00"), (6, "12:00")]),
        ("Sat, Sun 00:00-24:00", [(5, "00:00"), (6, "23:59")], [(4, "23:59"), (7, "00:00")]),
        ("fri 22:00-06:00", [(4, "22:00"), (5, "05:59")], [(4, "05:59"), (5, "22:00")]),
        ("sun 22:00-06:00", [(6, "23:00"), (7, "05:59")], [(6, "05:00")]),
        ("fri-mon 12:00-13:00", [(4, "12:30"), (6, "12:30"), (0, "12:30")], [(1, "12:30")]),
    ],
)
def test_what_lies_in_the_hours(
    text: str, inside: list[tuple[int, str]], outside: list[tuple[int, str]]
) -> None:
    """The beginning does, the end does not; a night belongs to the day on which it begins."""
    found = hours.parse(text)
    assert found is not None
    assert [place for place in inside if not hours.contains(found, at(*place))] == []
    assert [place for place in outside if hours.contains(found, at(*place))] == []


NONE = (
    "|9-18|09:00|09:00-09:00|25:00-26:00|09:60-18:00|24:00-06:00|24:01-25:00|monday 09:00-18:00"
    "|mon- 09:00-18:00|mon 18:00|09:00-18:00 mon|, 09:00-18:00"
)


@pytest.mark.parametrize("text", NONE.split("|"))
def test_what_are_no_hours(text: str) -> None:
    """Nothing is guessed."""
    assert hours.parse(text) is None


@given(st.text(alphabet="0123456789:- montuefriat,"))
def test_no_text_makes_the_parser_fail(text: str) -> None:
    """And what it makes of one can be asked about any time."""
    found = hours.parse(text)
    assert found is None or hours.contains(found, at(0, "12:00")) in (True, False)


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_hours_are_written_as_they_are_read(begin: int, end: int) -> None:
    """For every minute of the day."""
    text = str(hours.Hours(begin, end))
    assert hours.parse(text) == (None if begin == end else hours.Hours(begin, end))
