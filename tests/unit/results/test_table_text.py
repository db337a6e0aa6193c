"""Rows for people, for spreadsheets and for programs; nothing that they hold can act."""

from __future__ import annotations

import csv
import itertools
import json
import math
from typing import Any

import pytest

from overnight.results import table_text

EVIL = "\x1b]0;owned\x07\n\u202e"


def table(rows: list[tuple[Any, ...]], width: int | None = None) -> list[str]:
    return list(table_text.lines(["run", "value"], rows, width))


def test_columns_are_aligned() -> None:
    """Numbers to the right, text to the left, nothing for NULL."""
    assert table([("a", 0.5), ("long", None), ("b", 12.25)]) == [
        "run   value",
        "a       0.5",
        "long",
        "b     12.25",
    ]


def test_a_table_fits_its_terminal() -> None:
    """The widest cells are cut, and end in a sign for it; numbers stay whole."""
    lines = table([("x" * 200, 0.123456), ("y", 1.0)], 40)
    assert max(map(len, lines)) == 40
    assert lines[1].endswith("…  0.123456")


def test_more_columns_than_a_terminal_has() -> None:
    """Below a few characters for each column nothing is cut."""
    columns = [f"column{n}" for n in range(30)]
    assert len(list(table_text.lines(columns, [tuple(range(30))], 40))) == 2


def test_no_rows() -> None:
    """The names of the columns are shown."""
    assert table([]) == ["run  value"]


def test_many_rows_come_one_by_one() -> None:
    """The widths are those of the first; later ones are cut and not collected."""
    taken: list[int] = []
    rows = ((f"run{n}", taken.append(n)) for n in itertools.count())
    lines = table_text.lines(["run", "n"], rows, 80)
    assert next(lines).split() == ["run", "n"]
    assert len(taken) == table_text.LOOKED_AT


def test_hostile_cells_and_names_are_written_out() -> None:
    """In a table and in CSV."""
    shown = "".join(table_text.lines([EVIL], [(EVIL,)], None))
    shown += "".join(table_text.as_csv([EVIL], [(EVIL,)]))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\n" not in shown
    assert shown.count("\\x1b]0;owned") == 4


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+x", "'+x"),
        ("-x", "'-x"),
        ("@x", "'@x"),
        (" =x", "' =x"),
        ("\t=x", "'\\t=x"),
        (-1.5, "-1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (None, ""),
        ('a,"b"', 'a,"b"'),
        (b"12", "(2 bytes)"),
    ],
)
def test_cells_of_csv(cell: Any, written: str) -> None:
    """Numbers keep every digit; what a spreadsheet would calculate with is text."""
    assert list(csv.reader(table_text.as_csv(["x"], [(cell, 0)])))[1] == [written, "0"]


def test_json_has_no_numbers_that_json_lacks() -> None:
    """What is not finite is null."""
    assert [table_text.plain(x) for x in (math.nan, math.inf, 1.5, "a", None, b"1")] == [
        None, None, 1.5, "a", None, "(1 bytes)",
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [[], [(1, "a")], [(1, None), (math.nan, b"xy"), (2, "\u202e")]])
def test_json_is_one_object_row_by_row(rows: list[tuple[object, ...]]) -> None:
    """The first row is told before the third is asked for: an answer of any size is bounded."""
    told = json.loads("".join(table_text.as_json(["x", "y"], rows)))
    assert told["columns"] == ["x", "y"]
    assert len(told["rows"]) == len(rows)
    asked: list[int] = []
    lines = table_text.as_json(["x"], (asked.append(n) or (n,) for n in range(9)))
    assert [next(lines) for _ in range(2)][1] == "[0],"
    assert len(asked) == 2
