"""What is known of a finished run's primary metric: from its files, else from its events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from overnight.core import views
from overnight.results import differences, names, wording
from overnight.results.advice.verdict import Verdict
from overnight.results.comparison.arms import Measured, Place
from overnight.results.report.hours import Event
from overnight.results.report.model import Number, Outcome

OTHER_SCALE = "the target and {run} have other scales (a fraction, percent): not compared"


@dataclass(frozen=True, kw_only=True)
class Aim:
    """The primary metric, which way is better, and the number to reach; None where none is set."""

    metric: str
    goal: str
    target: float | None = None
    source: str = ""


def from_files(server: str, run: views.RunView, measured: Measured | None, aim: Aim) -> Outcome:
    """`measured` is what its pulled files say of the metric."""
    if measured is None:
        return outcome(server, run, aim, None, None)
    best = read(measured.best, measured.best_place)
    return outcome(server, run, aim, best, read(measured.last, measured.last_place))


def read(value: float | None, at: Place | None) -> Number | None:
    """With the file and line it stands in."""
    if value is None or at is None or not math.isfinite(value):
        return None
    told = {"epoch": at.epoch, "step": at.step}
    return Number(value=value, place=wording.place_told(told), file=at.source, line=at.line)


def with_verdict(found: Outcome, judged: Verdict | None) -> Outcome:
    if judged is None:
        return found
    return replace(found, verdict=judged.grade, reasons=judged.reasons, arm=judged.arm)


def from_events(server: str, run: views.RunView, events: Iterable[Event], aim: Aim) -> Outcome:
    """As the server followed it. What a later attempt did again cannot be told apart here, so the
    best of a run with several attempts is that of the last one."""
    told: Mapping[str, Any] = {}
    for event in events:
        progress = event.get("progress")
        found = progress.get("primary") if isinstance(progress, Mapping) else None
        if event.get("type") == "attempt_ended" and isinstance(found, Mapping):
            told = found
    best, last = number(told.get("best"), ""), number(told.get("value"), wording.place_told(told))
    return outcome(server, run, aim, best, last)


def number(value: Any, where: str) -> Number | None:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return Number(value=float(value), place=where)


def outcome(
    server: str, run: views.RunView, aim: Aim, best: Number | None, last: Number | None
) -> Outcome:
    difference, note = None, ""
    if best is not None and aim.target is not None:
        if names.is_other_scale(aim.metric, best.value, aim.target):
            note = OTHER_SCALE.format(run=run.name)
        else:
            difference = differences.tidy(best.value - aim.target)
    return Outcome(
        run=run.name,
        server=server,
        at=run.changed_at,
        metric=aim.metric,
        goal=aim.goal,
        best=best,
        last=last,
        target=aim.target,
        source=aim.source,
        difference=difference,
        is_better=differences.is_better(difference, aim.goal),
        note=note,
        altered=any(each.changes_science for each in run.repairs),
        attempts=run.attempt,
        sweep=run.sweep,
    )
