"""Figures for papers: PNG, PDF or SVG of a plot, equal bytes for equal plots.

    figures.figure(plot, Path("val_loss.pdf"), columns=1)

Colours are Okabe and Ito's, which most colour-blind people tell apart; dashes tell lines apart in
grey. matplotlib is imported when the first figure is made.
"""

from overnight.results.figures.caption import caption
from overnight.results.figures.files import FORMATS, figure

__all__ = ["FORMATS", "caption", "figure"]
