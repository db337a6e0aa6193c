"""Columns on a terminal."""

from __future__ import annotations

from overnight.results.tables import layout


def test_points_stand_below_each_other() -> None:
    """Also with signs and powers of ten; words and dashes stay where they are."""
    cells = ["94.14", "+1.1", "-100", "1e-05", "nan", "baseline", "-", ""]
    shown = ["  94.14", "  +1.1", "-100", "   1e-05", " nan", "baseline", "-", ""]
    assert layout.aligned(cells) == shown


def test_a_column_that_says_nothing_is_left_out() -> None:
    """With its gap."""
    assert layout.columns([["a", "", "b"], ["cc", "", "d"]]) == ["a   b", "cc  d"]


def test_wide_characters_take_two_columns() -> None:
    """So that what follows is aligned where people see it."""
    lines = layout.columns([["中", "x"], ["abc", "y"]])
    assert lines == ["中   x", "abc  y"]
    assert layout.width_of("e\u0301") == 1


def test_a_cell_without_room_stands_below_its_name() -> None:
    """Indented, and in lines that fit."""
    lines = list(layout.stacked(["a long name of it"], ["value"], 30))
    assert lines == ["- a long name of it", "    value"]
