"""Rows of any values as a table for people, as CSV, and as JSON. Whatever they hold is harmless."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from overnight.core import text
from overnight.results import wording
from overnight.results.tables import escaping

LOOKED_AT = 1000  # rows by which the widths are chosen
NARROWEST = 6

Row = Sequence[Any]


def lines(columns: Sequence[str], rows: Iterable[Row], width: int | None) -> Iterator[str]:
    """A table, line by line; cells are cut where it would be wider than `width`."""
    rows = iter(rows)
    looked_at = list(itertools.islice(rows, LOOKED_AT))
    first = [[shown(cell) for cell in row] for row in looked_at]
    head = [text.printable(column) for column in columns]
    widths = [max(map(len, cells)) for cells in zip(head, *first, strict=True)]
    if width is not None:
        widths = fitted(widths, width)
    right = [is_numbers(column) for column in zip(*looked_at, strict=True)] or [False] * len(head)
    for cells in itertools.chain([head], first, ([shown(c) for c in row] for row in rows)):
        yield "  ".join(
            (cut(cell, size).rjust if is_right else cut(cell, size).ljust)(size)
            for cell, size, is_right in zip(cells, widths, right, strict=True)
        ).rstrip()


def fitted(widths: Sequence[int], width: int) -> list[int]:
    """The widest columns give, down to `NARROWEST`, until all fit."""
    found = list(widths)
    while sum(found) + 2 * (len(found) - 1) > width:
        widest = max(range(len(found)), key=lambda place: found[place])
        if found[widest] <= NARROWEST:
            break
        over = sum(found) + 2 * (len(found) - 1) - width
        second = sorted(found)[-2] if len(found) > 1 else NARROWEST
        found[widest] -= min(over, max(1, found[widest] - max(second, NARROWEST)))
    return found


def cut(cell: str, size: int) -> str:
    return cell if len(cell) <= size else cell[: max(0, size - 1)] + "…"


def is_numbers(cells: Iterable[Any]) -> bool:
    return all(cell is None or isinstance(cell, (int, float)) for cell in cells)


def shown(cell: Any) -> str:
    """A cell for people: nothing for NULL, six digits of a fraction."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return wording.number(cell)
    if isinstance(cell, bytes):
        return f"({len(cell)} bytes)"
    return text.printable(str(cell))


def as_csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """With every digit; text that a spreadsheet would calculate with gets an apostrophe."""
    for row in itertools.chain([columns], rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([neutral(cell) for cell in row])
        yield line.getvalue()


def as_json(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """One object, `{"columns": […], "rows": [[…], …]}`, a line for each row."""
    yield f'{{"columns": {json.dumps(list(columns))}, "rows": ['
    last = None
    for row in rows:
        if last is not None:
            yield f"{last},"
        last = json.dumps([plain(cell) for cell in row])
    if last is not None:
        yield last
    yield "]}"


def neutral(cell: Any) -> Any:
    if isinstance(cell, (int, float)) or cell is None:
        return cell
    return escaping.csv_text(shown(cell) if isinstance(cell, bytes) else str(cell))


def plain(cell: Any) -> Any:
    """A cell in JSON: what is not finite is null."""
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    return shown(cell) if isinstance(cell, bytes) else cell
