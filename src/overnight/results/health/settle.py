"""Findings that exclude each other: the surer one stays, the other becomes a hint. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from overnight.results.health.finding import (
    CONVERGED,
    DIVERGED,
    GAP,
    IMPROVING,
    NAN,
    OVERFIT,
    PLATEAU,
    TAKEN_BACK,
    Finding,
)

COURSES = (CONVERGED, PLATEAU, IMPROVING, OVERFIT)  # of which nothing can be said of a dead run
# Of the same run: the first of a pair, where it is asserted, takes the second back.
OF_RUN = (
    (DIVERGED, (CONVERGED, PLATEAU, IMPROVING, OVERFIT, GAP)),
    (OVERFIT, (CONVERGED, PLATEAU)),
)
# Of the same series: the surer one takes back the other.
OF_SERIES = ((OVERFIT, IMPROVING), (PLATEAU, IMPROVING), (CONVERGED, IMPROVING))


def settled(findings: Sequence[Finding]) -> list[Finding]:
    """The surest first."""
    found = list(findings)
    if any(each.finding == NAN and each.evidence.get("dead") for each in found):
        found = [_hint(each) if each.finding in COURSES else each for each in found]
    for first, others in OF_RUN:
        if any(each.finding == first and each.is_asserted for each in found):
            found = [_hint(each) if each.finding in others else each for each in found]
    for one, other in OF_SERIES:
        found = _separate(found, one, other)
    return sorted(found, key=lambda each: -each.confidence)


def _separate(found: list[Finding], one: str, other: str) -> list[Finding]:
    for first in [each for each in found if each.finding == one]:
        for second in [e for e in found if e.finding == other and _of_same(e, first)]:
            weaker = second if first.confidence >= second.confidence else first
            found = [_hint(each) if each is weaker else each for each in found]
    return found


def _of_same(one: Finding, other: Finding) -> bool:
    return (one.series, one.split) == (other.series, other.split)


def _hint(finding: Finding) -> Finding:
    return replace(finding, confidence=min(TAKEN_BACK, finding.confidence))
