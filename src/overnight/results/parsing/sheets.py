"""Curves from tables as text: CSV, TSV and what resembles them.

A block in which every line is numbers is read at once; others cell by cell, with the same result.
Blank cells are absent. Columns without a number are text, and told once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from overnight.results import names
from overnight.results.curves import Floats, Found, Mark, Passed
from overnight.results.parsing import cells, columns, headers, line_blocks, numbers
from overnight.results.parsing.cells import Cells, Told
from overnight.results.parsing.conventions import Convention
from overnight.results.parsing.gather import Axes, Gather


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
    with line_blocks.Growing(path, mark, is_quoted=True) as file:
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
    line = line_blocks.text(data)
    if data.count(b'"') % 2 or "\n" in line:
        return False
    row = headers.cells(line, sheet.delimiter)
    return len(row) == len(sheet.names) and bool(row[-1] or len(row) > 2)


def _opened(sheet: _Sheet, data: bytes, line: int, path: Path) -> tuple[bytes, int]:
    """The rows behind the header, and the number of their first line, once the header is there."""
    lines = [line_blocks.text(each) for each in data.split(b"\n", headers.MOST_BEFORE)]
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
        found = cells.regular(data, line, sheet.delimiter, len(sheet.names))
        _put(sheet, found or _parts(sheet, data, line))


def _parts(sheet: _Sheet, data: bytes, line: int) -> Cells:
    """Cell by cell. A later header ends a part, and its columns count from there."""
    rows: list[list[str]] = []
    lines: list[int] = []
    for number, row in cells.records(data, sheet.delimiter, line):
        if not any(cell.strip() for cell in row):
            continue
        if headers.is_another(row, sheet.names):
            _put(sheet, _parsed(sheet, rows, lines))
            rows, lines = [], []
            sheet.headers.append(number)
            sheet.memory["columns"] = list(headers.unique(row))
        elif (fitting := cells.fitting(row, len(sheet.names))) is not None:
            rows.append(fitting)
            lines.append(number)
        else:
            why = f"{len(row)} cells where the header has {len(sheet.names)}"
            sheet.passed.add(number, sheet.delimiter.join(row), why)
    return _parsed(sheet, rows, lines)


def _parsed(sheet: _Sheet, rows: list[list[str]], lines: list[int]) -> Cells:
    plan = columns.plan(sheet.names)
    quiet = {name for name, _ in plan.passed}

    def tell(place: int, line: int, cell: str) -> None:
        name = sheet.names[place]
        if name not in quiet and name not in sheet.odd and place not in (plan.split, plan.time):
            sheet.odd.add(name)
            sheet.passed.add(line, f"{name}: {cell.strip()}", numbers.why_not(cell))

    return cells.parsed(
        rows,
        lines,
        len(sheet.names),
        counting=(plan.step, plan.epoch),
        absent=sheet.convention.absent,
        tell=tell,
    )


def _put(sheet: _Sheet, found: Cells) -> None:
    """Gives the numbers of a part to the curves."""
    if not found.line.size:
        return
    plan = columns.plan(sheet.names)
    found = _without_dead_rows(sheet, found)
    axes = _axes(sheet, plan, found)
    sheet.memory["rows"] = sheet.memory.get("rows", 0) + found.line.size
    splits = _splits(plan, found)
    for place, name in plan.metrics:
        if name in sheet.convention.passed:
            if name not in sheet.odd:
                sheet.odd.add(name)
                sheet.passed.add(None, name, sheet.convention.passed[name])
            continue
        for split, rows in splits:
            told = found.told[:, place] if rows is None else found.told[:, place] & rows
            _piece(sheet, name, split, place, found, told, axes)


def _piece(
    sheet: _Sheet, name: str, split: str | None, place: int, found: Cells, told: Told, axes: Axes
) -> None:
    value, convention = found.value[:, place], sheet.convention
    if not told.all():
        value, axes = value[told], axes.where(told)
    sheet.gather.add(convention.rename(name), split or convention.split(name), place, value, axes)


def _without_dead_rows(sheet: _Sheet, found: Cells) -> Cells:
    """Without rows of which the file says that they failed: their numbers are no results."""
    for name, words in sheet.convention.dead_rows.items():
        if found.text is None or name not in sheet.names:
            continue
        place = sheet.names.index(name)
        dead = np.array([row[place].strip().lower() in words for row in found.text], dtype=bool)
        for line in found.line[dead]:
            sheet.passed.add(int(line), "the row", f"its {name} says that it failed")
        found = found.where(~dead)
    return found


def _axes(sheet: _Sheet, plan: columns.Plan, found: Cells) -> Axes:
    """Step, epoch and time of each row; what the writer's convention makes of the columns wins."""
    told: dict[str, Floats | None] = {
        axis: None if place is None else _finite(found.value[:, place])
        for axis, place in (("step", plan.step), ("epoch", plan.epoch))
    }
    told["time"] = None if plan.time is None else _times(found, plan.time)
    by_name = {name: found.value[:, place] for place, name in enumerate(sheet.names)}
    if plan.step is None and plan.epoch is None and _is_history(sheet.names):
        before = sheet.memory.get("rows", 0)
        told["epoch"] = np.arange(before, before + found.line.size, dtype=np.float64)
    told.update(sheet.convention.axes(by_name, sheet.memory))
    return Axes(found.line, **told)


def _finite(column: Floats) -> Floats:
    return np.where(np.isfinite(column), column, np.nan)


def _times(found: Cells, place: int) -> Floats:
    times = numbers.all_unix(found.value[:, place])
    if found.text is not None:
        for at in np.flatnonzero(~found.told[:, place]):
            times[at] = numbers.moment(found.text[at][place])
    return times


def _splits(plan: columns.Plan, found: Cells) -> Sequence[tuple[str | None, Told | None]]:
    if plan.split is None or found.text is None:
        return [(None, None)]
    place = plan.split
    told = [names.split_of(row[place]) for row in found.text]
    return [(split, np.array([each == split for each in told])) for split in dict.fromkeys(told)]


def _is_history(found: Sequence[str]) -> bool:
    """`loss` beside `val_loss` and no axis: the history of a Keras model, a row an epoch from 0."""
    bare = set(found)
    return any(f"val_{name}" in bare for name in found) and not any(
        re.fullmatch(r"column \d+", name) for name in found
    )
