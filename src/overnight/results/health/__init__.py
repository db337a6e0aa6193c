"""Whether a training goes well, read from its curves: `judge` gives findings with their evidence."""

from __future__ import annotations

from collections.abc import Sequence

from overnight.results.health import dead
from overnight.results.health.finding import Finding, health_lines
from overnight.results.health.view import view
from overnight.results.series import Series

__all__ = ["Finding", "health_lines", "judge"]


def judge(series: Sequence[Series], *, remaining: float | None = None) -> tuple[Finding, ...]:
    """What can be said about the curves of one run, the surest first.

    `remaining`: how much of the training is still to come, as a multiple of what has passed (0.5:
    half as much again; 0: it has ended); None where nobody knows.
    """
    views = [view(each) for each in series if each.n]
    return tuple(dead.findings(views))
