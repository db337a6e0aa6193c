"""Any table: CSV, TSV, semicolons, with or without a header."""

from __future__ import annotations

from pathlib import Path

from overnight.results import columns, curves, headers, sheets, sniffing
from overnight.results.conventions import Convention
from overnight.results.curves import Found, Mark

FORMAT = "csv"
_CONVENTION = Convention(format=FORMAT)
_ENDINGS = (".csv", ".tsv", ".tab")
_MAYBE = (".txt", ".log", ".dat", ".data", "")


def claims(path: Path, head: bytes) -> int:
    ending = path.suffix.lower()
    if not head:
        return curves.PERHAPS if ending in _ENDINGS else curves.NO
    text = sniffing.text(head)
    opening = headers.opening(text, path, _CONVENTION)
    if opening is None:
        return curves.PERHAPS if ending in _ENDINGS else curves.NO
    if ending in _ENDINGS:
        return curves.PERHAPS
    return curves.PERHAPS if ending in _MAYBE and _is_regular(text, opening) else curves.NO


def _is_regular(text: str, opening: headers.Opening) -> bool:
    """A file of another name has to look like a table of metrics: equal rows, mostly of numbers."""
    lines = text.split("\n")[opening.lines : -1][:50]
    rows = [headers.cells(line, opening.delimiter) for line in lines if line.strip()]
    if not rows or {len(row) for row in rows} != {len(opening.columns)}:
        return False
    plan = columns.plan(opening.columns)
    counted = sum(headers.is_number(cell) for row in rows for cell in row)
    has_axis = plan.step is not None or plan.epoch is not None
    named = (
        has_axis
        or sniffing.has_metric(opening.columns)
        or sniffing.has_metric([path_stem(opening)])
    )
    return named and counted * 2 >= sum(map(len, rows))


def path_stem(opening: headers.Opening) -> str:
    return opening.columns[-1]


def read(path: Path, mark: Mark | None = None) -> Found:
    return sheets.read(path, mark, _CONVENTION)
