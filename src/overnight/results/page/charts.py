"""Curves of a page: what one shows, and the compact data that `script/` draws.

Numbers travel as float32 in base64, x as start and step where it is even. Curves with more points
than `thinning.BUCKETS` are thinned to the lowest and highest of each bucket.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from overnight.core import text
from overnight.results import thinning
from overnight.results.curves import Floats
from overnight.results.page.blocks import Block
from overnight.results.page.escaping import data, escaped

LARGEST = float(np.finfo(np.float32).max)
MOST_MARKS = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """One curve: `x` and `y`, or `low` with `high`, or all of them, of the shape (n,).

    `low` and `high` are what the point stands for, as of a bucket. What is not finite in `y` is
    taken out and marked, together with the places in `nonfinite`. `band`: lower and upper end of a
    spread around `y`. `marks`: places with a text each, such as repairs. `dashed` is for what other
    curves are compared with.
    """

    name: str
    x: ArrayLike
    y: ArrayLike | None = None
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    band: tuple[ArrayLike, ArrayLike] | None = None
    nonfinite: Sequence[float] = ()
    marks: Sequence[tuple[float, str]] = ()
    dashed: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Chart:
    """`goal`: a value to reach, drawn across. `log_y`: how it is shown at first.

    `buckets`: to how many a longer line is thinned; more show more when one zooms in.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line] = field(default_factory=tuple)
    goal: float | None = None
    goal_label: str = "goal"
    log_y: bool = False
    note: str = ""
    buckets: int = thinning.BUCKETS


def chart(shown: Chart) -> Block:
    """A chart to zoom into: by dragging, pinching, or with the keys + and -."""
    note = f'<p class="quiet">{escaped(shown.note)}</p>' if shown.note else ""
    return Block(
        is_chart=True,
        html=f'<figure class="chart"><figcaption>{escaped(shown.title)}</figcaption>'
        f'<script type="application/json">{data(_chart(shown))}</script>'
        f"<noscript><p>The curves are drawn by a script, which is switched off here.</p></noscript>"
        f"{note}</figure>",
    )


def _chart(shown: Chart) -> dict[str, Any]:
    goal = shown.goal if shown.goal is not None and np.isfinite(shown.goal) else None
    axes = _Axes()
    lines = [_line(line, shown.buckets, axes) for line in shown.lines]
    return {
        "title": text.printable(shown.title),
        "x": text.printable(shown.x_label),
        "y": text.printable(shown.y_label),
        "goal": goal,
        "goalLabel": text.printable(shown.goal_label),
        "log": shown.log_y,
        "axes": axes.packed,
        "lines": lines,
    }


class _Axes:
    """The axes of the lines, each once; lines of one chart mostly have the same."""

    def __init__(self) -> None:
        self.packed: list[list[Any]] = []

    def place(self, x: Floats) -> int:
        axis = _axis(x)
        if axis not in self.packed:
            self.packed.append(axis)
        return self.packed.index(axis)


def _line(line: Line, buckets: int, axes: _Axes) -> dict[str, Any]:
    thin = _thin(line, buckets)
    packed: dict[str, Any] = {
        "name": text.printable(line.name),
        "x": axes.place(thin.x),
        "y": _packed(thin.middle),
    }
    if not np.array_equal(thin.low, thin.high):
        packed |= {"low": _packed(thin.low), "high": _packed(thin.high)}
    if line.band is not None:
        low, high = map(_floats, line.band)
        band = _envelope(_floats(line.x), low, high, None, buckets)
        packed["band"] = {
            "x": axes.place(band.x),
            "low": _packed(band.low),
            "high": _packed(band.high),
        }
    if lost := thin.lost + len(line.nonfinite):
        packed["lost"] = lost
        packed["nonfinite"] = _few(np.concatenate((thin.nonfinite, _floats(line.nonfinite))))
    if line.marks:
        packed["marks"] = [
            [float(x), text.printable(told)] for x, told in line.marks if np.isfinite(x)
        ]
    if line.dashed:
        packed["dashed"] = True
    return packed


def _thin(line: Line, buckets: int) -> thinning.Thin:
    """Raises ValueError where the line has neither `y` nor both ends."""
    x = _floats(line.x)
    if line.low is None or line.high is None:
        if line.y is None:
            raise ValueError(f"the line {line.name!r} needs y, or low and high")
        return thinning.thinned(x, _floats(line.y), buckets)
    y = None if line.y is None else _floats(line.y)
    return _envelope(x, _floats(line.low), _floats(line.high), y, buckets)


def _envelope(
    x: Floats, low: Floats, high: Floats, y: Floats | None, buckets: int
) -> thinning.Thin:
    """Lowest of `low`, highest of `high`, and the means of `y`, or else the middle of both."""
    middle = low / 2 + high / 2 if y is None else y
    is_told = np.isfinite(low) & np.isfinite(high) & np.isfinite(middle)
    parts = [thinning.thinned(x[is_told], each[is_told], buckets) for each in (low, middle, high)]
    return dataclasses.replace(parts[1], low=parts[0].low, high=parts[2].high)


def _few(x: Floats) -> list[float]:
    """Sorted, spread over all, the first and the last among them."""
    x = np.unique(x[np.isfinite(x)])
    places = np.linspace(0, x.size - 1, min(x.size, MOST_MARKS)).astype(int)
    return [float(f"{each:.8g}") for each in x[places]]


def _axis(x: Floats) -> list[Any]:
    """[first, step, count] where the steps are even, else [first, distances from it]."""
    if not x.size:
        return [0, 0, 0]
    step = (x[-1] - x[0]) / (x.size - 1) if x.size > 1 else 0.0
    if np.allclose(x, x[0] + step * np.arange(x.size), rtol=0, atol=abs(step) * 1e-6):
        return [float(x[0]), float(step), int(x.size)]
    return [float(x[0]), _packed(x - x[0])]


def _packed(values: Floats) -> str:
    narrow = np.clip(values, -LARGEST, LARGEST).astype("<f4")
    return base64.b64encode(narrow.tobytes()).decode("ascii")


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)
