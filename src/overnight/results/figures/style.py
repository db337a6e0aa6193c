"""How figures look: sizes in inches as columns of papers have them, colours, fonts, dashes."""

from __future__ import annotations

from typing import Any

WIDTHS = {1: 3.3, 2: 6.8}  # one column, and the text of a page with two
HEIGHTS = {1: 2.2, 2: 2.8}
DPI = 300
# Okabe and Ito's colours without the yellow one, which is lost on white paper.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1.2, 1, 1.2)))
GREY = "#666666"
SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "#444444",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "lines.linewidth": 1.2,
    "lines.solid_capstyle": "round",
    "text.usetex": False,
    "text.parse_math": False,  # a `$` in the name of a metric is a `$`
    "pdf.fonttype": 42,  # fonts as fonts: text stays text, and journals accept it
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "overnight",
    "pdf.compression": 6,
    "agg.path.chunksize": 10_000,
}


def look(place: int) -> dict[str, Any]:
    """Colour and dashes of the line at `place`; after all colours come other dashes with them."""
    dash = DASHES[place % len(DASHES)]
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": dash}
