"""Curves from tables as text: CSV, TSV and what resembles them.

A block in which every line is numbers is read at once; others cell by cell, with the same result.
Blank cells are absent. Columns without a number are text, and told once.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overnight.results import columns, growing, headers, names, numbers
from overnight.results.conventions import Convention
from overnight.results.curves import Floats, Found, Mark, Passed, Whole
from overnight.results.gather import Axes, Gather

# The characters of numbers, NaN and infinity; blanks pad them.
_OF_NUMBERS = b"0123456789+-.eE naifNAIFtyTY"
Told = NDArray[np.bool_]


@dataclass
class _Cells:
    """`value` and `told` (not blank) have the shape (rows, columns); `text` where some are text."""

    value: Floats
    told: Told
    line: Whole
    text: list[list[str]] | None = None


@dataclass
class _Sheet:
    """A table while it is read. `memory` goes into the mark."""

    convention: Convention
    gather: Gather
    passed: Passed
    memory: dict[str, Any]
    headers: list[int] = field(default_factory=list)
    odd: set[str] = field(default_factory=set)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.memory["columns"])

    @property
    def delimiter(self) -> str:
        return str(self.memory["delimiter"])


def read(path: Path, mark: Mark | None, convention: Convention) -> Found:
    """The whole table, or the rows that have come since `mark`."""
    passed = Passed()
    with growing.Growing(path, mark, is_quoted=True) as file:
        sheet = _Sheet(convention, Gather(), passed, {**file.memory})
        held = b""
        for block in file.blocks():
            data = block.data if block.data.endswith(b"\n") else block.data + b"\n"
            held, line = held + data, block.line - held.count(b"\n")
            is_new = "columns" not in sheet.memory
            if is_new:
                held, line = _opened(sheet, held, line, path)
            if "columns" not in sheet.memory:
                continue
            if block.is_open and not _is_whole(sheet, block.data):
                held = held[: len(held) - len(data)]
                if is_new:  # what the columns are is not to be learnt from a torn row
                    sheet.memory.clear()
                    continue
            elif block.is_open:
                file.take_open(block)
            _block(sheet, held, line)
            held = b""
        if file.is_stuck:
            passed.add(file.line + 1, "the rest", "a line of more than 16 MiB")
        if "columns" not in sheet.memory:
            why = "no row of numbers yet" if path.stat().st_size else "empty"
            passed.add(None, path.name, why)
        memory = {key: value for key, value in sheet.memory.items() if key not in ("seal", "open")}
        after = file.mark(**memory) if "columns" in memory else None
    for name, goal in convention.goals.items():
        sheet.gather.aim(name, goal)
    return Found(
        format=convention.format,
        curves=sheet.gather.curves(),
        skipped=tuple(passed.listed),
        more_skipped=passed.more,
        mark=after,
        settings=sheet.memory.get("settings", {}),
        headers=tuple(sheet.headers),
    )


def _is_whole(sheet: _Sheet, data: bytes) -> bool:
    """Whether a last line without an end has all its cells, so that it may be the last row."""
    line = growing.text(data)
    if data.count(b'"') % 2 or "\n" in line:
        return False
    cells = headers.cells(line, sheet.delimiter)
    return len(cells) == len(sheet.names) and bool(cells[-1] or len(cells) > 2)


def _opened(sheet: _Sheet, data: bytes, line: int, path: Path) -> tuple[bytes, int]:
    """The rows behind the header, and the number of their first line, once the header is there."""
    lines = [growing.text(each) for each in data.split(b"\n", headers.MOST_BEFORE)]
    opening = headers.opening("\n".join(lines[: headers.MOST_BEFORE]), path, sheet.convention)
    if opening is None:
        return data, line
    sheet.memory.update(
        columns=list(opening.columns), delimiter=opening.delimiter, rows=0, **opening.memory
    )
    for name, why in columns.plan(opening.columns).passed:
        sheet.passed.add(line + opening.lines - 1 if opening.lines else None, name, why)
    for _ in range(opening.lines):
        data = data[data.find(b"\n") + 1 :]
    return data, line + opening.lines


def _block(sheet: _Sheet, data: bytes, line: int) -> None:
    if data:
        cells = _regular(sheet, data, line)
        for part in [cells] if cells else _parts(sheet, data, line):
            _put(sheet, part)


def _regular(sheet: _Sheet, data: bytes, line: int) -> _Cells | None:
    """All cells at once where every line has as many as the header, and nothing but numbers."""
    if sheet.delimiter == " ":
        return None
    delimiter, width = sheet.delimiter.encode(), len(sheet.names)
    count = data.count(b"\n")
    if data.translate(None, _OF_NUMBERS) != (delimiter * (width - 1) + b"\n") * count:
        return None
    try:
        flat, told = _floats(data[:-1].replace(b"\n", delimiter), delimiter)
    except ValueError:
        return None
    shape = (count, width)
    lines = np.arange(line, line + count, dtype=np.int64)
    value, told = flat.reshape(shape), told.reshape(shape)
    if not told.any(axis=1).all():  # blank lines are no rows
        kept = told.any(axis=1)
        value, told, lines = value[kept], told[kept], lines[kept]
    return _Cells(value, told, lines)


def _floats(text: bytes, delimiter: bytes) -> tuple[Floats, Told]:
    """Raises ValueError where a cell is no number and not blank."""
    try:
        numbers = json.loads(b"[%b]" % text.replace(delimiter, b","))  # the quickest way to floats
        flat = np.array(numbers, dtype=np.float64)
        return flat, np.ones(flat.size, dtype=bool)
    except (ValueError, OverflowError):
        bare = [cell.strip() for cell in text.split(delimiter)]
        told = np.array([*map(bool, bare)])
        return np.array([float(cell) if cell else np.nan for cell in bare]), told


def _parts(sheet: _Sheet, data: bytes, line: int) -> list[_Cells]:
    """Cell by cell. A later header ends a part, and its columns count from there."""
    parts: list[_Cells] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    for number, row in _records(data, sheet.delimiter, line):
        if not any(cell.strip() for cell in row):
            continue
        if headers.is_another(row, sheet.names):
            _put(sheet, _cells(sheet, rows, lines))
            rows, lines = [], []
            sheet.headers.append(number)
            sheet.memory["columns"] = list(headers.unique(row))
        elif (fitting := _fitting(row, len(sheet.names))) is not None:
            rows.append(fitting)
            lines.append(number)
        else:
            why = f"{len(row)} cells where the header has {len(sheet.names)}"
            sheet.passed.add(number, sheet.delimiter.join(row), why)
    parts.append(_cells(sheet, rows, lines))
    return parts


def _records(data: bytes, delimiter: str, line: int) -> list[tuple[int, list[str]]]:
    text = growing.text(data)
    if '"' in text and text.count('"') % 2 == 0 and delimiter != " ":
        reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=False)
        found, before = [], 0
        try:
            for row in reader:
                found.append((line + before, row))
                before = reader.line_num
        except csv.Error:
            return [(line + at, each.split(delimiter)) for at, each in enumerate(text.split("\n"))]
        return found
    lines = text.split("\n")
    return [
        (line + at, each.split() if delimiter == " " else each.split(delimiter))
        for at, each in enumerate(lines)
    ]


def _fitting(row: list[str], width: int) -> list[str] | None:
    if len(row) == width:
        return row
    extra = row[width:]
    return row[:width] if extra and not any(cell.strip() for cell in extra) else None


def _cells(sheet: _Sheet, rows: list[list[str]], lines: list[int]) -> _Cells:
    shape = (len(rows), len(sheet.names))
    value, told = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    plan = columns.plan(sheet.names)
    passed = {name for name, _ in plan.passed}
    for place, name in enumerate(sheet.names):
        is_quiet = name in passed or place in (plan.split, plan.time)
        _column(
            sheet,
            name,
            [row[place] for row in rows],
            lines,
            value[:, place],
            told[:, place],
            is_quiet,
        )
    return _Cells(value, told, np.array(lines, dtype=np.int64), rows)


def _column(
    sheet: _Sheet,
    name: str,
    cells: list[str],
    lines: list[int],
    value: Floats,
    told: Told,
    is_quiet: bool,
) -> None:
    """Fills `value` and `told` (shape (rows,)) from the cells of a column."""
    absent = sheet.convention.absent
    for at, cell in enumerate(cells):
        found = numbers.number(cell)
        if found is not None and cell.strip().lower() not in absent:
            value[at], told[at] = found, True
            continue
        is_odd = not numbers.is_absent(cell) and cell.strip().lower() not in absent
        if is_odd and not is_quiet and name not in sheet.odd:
            sheet.odd.add(name)
            sheet.passed.add(lines[at], f"{name}: {cell.strip()}", numbers.why_not(cell))


def _put(sheet: _Sheet, cells: _Cells) -> None:
    """Gives the numbers of a part to the curves."""
    if not cells.line.size:
        return
    plan = columns.plan(sheet.names)
    cells = _without_dead_rows(sheet, cells)
    axes = _axes(sheet, plan, cells)
    sheet.memory["rows"] = sheet.memory.get("rows", 0) + cells.line.size
    splits = _splits(plan, cells)
    for place, name in plan.metrics:
        if name in sheet.convention.passed:
            if name not in sheet.odd:
                sheet.odd.add(name)
                sheet.passed.add(None, name, sheet.convention.passed[name])
            continue
        for split, rows in splits:
            told = cells.told[:, place] if rows is None else cells.told[:, place] & rows
            _piece(sheet, name, split, place, cells, told, axes)


def _piece(
    sheet: _Sheet, name: str, split: str | None, place: int, cells: _Cells, told: Told, axes: Axes
) -> None:
    value, convention = cells.value[:, place], sheet.convention
    if not told.all():
        value, axes = value[told], axes.where(told)
    sheet.gather.add(convention.rename(name), split or convention.split(name), place, value, axes)


def _without_dead_rows(sheet: _Sheet, cells: _Cells) -> _Cells:
    """Without rows of which the file says that they failed: their numbers are no results."""
    for name, words in sheet.convention.dead_rows.items():
        if cells.text is None or name not in sheet.names:
            continue
        place = sheet.names.index(name)
        dead = np.array([row[place].strip().lower() in words for row in cells.text])
        for line in cells.line[dead]:
            sheet.passed.add(int(line), "the row", f"its {name} says that it failed")
        cells = _Cells(
            cells.value[~dead],
            cells.told[~dead],
            cells.line[~dead],
            [row for row, is_dead in zip(cells.text, dead, strict=True) if not is_dead],
        )
    return cells


def _axes(sheet: _Sheet, plan: columns.Plan, cells: _Cells) -> Axes:
    """Step, epoch and time of each row; what the writer's convention makes of the columns wins."""
    told: dict[str, Floats | None] = {
        axis: None if place is None else _finite(cells.value[:, place])
        for axis, place in (("step", plan.step), ("epoch", plan.epoch))
    }
    told["time"] = None if plan.time is None else _times(cells, plan.time)
    by_name = {name: cells.value[:, place] for place, name in enumerate(sheet.names)}
    if plan.step is None and plan.epoch is None and _is_history(sheet.names):
        before = sheet.memory.get("rows", 0)
        told["epoch"] = np.arange(before, before + cells.line.size, dtype=np.float64)
    told.update(sheet.convention.axes(by_name, sheet.memory))
    return Axes(cells.line, **told)


def _finite(column: Floats) -> Floats:
    return np.where(np.isfinite(column), column, np.nan)


def _times(cells: _Cells, place: int) -> Floats:
    found = numbers.all_unix(cells.value[:, place])
    if cells.text is not None:
        for at in np.flatnonzero(~cells.told[:, place]):
            found[at] = numbers.moment(cells.text[at][place])
    return found


def _splits(plan: columns.Plan, cells: _Cells) -> Sequence[tuple[str | None, Told | None]]:
    if plan.split is None or cells.text is None:
        return [(None, None)]
    place = plan.split
    told = [names.split_of(row[place]) for row in cells.text]
    return [(split, np.array([each == split for each in told])) for split in dict.fromkeys(told)]


def _is_history(found: Sequence[str]) -> bool:
    """`loss` beside `val_loss` and no axis: the history of a Keras model, a row an epoch from 0."""
    bare = set(found)
    return any(f"val_{name}" in bare for name in found) and not any(
        re.fullmatch(r"column \d+", name) for name in found
    )
