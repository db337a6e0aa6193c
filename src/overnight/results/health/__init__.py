"""Whether a training goes well, read from its curves: `judge` gives findings with evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from overnight.results.health import (
    converged,
    dead,
    diverged,
    early,
    gap,
    improving,
    noisy,
    overfit,
    plateau,
    rate,
    several,
    spikes,
    throughput,
)
from overnight.results.health.course import course
from overnight.results.health.finding import Finding, health_lines
from overnight.results.health.leading import Leading, leading
from overnight.results.health.settle import settled
from overnight.results.health.view import view
from overnight.results.series import Series

__all__ = ["Finding", "health_lines", "judge"]


def judge(series: Sequence[Series], *, remaining: float | None = None) -> tuple[Finding, ...]:
    """What can be said about the curves of one run, the surest first.

    `remaining`: how much of the training is still to come, as a multiple of what has passed (0.5:
    half as much again; 0: it has ended); None where nobody knows.
    """
    with np.errstate(all="ignore"):
        return tuple(settled(_found(series, remaining)))


def _found(series: Sequence[Series], remaining: float | None) -> list[Finding]:
    views = [view(each) for each in series if each.n]
    lead = leading(views)
    found = [*dead.findings(views), *several.findings(series), *throughput.findings(views)]
    found += [*overfit.findings(lead), *diverged.findings(lead), *gap.findings(lead)]
    found += _of_curves(lead, remaining)
    return found + rate.findings(views, found)


def _of_curves(lead: Leading, remaining: float | None) -> Iterator[Finding]:
    for each in lead.all:
        yield from filter(None, (spikes.finding(each), early.finding(each)))
        seen = course(each)
        if seen is None:
            continue
        yield from filter(
            None,
            (
                improving.finding(each, seen),
                converged.finding(each, seen),
                plateau.finding(each, seen, remaining),
                noisy.finding(each, seen),
            ),
        )
