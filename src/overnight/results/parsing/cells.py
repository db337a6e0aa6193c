"""Cells of a table as numbers: many lines at once where they are regular, one by one else."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Floats, Whole
from overnight.results.parsing import line_blocks, numbers
from overnight.results.parsing.numbers import listed

# The characters of numbers, NaN and infinity; blanks pad them.
_OF_NUMBERS = b"0123456789+-.eE naifNAIFtyTY"
Told = NDArray[np.bool_]


@dataclass
class Cells:
    """`value` and `told` (not blank) have the shape (rows, columns); `text` where some are text."""

    value: Floats
    told: Told
    line: Whole
    text: list[list[str]] | None = None

    def where(self, kept: Told) -> Cells:
        """The rows for which `kept`, shape (rows,), is true."""
        text = self.text
        if text is not None:
            text = [row for row, is_kept in zip(text, kept, strict=True) if is_kept]
        return Cells(self.value[kept], self.told[kept], self.line[kept], text)


def regular(data: bytes, line: int, delimiter: str, width: int) -> Cells | None:
    """All cells at once where each line has `width` of them, and nothing but numbers and blanks."""
    if delimiter == " ":
        return None
    mark, count = delimiter.encode(), data.count(b"\n")
    if data.translate(None, _OF_NUMBERS) != (mark * (width - 1) + b"\n") * count:
        return None
    try:
        flat, told = _floats(data[:-1].replace(b"\n", mark), mark)
    except ValueError:
        return None
    lines = np.arange(line, line + count, dtype=np.int64)
    found = Cells(flat.reshape(count, width), told.reshape(count, width), lines)
    has_any: Told = np.any(found.told, axis=1)  # blank lines are no rows
    return found if has_any.all() else found.where(has_any)


def _floats(text: bytes, delimiter: bytes) -> tuple[Floats, Told]:
    """Raises ValueError where a cell is no number and not blank."""
    flat = listed(text.replace(delimiter, b","))
    if flat is not None:
        return flat, np.ones(flat.size, dtype=bool)
    bare = [cell.strip() for cell in text.split(delimiter)]
    told = np.array([*map(bool, bare)])
    return np.array([float(cell) if cell else np.nan for cell in bare]), told


def records(data: bytes, delimiter: str, line: int) -> list[tuple[int, list[str]]]:
    """The cells of each record, and the number of its first line."""
    lines = line_blocks.text(data).removesuffix("\n").split("\n")
    if delimiter == " ":
        return [(line + at, each.split()) for at, each in enumerate(lines)]
    if b'"' not in data or data.count(b'"') % 2:
        return [(line + at, each.split(delimiter)) for at, each in enumerate(lines)]
    reader = csv.reader([f"{each}\n" for each in lines], delimiter=delimiter, skipinitialspace=True)
    found, before = [], 0
    try:
        for row in reader:
            found.append((line + before, row))
            before = reader.line_num
    except csv.Error:  # a cell that is too long
        return [(line + at, each.split(delimiter)) for at, each in enumerate(lines)]
    return found


def fitting(row: list[str], width: int) -> list[str] | None:
    """The row, without blank cells that are too many; None where it has another width."""
    if len(row) == width:
        return row
    extra = row[width:]
    return row[:width] if extra and not any(cell.strip() for cell in extra) else None


def parsed(
    rows: list[list[str]],
    lines: Sequence[int],
    width: int,
    *,
    counting: Collection[int | None],
    absent: Collection[str],
    tell: Callable[[int, int, str], None],
) -> Cells:
    """Cell by cell. `counting`: the columns that count steps or epochs.

    `absent`: words for a missing value, in lower case. `tell`: called with column, line and cell
    for what is neither a number nor absent.
    """
    shape = (len(rows), width)
    value, told = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    for place in range(width):
        column = _column([row[place] for row in rows])
        if column is not None:
            value[:, place], told[:, place] = column, True
            continue
        read = numbers.counted if place in counting else numbers.number
        for at, row in enumerate(rows):
            found = read(row[place])
            is_absent = row[place].strip().lower() in absent
            if found is not None and not is_absent:
                value[at, place], told[at, place] = found, True
            elif not is_absent and not numbers.is_absent(row[place]):
                tell(place, lines[at], row[place])
    return Cells(value, told, np.array(lines, dtype=np.int64), rows)


def _column(cells: list[str]) -> Floats | None:
    """All at once where all are plain numbers; None where a cell is something else, or blank."""
    joined = "".join(cells)
    if not joined.isascii() or joined.encode().translate(None, _OF_NUMBERS):
        return None
    try:
        return np.array([*map(float, cells)])
    except ValueError:
        return None
