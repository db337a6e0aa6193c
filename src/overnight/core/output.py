"""How a training's output is read, for the rooms that may not look into `node`."""

from __future__ import annotations

from overnight.node.families import HINTS, interesting, prose
from overnight.node.lines import said
from overnight.node.names import NOT_METRICS, PAIR, is_metric, split_of, tokens, values
from overnight.node.progress import Parser, Sample, samples

__all__ = [
    "HINTS",
    "PAIR",
    "Parser",
    "Sample",
    "interesting",
    "is_metric",
    "is_wanted",
    "prose",
    "said",
    "samples",
    "split_of",
    "values",
]


def is_wanted(name: str) -> bool:
    """Whether a value of a record belongs into a curve: no times, rates and sizes."""
    return NOT_METRICS.isdisjoint(tokens(name)) or is_metric(name, known_only=True)
