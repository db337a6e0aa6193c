"""Where a table begins: what parts its cells, and how its columns are called. Pure."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overnight.results import columns, numbers
from overnight.results.conventions import Convention

DELIMITERS = (",", "\t", ";", "|")
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
    if before >= len(lines) or not lines[before].strip():
        return None
    delimiter = convention.delimiter or delimiter_of(lines[before:])
    memory = _told_before(lines[:before])
    if convention.header is not None:
        return Opening(convention.header, delimiter, before, memory)
    first = cells(
        lines[before].lstrip("#").strip() if lines[before].startswith("#") else lines[before],
        delimiter,
    )
    following = cells(lines[before + 1], delimiter) if len(lines) > before + 1 else []
    if _is_header(first, following):
        rows = _height(lines[before:], delimiter)
        return Opening(unique(first), delimiter, before + rows, memory)
    return Opening(_invented(first, path), delimiter, before, memory)


def _is_remark(lines: Sequence[str], place: int) -> bool:
    """`# text`, unless it is the header of the numbers below, as numpy writes it."""
    line = lines[place]
    if not line.startswith(("#", "//")):
        return False
    if line.startswith("#{") or place + 1 >= len(lines):
        return True
    below = lines[place + 1]
    delimiter = delimiter_of([below])
    names = cells(line.lstrip("#").strip(), delimiter)
    row = cells(below, delimiter)
    return not (len(names) == len(row) and all(map(is_number, row)))


def _told_before(lines: Sequence[str]) -> dict[str, Any]:
    """A remark that is JSON holds settings: `#{"t_start": …, "env_id": …}`."""
    for line in lines:
        if line.startswith("#{"):
            try:
                told = json.loads(line[1:])
            except (ValueError, RecursionError):
                continue
            return {"settings": {"": told}}
    return {}


def delimiter_of(lines: Sequence[str]) -> str:
    """The one that parts the first lines into equally many cells, the most; else a comma."""
    shown = [line for line in lines[:6] if line.strip()]
    if len(shown) > 2:
        shown = shown[:-1]  # the last one may be cut
    best, most = ",", 1
    for delimiter in DELIMITERS:
        counts = {len(cells(line, delimiter)) for line in shown}
        width = min(counts, default=1)
        if (len(counts) == 1 or (len(counts) == 2 and max(counts) - width == 1)) and width > most:
            best, most = delimiter, width
    if most == 1 and len({len(line.split()) for line in shown}) == 1 and len(shown[0].split()) > 1:
        every = [word for line in shown[1:] for word in line.split()]
        if every and all(map(is_number, every)):
            return " "
    return best


def cells(line: str, delimiter: str) -> list[str]:
    """The cells of one line, without quotes and padding."""
    if delimiter == " ":
        return line.split()
    try:
        row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        row = line.split(delimiter)
    return [cell.strip() for cell in row]


def _height(lines: Sequence[str], delimiter: str) -> int:
    """How many lines a header takes: a quoted name may hold line ends."""
    quotes = 0
    for count, line in enumerate(lines, 1):
        quotes += line.count('"')
        if quotes % 2 == 0:
            return count
    return 1


def is_number(cell: str) -> bool:
    return numbers.number(cell) is not None and cell.strip().lower() not in numbers.NONFINITE


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
    if unique(bare) == tuple(names):
        return not all(map(is_number, bare))
    if any(map(is_number, bare)) or len(bare) < 2 or not all(bare):
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
