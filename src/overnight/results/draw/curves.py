"""Curves with axes, as lines of text: braille dots, or letters where only ASCII is shown.

Several curves differ without colour: by their pattern and by the letter that stands on each.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from overnight.core import text
from overnight.results import thinning
from overnight.results.curves import Floats
from overnight.results.draw import axes

LETTERS = string.ascii_lowercase + string.ascii_uppercase + string.digits
COLOURS = (36, 33, 35, 32, 34, 31)  # of a terminal: cyan, yellow, magenta, green, blue, red
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell, row by row
PATTERNS = ((1, 1), (4, 6), (1, 3))  # so many dots of so many: whole, dashed, dotted
NARROWEST, LOWEST = 20, 4
LOST, BEST, PLAIN_BEST = "x", "◆", "@"
Cells = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """One curve; `best`: the point to mark.

    What is not finite is marked at the upper edge, and so are the places in `nonfinite`.
    """

    name: str
    x: Floats
    y: Floats
    best: tuple[float, float] | None = None
    nonfinite: Floats = field(default_factory=lambda: np.empty(0))

    @cached_property
    def lost(self) -> Floats:
        own = self.x[~np.isfinite(self.y) & np.isfinite(self.x)]
        return np.concatenate((own, self.nonfinite))


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What is shown: the ends of both axes and the size of the picture in characters."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    is_log: bool
    width: int
    height: int

    def column(self, x: Floats, per_cell: int) -> NDArray[np.intp]:
        return _scaled(x, self.x_low, self.x_high, self.width * per_cell)

    def row(self, y: Floats, per_cell: int) -> NDArray[np.intp]:
        """From the top. On a log scale what is not above zero lies below the picture."""
        low, high = self.y_low, self.y_high
        if self.is_log:
            y = np.log10(np.maximum(y, low / 10))
            low, high = float(np.log10(low)), float(np.log10(high))
        return self.height * per_cell - 1 - _scaled(y, low, high, self.height * per_cell)


def curve(
    lines: Sequence[Drawn],
    width: int = 80,
    height: int = 16,
    *,
    x_label: str = "step",
    y_label: str = "",
    log: bool = False,
    goal: float | None = None,
    plain: bool = False,
    color: bool = False,
) -> str:
    """A picture of at most `width` columns; `height` is that of the part with the curves.

    `log` is left out where nothing is above zero. `plain`: ASCII only.
    """
    if not any(np.isfinite(line.y).any() for line in lines):
        return _legend(lines, width, plain=plain, color=color) or "nothing to draw"
    frame, ticks = _framed(lines, width, max(height, LOWEST), log=log, goal=goal)
    grid = _Grid(frame, plain=plain, color=color)
    if goal is not None:
        grid.across(goal)
    for place, line in enumerate(lines):
        grid.line(place, line, is_alone=len(lines) == 1)
    for place, line in enumerate(lines):
        grid.marks(place, line, count=len(lines))
    picture = _with_axes(grid, frame, ticks, plain=plain)
    scale = " (log)" if frame.is_log else ""
    head = [_cut(shown(y_label, plain) + scale, width)] if y_label else []
    foot = [_cut(shown(x_label, plain), width).rjust(width)] if x_label else []
    told = _legend(lines, width, plain=plain, color=color)
    return "\n".join([*head, *picture, *foot, *([told] if told else [])])


def _scaled(values: Floats, low: float, high: float, count: int) -> NDArray[np.intp]:
    with np.errstate(over="ignore", invalid="ignore"):
        share = (values - low) / (high - low) if high > low else np.full(values.shape, 0.5)
    return (np.nan_to_num(share, nan=0.5).clip(-0.5, 1.5) * (count - 1) + 0.5).astype(np.intp)


def _framed(
    lines: Sequence[Drawn], width: int, height: int, *, log: bool, goal: float | None
) -> tuple[Frame, dict[int, str]]:
    """The frame, and what is written beside which row."""
    x = np.concatenate([line.x[np.isfinite(line.x)] for line in lines])
    y = np.concatenate([line.y[np.isfinite(line.y)] for line in lines])
    y = y if goal is None or not np.isfinite(goal) else np.append(y, goal)
    log = log and bool((y > 0).any())
    y = y[y > 0] if log else y
    low, high = float(y.min()), float(y.max())
    count = max(height // 2, 2)
    if log and high > low:
        values = axes.log_ticks(low, high, count)
        written = axes.log_labels(values)
    else:
        values = axes.ticks(low, high, count)
        written = axes.labels(values)
    margin = max(map(len, written)) + 2
    frame = Frame(
        x_low=float(x.min()),
        x_high=float(x.max()),
        y_low=low,
        y_high=high,
        is_log=log,
        width=max(width, NARROWEST) - margin,
        height=height,
    )
    rows = frame.row(np.array(values), 1).tolist()
    return frame, dict(zip(rows, written, strict=True))


class _Grid:
    """The characters of the picture, each with the colour of its curve (-1: none)."""

    def __init__(self, frame: Frame, *, plain: bool, color: bool) -> None:
        self.frame = frame
        self.plain = plain
        self.color = color
        self.cells = np.full((frame.height, frame.width), " ")
        self.dots = np.zeros((frame.height, frame.width), dtype=np.int32)
        self.owner = np.full((frame.height, frame.width), -1)

    def across(self, goal: float) -> None:
        row = int(self.frame.row(np.array([goal]), 1)[0])
        if 0 <= row < self.frame.height:
            self.cells[row, :: 2 if self.plain else 1] = "-" if self.plain else "┄"

    def line(self, place: int, line: Drawn, *, is_alone: bool) -> None:
        if self.plain:
            rows, columns = _trace(self.frame, line, 1, 1)
            self.cells[rows, columns] = "*" if is_alone else LETTERS[place % len(LETTERS)]
        else:
            rows, columns = _trace(self.frame, line, 4, 2)
            on, of = PATTERNS[place % len(PATTERNS)]
            kept = np.arange(columns.size) % of < on
            rows, columns = rows[kept], columns[kept]
            bits = np.array(DOTS)[rows % 4, columns % 2]
            rows, columns = rows // 4, columns // 2
            np.bitwise_or.at(self.dots, (rows, columns), bits)
            self.cells[rows, columns] = " "
        self.owner[rows, columns] = place

    def marks(self, place: int, line: Drawn, *, count: int) -> None:
        """Its letter on the curve, its best point, and where values were not finite."""
        self._letter(place, line, count)
        columns = self.frame.column(line.lost, 1).clip(0, self.frame.width - 1)
        self._put(np.zeros_like(columns), columns, LOST, place)
        if line.best is not None:
            x, y = (np.array([each]) for each in line.best)
            sign = PLAIN_BEST if self.plain else BEST
            self._put(self.frame.row(y, 1), self.frame.column(x, 1), sign, place)

    def _letter(self, place: int, line: Drawn, count: int) -> None:
        rows, columns = _trace(self.frame, line, 1, 1)
        if count == 1 or not columns.size:
            return
        wanted = (place + 1) * self.frame.width // (count + 1)
        nearest = int(np.abs(columns - wanted).argmin())
        letter = LETTERS[place % len(LETTERS)]
        self._put(rows[nearest : nearest + 1], columns[nearest : nearest + 1], letter, place)

    def _put(
        self, rows: NDArray[np.intp], columns: NDArray[np.intp], sign: str, owner: int
    ) -> None:
        self.dots[rows, columns] = 0
        self.cells[rows, columns] = sign
        self.owner[rows, columns] = owner

    def rows(self) -> list[str]:
        return [self._row(number) for number in range(self.frame.height)]

    def _row(self, number: int) -> str:
        signs = [
            chr(0x2800 + dots) if dots else str(cell)
            for cell, dots in zip(self.cells[number], self.dots[number].tolist(), strict=True)
        ]
        if not self.color:
            return "".join(signs).rstrip()
        owners = self.owner[number].tolist()
        parts = groupby(zip(owners, signs, strict=True), key=lambda each: each[0])
        joined = ((owner, "".join(sign for _, sign in part)) for owner, part in parts)
        return "".join(
            _coloured(part, owner) if owner >= 0 else part for owner, part in joined
        ).rstrip()


def _trace(
    frame: Frame, line: Drawn, tall: int, wide: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows and columns that the curve passes, in dots of `tall` by `wide` to a character."""
    x, y = thinning.path(line.x, line.y, frame.width * wide)
    if frame.is_log:
        x, y = x[y > 0], y[y > 0]
    columns, rows = frame.column(x, wide), frame.row(y, tall)
    if not columns.size:
        return rows, columns
    steps = np.maximum(np.abs(np.diff(columns)), np.abs(np.diff(rows))).clip(1)
    where = np.concatenate(
        [np.linspace(n, n + 1, count, endpoint=False) for n, count in enumerate(steps)]
        + [np.array([columns.size - 1.0])]
    )
    places = np.arange(columns.size)
    rows = np.rint(np.interp(where, places, rows)).astype(np.intp)
    columns = np.rint(np.interp(where, places, columns)).astype(np.intp)
    inside = (rows >= 0) & (rows < frame.height * tall)
    return rows[inside], columns[inside]


