"""`several_runs`: the counters start anew within the file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from overnight.results import segments
from overnight.results.health.finding import RUNS, Finding
from overnight.results.series import Series

SURE, BRIEF = 0.95, 0.6  # BRIEF: each part but one has a single value


def runs(series: Sequence[Series]) -> int:
    """How many runs the file holds, one behind the other; at least 1."""
    return max((segments.runs(each) for each in series if each.split != "test"), default=1) or 1


def findings(series: Sequence[Series]) -> list[Finding]:
    most = max(series, key=segments.runs, default=None)
    if most is None or segments.runs(most) < 2:
        return []
    x = segments.axis(most)
    begin = segments.starts(x)
    lengths = np.diff(np.append(begin, x.size))
    return [
        Finding(
            finding=RUNS,
            series=most.written,
            at=float(x[begin[1] - 1]),
            confidence=SURE if (lengths > 1).sum() > 1 else BRIEF,
            evidence={
                "runs": int(begin.size),
                "lines": ", ".join(str(int(most.line[most.kept[each]])) for each in begin[:20]),
            },
            sentence=(
                f"{most.written} starts anew {begin.size - 1} time{'s' * (begin.size != 2)}: "
                f"{begin.size} runs in one file; the last one long enough is judged"
            ),
        )
    ]
