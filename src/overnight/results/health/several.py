"""`several_runs`: the counters start anew within the file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from overnight.results.health.finding import RUNS, Finding
from overnight.results.runs import segments
from overnight.results.series import Series

MOST_LISTED = 20
SURE, BRIEF = 0.95, 0.6  # BRIEF: each part but one has a single value


def runs(series: Sequence[Series]) -> int:
    """How many runs the file holds, one behind the other; at least 1."""
    return max((segments.runs(each) for each in series if each.split != "test"), default=1) or 1


def findings(series: Sequence[Series]) -> list[Finding]:
    most = max(((segments.runs(each), -n) for n, each in enumerate(series)), default=(0, 0))
    return [_finding(series[-most[1]])] if most[0] > 1 else []


def _finding(series: Series) -> Finding:
    x = segments.axis(series)
    begin = segments.starts(x)
    lengths = np.diff(np.append(begin, x.size))
    lines = series.line[series.kept[begin]]
    return Finding(
        finding=RUNS,
        series=series.written,
        split=series.split,
        at=float(x[begin[1] - 1]),
        confidence=SURE if (lengths > 1).sum() > 1 else BRIEF,
        evidence={"runs": int(begin.size), "lines": ", ".join(map(str, lines[:MOST_LISTED]))},
        sentence=(
            f"{series.written} starts anew {begin.size - 1} time{'s' * (begin.size != 2)}: "
            f"{begin.size} runs in one file; the last one long enough is judged"
        ),
    )
