"""What stands below a figure."""

from __future__ import annotations

from overnight.core import text
from overnight.results.traces import Plot


def caption(plot: Plot) -> str:
    """One paragraph of plain text: what is drawn, over how many seeds, and what marks mean."""
    arms = ", ".join(
        f"{trace.name} (n = {trace.n})" if trace.n > 1 else trace.name for trace in plot.traces
    )
    scale = ", log scale" if plot.log else ""
    parts = [f"{plot.y_label} against {plot.x_label}{scale}: {arms}"]
    if plot.reference is not None:
        parts.append(f"Dashed: {plot.reference_label or 'reference'}, {plot.reference:g}")
    return text.printable(". ".join([*parts, *plot.notes]) + ".")
