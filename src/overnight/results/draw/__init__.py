"""Curves in a terminal: `sparkline` is one line of text."""

from overnight.results.draw.sparklines import sparkline
from overnight.results.draw.terminals import is_plain

__all__ = ["is_plain", "sparkline"]