def _with_axes(grid: _Grid, frame: Frame, ticks: dict[int, str], *, plain: bool) -> list[str]:
    side, tick, corner, floor, down = "|++-+" if plain else "│┤└─┬"
    margin = max(map(len, ticks.values()))
    rows = [
        f"{ticks.get(number, ''):>{margin}} {tick if number in ticks else side}{row}"
        for number, row in enumerate(grid.rows())
    ]
    line = [floor] * frame.width
    below = [" "] * (margin + 2 + frame.width)
    values = axes.ticks(frame.x_low, frame.x_high, max(frame.width // 14, 1))
    for value, label in zip(values, axes.labels(values), strict=True):
        column = int(frame.column(np.array([value]), 1)[0])
        line[column] = down
        start = min(margin + 2 + column - len(label) // 2, len(below) - len(label))
        below[start : start + len(label)] = label
    return [*rows, " " * (margin + 1) + corner + "".join(line), "".join(below).rstrip()]


def _legend(lines: Sequence[Drawn], width: int, *, plain: bool, color: bool) -> str:
    """The letters with their names; how many values were not finite; the best points."""
    several = len(lines) > 1
    told = [
        _cut(_letter(place) * several + shown(line.name, plain) + _remarks(line), width)
        for place, line in enumerate(lines)
    ]
    if color and several:
        told = [_coloured(each, place) for place, each in enumerate(told)]
    return "\n".join(told)


def _letter(place: int) -> str:
    return f"{LETTERS[place % len(LETTERS)]}  "


def _remarks(line: Drawn) -> str:
    lost = line.lost.size
    best = f"  best {line.best[1]:.4g} at {line.best[0]:g}" if line.best else ""
    return best + (f"  {LOST} {lost} not finite" if lost else "")


def shown(name: str, plain: bool) -> str:
    """Text from elsewhere, harmless; in ASCII where that is all that can be shown."""
    harmless = text.printable(name)
    if plain:
        harmless = harmless.replace("\u00b1", "+-")
    return harmless.encode("ascii", "backslashreplace").decode() if plain else harmless


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(width - 3, 1)] + "..."


def _coloured(words: str, place: int) -> str:
    return f"\x1b[{COLOURS[place % len(COLOURS)]}m{words}\x1b[0m"
