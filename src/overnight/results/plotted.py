"""A plot as text of a terminal and as a page. For papers see `figures`."""

from __future__ import annotations

import textwrap

from overnight.results import draw, page, thinning
from overnight.results.figures.caption import caption
from overnight.results.traces import Plot, Trace

HEIGHT = 18
POINTS, MOST_BUCKETS = 8000, 4000


def text(plot: Plot, *, width: int = 80, plain: bool = False, color: bool = False) -> str:
    """The picture, and below it what one has to know to read it."""
    lines = [
        draw.Drawn(
            name=_name(trace), x=trace.x, y=trace.y, best=trace.best, nonfinite=trace.nonfinite
        )
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
        across = [f"{'- -' if plain else '┄┄┄'}  {plot.reference_label}: {plot.reference:g}"]
    marks = [
        f"{trace.name}, {plot.x_label} {x:g}: {what}"
        for trace in plot.traces
        for x, what in trace.marks
    ]
    notes = filter(None, map(_of_terminal, plot.notes))
    told = [draw.shown(each, plain) for each in (*across, *marks, *notes)]
    return "\n".join([picture, *(part for each in told for part in textwrap.wrap(each, width))])


def _of_terminal(note: str) -> str:
    """This picture has no bands, draws every spike, and names later attempts below itself."""
    if note.startswith(("Triangles", "Of long curves")):
        return ""
    return note.replace(", bands ", "; -o and --json have the bands, ")


def html(plot: Plot) -> str:
    """One page with the curves and their caption."""
    # alone on its page, a chart of few lines can have what one sees only when zooming in
    buckets = min(max(POINTS // max(len(plot.traces), 1), thinning.BUCKETS), MOST_BUCKETS)
    drawn = page.chart(chart(plot, buckets=buckets))
    return page.document(
        plot.title,
        [page.Section("", [drawn, page.paragraph(caption(plot), quiet=True)])],
    )


def chart(plot: Plot, title: str = "", buckets: int = thinning.BUCKETS) -> page.Chart:
    """The plot as one chart of a page."""
    return page.Chart(
        title=title,
        x_label=plot.x_label,
        y_label=plot.y_label,
        lines=[_line(trace) for trace in plot.traces],
        goal=plot.reference,
        goal_label=plot.reference_label or "baseline",
        log_y=plot.log,
        buckets=buckets,
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
