"""A plot drawn with matplotlib. Only `files` imports this, with the settings in force."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from overnight.core import text
from overnight.results import thinning
from overnight.results.curves import Floats
from overnight.results.draw import axes as numbers
from overnight.results.figures import style
from overnight.results.traces import Plot, Trace

BAND, ENVELOPE, EDGE, FAINT = 0.2, 0.25, 0.6, 0.35  # opacities
FEW = 30  # points that are seen as points
CROSSES = 60  # at most, of one line
INSIDE = 60  # letters of a legend, for each column of the paper; more stand below the axes
ROW_WIDTH, ROW_INCHES = 48, 0.14  # of a legend below the axes


def figure(plot: Plot, columns: int) -> Figure:
    made = Figure(figsize=(style.WIDTHS[columns], style.HEIGHTS[columns]), layout="constrained")
    axes = made.add_subplot()
    is_log = plot.log and any((trace.y > 0).any() for trace in plot.traces)
    if is_log:
        axes.set_yscale("log", nonpositive="mask")
    for place, trace in enumerate(plot.traces):
        _line(axes, trace, style.look(place))
    if plot.reference is not None and np.isfinite(plot.reference):
        axes.axhline(plot.reference, color=style.GREY, linestyle=(0, (4, 2)), linewidth=0.9)
    for place, trace in enumerate(plot.traces):
        _signs(axes, trace, style.look(place)["color"])
    axes.grid(axis="y")
    axes.set_xlabel(text.printable(plot.x_label))
    axes.set_ylabel(text.printable(plot.y_label))
    axes.margins(x=0.01)
    _numbers(axes, is_log, 5 * columns)
    _legend(axes, plot, columns)
    return made


def _line(axes: Axes, trace: Trace, look: dict[str, Any]) -> None:
    """A short curve through its points, a long one as the means of buckets with their ends."""
    thin = trace.thin
    for x, y in trace.repeated:
        axes.plot(*thinning.path(x, y), **look, alpha=FAINT, linewidth=0.6)
    if trace.band is not None:
        _area(axes, trace.x, *trace.band, look, BAND)
        axes.plot(trace.x, trace.y, **look)
    elif np.array_equal(thin.low, thin.high):
        axes.plot(thin.x, thin.middle, **look, marker="o" if thin.x.size <= FEW else "", ms=2.2)
    else:
        _area(axes, thin.x, thin.low, thin.high, look, ENVELOPE, edge=0.4)
        # the first and the last bucket are single points, which are no means
        axes.plot(thin.x[1:-1], thin.middle[1:-1], **look)


def _area(
    axes: Axes,
    x: Floats,
    low: Floats,
    high: Floats,
    look: dict[str, Any],
    alpha: float,
    edge: float = 0,
) -> None:
    if axes.get_yscale() == "log":
        # what is not above zero goes down to the lowest that is
        least = min((each[each > 0].min() for each in (low, high) if (each > 0).any()), default=1.0)
        low, high = np.maximum(low, least), np.maximum(high, least)
    colour = look["color"]
    axes.fill_between(
        x, low, high, facecolor=(colour, alpha), edgecolor=(colour, EDGE), linewidth=edge
    )


def _signs(axes: Axes, trace: Trace, colour: str) -> None:
    """Crosses at the upper edge for NaN and infinity, ticks on the axis for later attempts."""
    across = axes.get_xaxis_transform()
    if trace.lost.size:
        x = _apart(trace.lost, CROSSES)
        axes.plot(
            x, np.full(x.size, 1.0), "x", color=colour, markersize=3.5, markeredgewidth=0.8,
            transform=across, clip_on=False,
        )  # fmt: skip
    if trace.marks:
        x = np.array([place for place, _ in trace.marks])
        axes.plot(
            x, np.zeros(x.size), marker=(3, 0, 0), linestyle="none", color=colour, markersize=4,
            transform=across, clip_on=False, zorder=5,
        )  # fmt: skip


def _apart(x: Floats, most: int) -> Floats:
    """The first of each of so many equal parts, so that signs do not hide each other."""
    low, high = float(x[0]), float(x[-1])
    parts = np.floor((x - low) / ((high - low) or 1) * most)
    return x[np.unique(parts, return_index=True)[1]]


def _numbers(axes: Axes, is_log: bool, count: int) -> None:
    """Numbers as everywhere else: 5k, 0.25, 1e-5; none of them as mathematics."""
    low, high = sorted(axes.get_xlim())
    ticks = [x for x in numbers.ticks(low, high, count) if low <= x <= high]
    axes.set_xticks(ticks, numbers.labels(ticks))
    low, high = sorted(axes.get_ylim())
    axes.set_ylim(axes.get_ylim())
    find, write = (
        (numbers.log_ticks, numbers.log_labels) if is_log else (numbers.ticks, numbers.labels)
    )
    ticks = [y for y in find(low, high, 7) if low <= y <= high]
    axes.set_yticks(ticks, write(ticks))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))


def _legend(axes: Axes, plot: Plot, columns: int) -> None:
    """Names are set as text afterwards: matplotlib leaves out those that begin with `_`."""
    names = [
        f"{trace.name} (n = {trace.n})" if trace.n > 1 else trace.name for trace in plot.traces
    ]
    handles = [Line2D([], [], **style.look(place)) for place in range(len(names))]
    if plot.reference is not None:
        names.append(plot.reference_label or "reference")
        handles.append(Line2D([], [], color=style.GREY, linestyle=(0, (4, 2)), linewidth=0.9))
    if not names:
        return
    names = [_cut(text.printable(name)) for name in names]
    longest = max(map(len, names))
    owner: Any = axes
    where: dict[str, Any] = {"loc": "best"}
    if longest * len(names) > INSIDE * columns:
        across = min(len(names), max(1, ROW_WIDTH * columns // (longest + 6)))
        owner = axes.figure
        where = {"loc": "outside lower center", "ncols": across}
        owner.set_figheight(style.HEIGHTS[columns] + ROW_INCHES * -(-len(names) // across))
    legend = owner.legend(
        handles, [str(place) for place in range(len(names))], frameon=False, handlelength=2.4,
        labelspacing=0.3, borderpad=0.2, **where,
    )  # fmt: skip
    for shown, name in zip(legend.get_texts(), names, strict=True):
        shown.set_text(name)


def _cut(name: str, most: int = 40) -> str:
    return name if len(name) <= most else name[: most - 3] + "..."
