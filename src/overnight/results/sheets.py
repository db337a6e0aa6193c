"""Curves from tables as text: CSV, TSV and what resembles them.

A block in which every line is numbers is read at once; others cell by cell, with the same result.
Blank cells are absent. Columns without a number are text, and told once.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overnight.results import columns, growing, headers, names, numbers
from overnight.results.conventions import Convention
from overnight.results.curves import Floats, Found, Mark, Passed
from overnight.results.gather import Gather

# The characters of numbers, NaN and infinity; blanks pad them.
_OF_NUMBERS = b"0123456789+-.eE naifNAIFtyTY"
Told = NDArray[np.bool_]


@dataclass
class _Cells:
    """`value` and `told` (not blank) have the shape (rows, columns); `text` where some are text."""

    value: Floats
    told: Told
    line: Floats
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
    with growing.Growing(path, mark) as file:
        sheet = _Sheet(convention, Gather(), passed, {**file.memory})
        for block in file.blocks():
            if not block.is_open or _is_whole(sheet, block):
                _block(sheet, block, path)
                if block.is_open:
                    file.take_open(block)
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


def _is_whole(sheet: _Sheet, block: growing.Block) -> bool:
    """Whether a last line without an end has all its cells, so that it may be the last row."""
    if "columns" not in sheet.memory:
        return True
    line = growing.text(block.data)
    if block.data.count(b'"') % 2 or "\n" in line:
        return False
    cells = _split(line, sheet.delimiter)
    return len(cells) == len(sheet.names) and bool(cells[-1].strip() or len(cells) > 2)


def _split(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


def _block(sheet: _Sheet, block: growing.Block, path: Path) -> None:
    data, line = block.data, block.line
    if not data.endswith(b"\n"):
        data += b"\n"
    if "columns" not in sheet.memory:
        opening = headers.opening(growing.text(data[: 1 << 16]), path, sheet.convention)
        if opening is None:
            return
        sheet.memory.update(
            columns=list(opening.columns), delimiter=opening.delimiter, rows=0, **opening.memory
        )
        for name, why in columns.plan(opening.columns).passed:
            sheet.passed.add(line + opening.lines - 1 if opening.lines else None, name, why)
        for _ in range(opening.lines):
            data = data[data.find(b"\n") + 1 :]
        line += opening.lines
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
    cells = data[:-1].replace(b"\n", delimiter).split(delimiter)
    try:
        flat, told = _floats(cells)
    except ValueError:
        return None
    shape = (count, width)
    lines = np.arange(line, line + count, dtype=np.float64)
    value, told = flat.reshape(shape), told.reshape(shape)
    if not told.any(axis=1).all():  # blank lines are no rows
        kept = told.any(axis=1)
        value, told, lines = value[kept], told[kept], lines[kept]
    return _Cells(value, told, lines)


def _floats(cells: list[bytes]) -> tuple[Floats, Told]:
    try:
        return np.array([*map(float, cells)]), np.ones(len(cells), dtype=bool)
    except ValueError:
        bare = [cell.strip() for cell in cells]
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
    if '"' in text and delimiter != " ":
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
    return _Cells(value, told, np.array(lines, dtype=np.float64), rows)


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
    sheet: _Sheet,
    name: str,
    split: str | None,
    place: int,
    cells: _Cells,
    told: Told,
    axes: Mapping[str, Floats | None],
) -> None:
    value, line = cells.value[:, place], cells.line
    if not told.all():
        value, line = value[told], line[told]
        axes = {axis: None if each is None else each[told] for axis, each in axes.items()}
    sheet.gather.add(
        sheet.convention.rename(name),
        split or sheet.convention.split(name),
        place,
        value,
        line=line,
        **axes,
    )


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


def _axes(sheet: _Sheet, plan: columns.Plan, cells: _Cells) -> dict[str, Floats | None]:
    """Step, epoch and time of each row; what the writer's convention makes of the columns wins."""
    axes: dict[str, Floats | None] = {
        axis: None if place is None else _finite(cells.value[:, place])
        for axis, place in (("step", plan.step), ("epoch", plan.epoch))
    }
    axes["time"] = None if plan.time is None else _times(cells, plan.time)
    by_name = {name: cells.value[:, place] for place, name in enumerate(sheet.names)}
    if plan.step is None and plan.epoch is None and _is_history(sheet.names):
        before = sheet.memory.get("rows", 0)
        axes["epoch"] = np.arange(before, before + cells.line.size, dtype=np.float64)
    axes.update(sheet.convention.axes(by_name, sheet.memory))
    return axes


def _finite(column: Floats) -> Floats:
    return np.where(np.isfinite(column), column, np.nan)


def _times(cells: _Cells, place: int) -> Floats:
    found = np.array([numbers.unix(value) for value in cells.value[:, place].tolist()])
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
