"""Where a table begins: what parts its cells, and how its columns are called. Pure."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overnight.results.parsing import columns, numbers
from overnight.results.parsing.conventions import Convention

DELIMITERS = (",", "\t", ";", "|")
LONGEST_REMARK = 1 << 16
MOST_BEFORE = 40  # lines that may stand before the header


@dataclass(frozen=True)
class Opening:
    """`lines`: how many there are before the first row. `memory`: what else the lines told."""

    columns: tuple[str, ...]
    delimiter: str
    lines: int
    memory: Mapping[str, Any] = field(default_factory=dict)


def opening(text: str, path: Path, convention: Convention) -> Opening | None:
    """None where no line of cells has come yet."""
    lines = text.removeprefix("\ufeff").split("\n")[:MOST_BEFORE]
    before = 0
    while before < len(lines) and (not lines[before].strip() or _is_remark(lines, before)):
        before += 1
    shown = [line for line in lines[before:] if line.strip()][:2]
    if len(shown) < 2:
        return None  # what a header is, shows in the row below it
    shown[0] = shown[0].lstrip("#").strip() if shown[0].startswith("#") else shown[0]
    delimiter = convention.delimiter or delimiter_of(shown)
    memory = _told_before(lines[:before])
    if convention.header is not None:
        return Opening(convention.header, delimiter, before, memory)
    rows = _height(lines[before:])
    record = "\n".join(lines[before : before + rows])
    first = cells(record.lstrip("#").strip() if record.startswith("#") else record, delimiter)
    if _is_header(first, cells(shown[1], delimiter)):
        return Opening(unique(first), delimiter, before + rows, memory)
    return Opening(_invented(first, path), delimiter, before, memory)


def _is_remark(lines: Sequence[str], place: int) -> bool:
    """`# text`, unless it is the header of the numbers below, as numpy writes it."""
    line = lines[place]
    if not line.startswith(("#", "//", "{")):
        return False
    if line.startswith(("#{", "{")) or place + 1 >= len(lines):
        return True
    below = lines[place + 1]
    delimiter = delimiter_of([below])
    names = cells(line.lstrip("#").strip(), delimiter)
    row = cells(below, delimiter)
    return not (len(names) == len(row) and all(map(is_number, row)))


def _told_before(lines: Sequence[str]) -> dict[str, Any]:
    """A remark that is JSON holds settings: `#{"t_start": …, "env_id": …}`."""
    for line in lines:
        if line.startswith(("#{", "{")) and len(line) < LONGEST_REMARK:
            try:
                told = json.loads(line.removeprefix("#"))
            except (ValueError, RecursionError):
                continue
            return {"settings": {"": told}}
    return {}


def delimiter_of(lines: Sequence[str]) -> str:
    """The one that parts header and first row into equally many cells, the most; else a comma."""
    shown = [line for line in lines if line.strip()][:2]
    best, most = ",", 1
    for delimiter in DELIMITERS:
        widths = [len(cells(line, delimiter)) for line in shown]
        if min(widths, default=1) > most and max(widths) - min(widths) <= 1:
            best, most = delimiter, min(widths)
    if most == 1 and len({len(line.split()) for line in shown}) == 1 and len(shown[0].split()) > 1:
        below = shown[-1].split()
        if below and all(map(is_number, below)):
            return " "
    return best


def cells(line: str, delimiter: str) -> list[str]:
    """The cells of one record, without quotes and padding."""
    if delimiter == " ":
        return line.split()
    try:
        lines = [f"{each}\n" for each in line.split("\n")]
        row = next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        row = line.split(delimiter)
    return [cell.strip() for cell in row]


def _height(lines: Sequence[str]) -> int:
    """How many lines a header takes: a quoted name may hold line ends."""
    quotes = 0
    for count, line in enumerate(lines, 1):
        quotes += line.count('"')
        if quotes % 2 == 0:
            return count
    return 1


def is_number(cell: str) -> bool:
    return numbers.number(cell) is not None


def _is_header(first: Sequence[str], following: Sequence[str]) -> bool:
    """Names, and not a row: rows look like the row that follows."""
    kinds = [is_number(cell) for cell in first]
    if not any(kinds):
        return True
    if all(kinds):
        return False
    return bool(following) and kinds != [is_number(cell) for cell in following[: len(kinds)]]


def is_another(row: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row is a header that comes again, or another one of known words."""
    bare = [cell.strip() for cell in row]
    if any(map(is_number, bare)):
        return False
    if unique(bare) == tuple(names):
        return True
    if len(bare) < 2 or not all(bare):
        return False
    plan = columns.plan(tuple(bare))
    return (
        (plan.step is not None or plan.epoch is not None)
        and len(set(bare)) == len(bare)
        and bool(set(bare) & set(names))
    )


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Without padding; a name that comes again gets its number behind it."""
    seen: dict[str, int] = {}
    found = []
    for name in (each.strip() for each in names):
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(found)


def _invented(row: Sequence[str], path: Path) -> tuple[str, ...]:
    """Names for a table that has none: the file's for a single column of numbers."""
    numeric = [place for place, cell in enumerate(row) if is_number(cell)]
    names = [f"column {place + 1}" for place in range(len(row))]
    if len(row) > 1 and numeric[:1] == [0] and row[0].strip().isdecimal():
        names[0] = "step"
        numeric = numeric[1:]
    if len(numeric) == 1:
        names[numeric[0]] = path.stem
    return tuple(names)
