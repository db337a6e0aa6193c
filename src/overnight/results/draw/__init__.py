"""Curves in a terminal: `sparkline` is one line of text, `curve` a picture with axes."""

from overnight.results.draw.curves import Drawn, curve, shown
from overnight.results.draw.sparklines import sparkline
from overnight.results.draw.terminals import is_plain

__all__ = ["Drawn", "curve", "is_plain", "shown", "sparkline"]
