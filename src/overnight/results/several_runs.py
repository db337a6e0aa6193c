"""A file in which several runs lie one behind the other: where each begins, each for itself. Pure.

Nobody can tell such runs from attempts of one that began anew: this is told, and done when asked.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from overnight.results import inspection
from overnight.results.curves import Curve
from overnight.results.runs import segments

FEWEST = 2  # values; a metric that is told once in a run has no order


def starts(curves: Sequence[Curve]) -> list[int]:
    """The lines at which the second run and those behind it begin; empty for one run.

    Most metrics of a part may begin behind the first one: the earliest line counts.
    """
    told = [lines for lines in map(_lines, curves) if lines]
    most = max(map(len, told), default=0)
    return [min(column) for column in zip(*(e for e in told if len(e) == most), strict=True)]


def _lines(curve: Curve) -> list[int]:
    if curve.value.size < FEWEST:
        return []
    series = inspection.series_of(curve, "")
    return [int(line) for line in curve.line[segments.starts(segments.axis(series))[1:]]]


def parts(curves: Sequence[Curve]) -> list[tuple[Curve, ...]]:
    """The curves of each run, in the order of the file."""
    edges = [0, *starts(curves), np.iinfo(np.int64).max]
    return [
        tuple(_between(curve, first, behind) for curve in curves)
        for first, behind in itertools.pairwise(edges)
    ]


def _between(curve: Curve, first: int, behind: int) -> Curve:
    here = (curve.line >= first) & (curve.line < behind)
    columns = ("value", "step", "epoch", "time", "line")
    return replace(curve, **{name: getattr(curve, name)[here] for name in columns})
