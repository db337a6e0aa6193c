"""What is said of the curves of an arm: a line a kind of finding, and not a seed. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from overnight.results import wording
from overnight.results.comparison.arms import Arm
from overnight.results.health.finding import ASSERTED, FINDINGS

MOST = 3  # kinds that are told with an example


class Finding(Protocol):
    """What is said about a curve of a run: see `results/health`."""

    @property
    def finding(self) -> str: ...

    @property
    def at(self) -> float | None: ...

    @property
    def confidence(self) -> float: ...

    @property
    def sentence(self) -> str: ...


Findings = Mapping[str, Sequence[Finding]]
"""By run."""


class Kind(NamedTuple):
    """A kind of finding: the runs that have it, and the earliest of them as the example.

    `is_first`: whether it is known that the others have it later, or not before.
    """

    name: str
    runs: tuple[str, ...]
    example: str
    sentence: str
    is_first: bool


def lines(arm: Arm, findings: Findings, wanted: Collection[str] | None = None) -> Iterator[str]:
    """Bad news first; the `MOST` worst with an example, the others by name. Asserted things only.

    `overfit in 3 of 3 runs, first in base-s2: val_loss: best 0.61 at 12; rising since, …`
    """
    told = kinds(arm, findings, wanted)
    many = len(arm.outcomes)
    for each in told[:MOST]:
        if many == 1:
            yield each.sentence
        else:
            first = " first in" if each.is_first else ""
            yield f"{counted(each, many)},{first} {each.example}: {each.sentence}"
    rest = [counted(each, many) if many > 1 else spoken(each.name) for each in told[MOST:]]
    if rest:
        yield f"also: {', '.join(rest)}"


def counted(kind: Kind, many: int) -> str:
    return f"{spoken(kind.name)} in {len(kind.runs)} of {wording.count(many, 'run')}"


def spoken(name: str) -> str:
    return {"nan": "NaN"}.get(name, name.replace("_", " "))


def kinds(arm: Arm, findings: Findings, wanted: Collection[str] | None = None) -> list[Kind]:
    """In the order of FINDINGS."""
    told: dict[str, list[tuple[str, Finding]]] = {}
    for outcome in arm.outcomes:
        for each in findings.get(outcome.run, ()):
            if each.confidence >= ASSERTED and (wanted is None or each.finding in wanted):
                told.setdefault(each.finding, []).append((outcome.run, each))
    return [_kind(name, told[name]) for name in sorted(told, key=weight)]


def _kind(name: str, told: Sequence[tuple[str, Finding]]) -> Kind:
    run, first = min(told, key=lambda each: math.inf if each[1].at is None else each[1].at)
    runs = tuple(dict.fromkeys(run for run, _ in told))
    is_first = len(runs) > 1 and all(each.at is not None for _, each in told)
    return Kind(name, runs, run, first.sentence, is_first)


def weight(name: str) -> int:
    return FINDINGS.index(name) if name in FINDINGS else len(FINDINGS)
