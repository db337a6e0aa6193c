"""A plot as text of a terminal and as a page. For papers see `figures`."""

from __future__ import annotations

from overnight.results import draw, page
from overnight.results.figures.caption import caption
from overnight.results.traces import Plot, Trace

HEIGHT = 18


def text(plot: Plot, *, width: int = 80, plain: bool = False, color: bool = False) -> str:
    """The picture, and below it what one has to know to read it."""
    lines = [
        draw.Drawn(name=_name(trace), x=trace.x, y=trace.y, best=trace.best)
        for trace in plot.traces
    ]
    picture = draw.curve(
        lines,
        width,
        HEIGHT,
        x_label=plot.x_label,
        y_label=plot.y_label,
        log=plot.log,
        goal=plot.reference,
        plain=plain,
        color=color,
    )
    across = []
    if plot.reference is not None:
        across = [f"{'- -' if plain else '┄┄┄'}  {plot.reference_label} {plot.reference:g}"]
    marks = [
        f"{trace.name}, {plot.x_label} {x:g}: {what}"
        for trace in plot.traces
        for x, what in trace.marks
    ]
    told = [draw.shown(each, plain) for each in (*across, *marks, *map(_of_terminal, plot.notes))]
    return "\n".join([picture, *filter(None, told)])


def _of_terminal(note: str) -> str:
    """Nothing is said of bands and marks, which this picture does not have."""
    if note.startswith("marks on the axis"):
        return ""
    return note.replace("line: mean over n seeds; band: ", "line: mean over n seeds, --json has ")


def html(plot: Plot, *, note: str = "") -> str:
    """One page with the curves and their caption."""
    return page.document(
        plot.title,
        [page.Section(plot.y_label, [page.chart(chart(plot)), page.paragraph(caption(plot))])],
        note=note,
    )


def chart(plot: Plot) -> page.Chart:
    """The plot as one chart of a page."""
    return page.Chart(
        title=plot.title,
        x_label=plot.x_label,
        y_label=plot.y_label,
        lines=[_line(trace) for trace in plot.traces],
        goal=plot.reference,
        goal_label=plot.reference_label or "baseline",
        log_y=plot.log,
    )


def _line(trace: Trace) -> page.Line:
    return page.Line(
        name=_name(trace),
        x=trace.x,
        y=trace.y,
        band=trace.band,
        nonfinite=trace.nonfinite.tolist(),
        marks=trace.marks,
    )


def _name(trace: Trace) -> str:
    return f"{trace.name} (n = {trace.n})" if trace.n > 1 else trace.name
