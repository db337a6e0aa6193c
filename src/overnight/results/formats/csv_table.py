"""Any table: CSV, TSV, semicolons, with or without a header."""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import columns, headers, numbers, sheets, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "csv"
_CONVENTION = Convention(format=FORMAT)
_ENDINGS = (".csv", ".tsv", ".tab")
_MAYBE = (".txt", ".log", ".dat", ".data", "")


def claims(path: Path, head: bytes) -> int:
    ending = path.suffix.lower()
    if ending not in _ENDINGS + _MAYBE:
        return curves.NO
    opening = sniffing.opening(head)
    if opening is None:
        is_empty = not head.strip() or b"\n" not in head.strip()
        return curves.PERHAPS if ending in _ENDINGS and is_empty else curves.NO
    share = _share_of_numbers(sniffing.text(head), opening, is_strict=ending not in _ENDINGS)
    wanted = 0.5 if ending not in _ENDINGS else 0.0
    if _is_of_metrics(opening, path.stem):
        return curves.PERHAPS if share > wanted else curves.NO
    return curves.PERHAPS if ending in _ENDINGS and share == 1 else curves.NO


def _is_of_metrics(opening: headers.Opening, stem: str) -> bool:
    """By its names; a table of data or predictions has none that is a metric's."""
    plan = columns.plan(opening.columns)
    has_axis = plan.step is not None or plan.epoch is not None
    return has_axis or sniffing.has_metric([*opening.columns, stem])


def _share_of_numbers(text: str, opening: headers.Opening, *, is_strict: bool) -> float:
    """Of the cells that are not blank; 0 where `is_strict` and rows have other widths."""
    lines = text.split("\n")[opening.lines :][:50]
    rows = [headers.cells(line, opening.delimiter) for line in lines[:-1] or lines if line.strip()]
    if is_strict and {len(row) for row in rows} != {len(opening.columns)}:
        return 0.0
    told = [cell for row in rows for cell in row if not numbers.is_absent(cell)]
    return sum(map(headers.is_number, told)) / len(told) if told else 0.0


def read(path: Path, mark: Mark | None = None) -> Found:
    return sheets.read(path, mark, _CONVENTION)
