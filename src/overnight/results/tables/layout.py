"""Columns of text for a terminal: aligned, and stacked where the window is too narrow."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

from overnight.core import text

GAP = "  "
NARROWEST = 16
LABEL = 24  # at most so many columns for the name of a cell
_NUMBER = re.compile(r"[+-]?(\d+)(\.\d+)?(e[+-]\d+)?|[+-]?(nan|inf)")


def safe(cell: str) -> str:
    return text.printable(cell)


def width_of(shown: str) -> int:
    """Columns of the terminal: wide characters take two, combining ones none."""
    if shown.isascii():
        return len(shown)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in shown
    )


def padded(shown: str, width: int) -> str:
    return shown + " " * (width - width_of(shown))


def aligned(cells: Sequence[str]) -> list[str]:
    """Numbers of one column with their points below each other; everything else as it is."""
    before = max((len(head(each)) for each in cells if is_number(each)), default=0)
    return [" " * (before - len(head(each))) + each if is_number(each) else each for each in cells]


def is_number(cell: str) -> bool:
    return _NUMBER.match(cell) is not None


def head(cell: str) -> str:
    """What stands before the decimal point."""
    found = re.match(r"[+-]?\d+", cell)
    return found.group() if found else cell.split()[0] if cell else ""


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Left-aligned; a column of which no row says anything is left out."""
    kept = [n for n, column in enumerate(zip(*rows, strict=True)) if any(column)]
    chosen = [[row[n] for n in kept] for row in rows]
    widths = [max(map(width_of, column)) for column in zip(*chosen, strict=True)]
    return [
        GAP.join(padded(*each) for each in zip(row, widths, strict=True)).rstrip() for row in chosen
    ]


def fits(lines: Sequence[str], width: int | None) -> bool:
    return width is None or all(width_of(line) <= width for line in lines)


def stacked(
    header: Sequence[str], row: Sequence[str], width: int | None, *, lead: str = "- "
) -> Iterator[str]:
    """One below the other, a line for each cell that says something; `lead` before the first."""
    pairs = [each for each in zip(header, row, strict=True) if each[1] not in ("", "-")]
    size = min(LABEL, max([0, *(width_of(name) for name, _ in pairs)]))
    for name, cell in pairs:
        yield from labelled(lead, name, " ".join(cell.split()), size, width)
        lead = "  "


def labelled(lead: str, name: str, cell: str, size: int, width: int | None) -> Iterator[str]:
    """The cell beside its name, or below it where there is no room."""
    indent = " " * (size + 4)
    is_narrow = width is not None and width - len(indent) < NARROWEST
    if is_narrow or width_of(name) > size:
        if name:
            first, *rest = wrapped(name, width and width - 2)
            yield f"{lead}{first}"
            yield from (f"  {each}" for each in rest)
        lead, name, indent = "  ", "", "    " if is_narrow else indent
    first, *rest = wrapped(cell, width and width - len(indent))
    yield f"{lead}{padded(name, len(indent) - 4)}  {first}".rstrip()
    yield from (indent + each for each in rest)


def wrapped(sentence: str, width: int | None, indent: str = "") -> list[str]:
    """In lines of at most `width` columns; all but the first one begin with `indent`."""
    if width is None:
        return [sentence]
    limit = max(NARROWEST, width)
    return textwrap.wrap(sentence, limit, subsequent_indent=indent) or [""]
