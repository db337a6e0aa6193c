"""A sweep's results by point: means over the seeds, differences to the base, and what is no part
of them. Pure.

Only runs that finished as they were meant are pooled. A run whose experiment a repair has changed
is listed apart (law 7), and every cell knows the runs behind it (law 11).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.core import views
from overnight.results import statistics as student

FINISHED = "finished"
ONE_SEED = "one seed each: no difference here is proven"
PRUNED = "the search (pruned)"  # who stopped a run that the search has given up
MANY = 5  # intervals at 95 %, from which on one that excludes 0 by chance is to be expected


@dataclass(frozen=True, kw_only=True)
class SweptRun:
    """One run of a sweep as its server told it. `age_s`: how old that is, None for fresh.

    `best` and `last` are {"value", "step", "epoch", "attempt", "source"} or None; `so_far` is the
    best value of a run that has not ended.
    """

    name: str
    server: str
    point: Mapping[str, Any]
    seed: int | None
    is_base: bool
    index: int
    state: str
    reason: str
    failure: str | None
    best: Mapping[str, Any] | None
    last: Mapping[str, Any] | None
    so_far: float | None
    repairs: tuple[views.Repair, ...]
    is_changed: bool
    duration_s: float | None
    snapshot: str | None
    age_s: float | None
    row: Mapping[str, Any]

    @property
    def has_ended(self) -> bool:
        return self.state in views.ENDED or self.state == views.LOST

    @property
    def said(self) -> str:
        """The state, where a stop has a reason of ours: `pruned`."""
        return "pruned" if self.state == "stopped" and PRUNED in self.reason else self.state

    @property
    def is_pooled(self) -> bool:
        return self.state == FINISHED and not self.is_changed

    def value(self, which: str) -> float | None:
        told = self.best if which == "best" else self.last
        found = told.get("value") if told else None
        return float(found) if isinstance(found, (int, float)) and math.isfinite(found) else None

    def to_json(self) -> dict[str, Any]:
        return {**self.row, "run": self.name, "server": self.server, "age_s": self.age_s}


@dataclass(frozen=True, kw_only=True)
class Stat:
    """`sd` is that of a sample, None for n = 1."""

    n: int
    mean: float
    sd: float | None
    runs: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"n": self.n, "mean": self.mean, "sd": self.sd, "runs": list(self.runs)}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Mean of best minus that of the base; the interval is None where nothing can be said."""

    value: float
    low: float | None
    high: float | None
    df: float | None
    runs: tuple[str, ...]

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    def to_json(self) -> dict[str, Any]:
        known = {key: getattr(self, key) for key in ("value", "low", "high", "df")}
        return {**known, "confidence": student.CONFIDENCE, "base_runs": list(self.runs)}


@dataclass(frozen=True, kw_only=True)
class PointResult:
    """`runs` are all of the point, also those that are not pooled."""

    point: Mapping[str, Any]
    is_base: bool
    best: Stat | None
    last: Stat | None
    difference: Difference | None
    runs: tuple[SweptRun, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "point": dict(self.point),
            "base": self.is_base,
            "best": self.best.to_json() if self.best else None,
            "last": self.last.to_json() if self.last else None,
            "difference": self.difference.to_json() if self.difference else None,
            "runs": [run.name for run in self.runs],
            "not_counted": [run.name for run in self.runs if not run.is_pooled],
        }


@dataclass(frozen=True, kw_only=True)
class SweepComparison:
    """`points` are sorted, the best first; `top` is the place of the best, None where none is."""

    name: str
    mode: str
    total: int
    primary: str | None
    goal: str | None
    points: tuple[PointResult, ...]
    top: int | None
    runs: tuple[SweptRun, ...]
    away: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Whether every run that there is to be has ended."""
        return len(self.runs) >= self.total and all(run.has_ended for run in self.runs)

    @property
    def changed(self) -> tuple[SweptRun, ...]:
        return tuple(run for run in self.runs if run.is_changed)

    def to_json(self) -> dict[str, Any]:
        return {
            "sweep": self.name,
            "mode": self.mode,
            "total": self.total,
            "done": self.is_done,
            "primary": self.primary,
            "goal": self.goal,
            "best": dict(self.points[self.top].point) if self.top is not None else None,
            "points": [each.to_json() for each in self.points],
            "changed": [run.name for run in self.changed],
            "runs": [run.to_json() for run in self.runs],
            "away": dict(self.away),
            "notes": list(self.notes),
        }


def swept_run(row: Mapping[str, Any], server: str, age_s: float | None = None) -> SweptRun:
    """From what the node's verb `sweep` says of a run; what an old node left out is None."""
    repairs = tuple(views.repair_view(each) for each in row.get("repairs") or [])
    now = row.get("now") or {}
    point = row.get("point")
    return SweptRun(
        name=str(row.get("run", "")),
        server=server,
        point=point if isinstance(point, dict) else {},
        seed=row.get("seed"),
        is_base=bool(row.get("base")),
        index=int(row.get("index") or 0),
        state=str(row.get("state", "")),
        reason=str(row.get("reason") or ""),
        failure=row.get("class"),
        best=row.get("best"),
        last=row.get("last"),
        so_far=now.get("best"),
        repairs=repairs,
        is_changed=bool(row.get("changed")) or any(each.changes_science for each in repairs),
        duration_s=row.get("duration_s"),
        snapshot=row.get("snapshot"),
        age_s=age_s,
        row=row,
    )


def compare(
    name: str, runs: Iterable[SweptRun], away: Mapping[str, str] | None = None
) -> SweepComparison:
    """`away`: servers that did not answer, and why."""
    ordered = sorted(runs, key=lambda run: (run.index, run.name))
    primary, goal = measured(ordered)
    groups: dict[str, list[SweptRun]] = {}
    for run in ordered:
        groups.setdefault(json.dumps(run.point, sort_keys=True), []).append(run)
    base = next((g for g in groups.values() if any(run.is_base for run in g)), None)
    found = [point_result(each, base, (primary, goal)) for each in groups.values()]
    points = tuple(sorted(found, key=lambda each: rank(each, goal)))
    return SweepComparison(
        name=name,
        mode=str(next((run.row.get("mode") for run in ordered if run.row.get("mode")), "")),
        total=max([len(ordered), *(int(run.row.get("total") or 0) for run in ordered)]),
        primary=primary,
        goal=goal,
        points=points,
        top=top(points, goal),
        runs=tuple(ordered),
        away=dict(away or {}),
        notes=tuple(notes(points, ordered, away or {}, (primary, goal))),
    )


def measured(runs: Sequence[SweptRun]) -> tuple[str | None, str | None]:
    """The primary metric of the sweep and its goal: that of its first run which has one."""
    for run in runs:
        if run.row.get("primary"):
            return str(run.row["primary"]), run.row.get("goal")
    return None, None


def counted(runs: Sequence[SweptRun], metric: tuple[str | None, str | None]) -> list[SweptRun]:
    """Those that are pooled: finished, unchanged, and measured by the same metric."""
    return [run for run in runs if run.is_pooled and measured([run]) == metric]


def point_result(
    runs: Sequence[SweptRun],
    base: Sequence[SweptRun] | None,
    metric: tuple[str | None, str | None],
) -> PointResult:
    pooled = counted(runs, metric)
    is_base = any(run.is_base for run in runs)
    return PointResult(
        point=runs[0].point,
        is_base=is_base,
        best=stat(pooled, "best"),
        last=stat(pooled, "last"),
        difference=None if base is None or is_base else difference(pooled, counted(base, metric)),
        runs=tuple(runs),
    )


def stat(runs: Sequence[SweptRun], which: str) -> Stat | None:
    known = {run.name: value for run in runs if (value := run.value(which)) is not None}
    if not known:
        return None
    values = list(known.values())
    return Stat(
        n=len(values), mean=student.mean(values), sd=student.deviation(values), runs=tuple(known)
    )


def difference(runs: Sequence[SweptRun], base: Sequence[SweptRun]) -> Difference | None:
    values = [value for run in runs if (value := run.value("best")) is not None]
    others = {run.name: value for run in base if (value := run.value("best")) is not None}
    if not values or not others:
        return None
    found = student.welch(values, list(others.values()))
    return Difference(
        value=student.mean(values) - student.mean(list(others.values())),
        low=found.low if found else None,
        high=found.high if found else None,
        df=found.df if found else None,
        runs=tuple(others),
    )


def rank(point: PointResult, goal: str | None) -> float:
    """Ascending; points without a value come last, in the order of the sweep."""
    if point.best is None or goal not in ("min", "max"):
        return math.inf
    return point.best.mean if goal == "min" else -point.best.mean


def top(points: Sequence[PointResult], goal: str | None) -> int | None:
    """The first one, where there are two to compare."""
    known = [each for each in points if each.best is not None]
    return 0 if len(known) > 1 and goal in ("min", "max") else None


# -- what the numbers do not say --------------------------------------------------------------


def notes(
    points: Sequence[PointResult],
    runs: Sequence[SweptRun],
    away: Mapping[str, str],
    metric: tuple[str | None, str | None],
) -> list[str]:
    """What a reader has to know before believing a number, most important first."""
    found = [*unsure(points), *incomplete(runs, away)]
    other = sorted(run.name for run in runs if measured([run]) not in (metric, (None, None)))
    if other:
        found.append(f"measured by another metric, not counted: {' '.join(other)}")
    snapshots = {run.snapshot for run in runs if run.snapshot}
    if len(snapshots) > 1:
        found.append(f"the runs have different code: {len(snapshots)} snapshots")
    return found


def unsure(points: Sequence[PointResult]) -> list[str]:
    known = [each for each in points if each.best is not None]
    if not known:
        return []
    if all(each.best is not None and each.best.n == 1 for each in known):
        return [ONE_SEED]
    found = []
    if any(each.best is not None and each.best.n == 1 for each in known):
        found.append(
            "n = 1: one seed, so its spread is not known and no difference to it is proven"
        )
    if any(each.best is not None and each.best.n > 1 and each.best.sd == 0 for each in known):
        found.append("some seeds change nothing at all (sd 0): does the command use its seed?")
    intervals = [each for each in points if each.difference and each.difference.low is not None]
    if intervals:
        found.append("intervals: 95 %, Welch's t; one that holds 0 proves no difference")
    if len(intervals) >= MANY:
        found.append(
            f"{len(intervals)} intervals: by chance alone one in twenty leaves 0 out; "
            "repeat what matters with new seeds"
        )
    return found


def incomplete(runs: Sequence[SweptRun], away: Mapping[str, str]) -> list[str]:
    total = max([0, *(int(run.row.get("total") or 0) for run in runs)])
    found = []
    active = sum(not run.has_ended for run in runs)
    if active:
        found.append(f"{active} of {max(total, len(runs))} runs have not ended yet")
    if len(runs) < total:
        found.append(f"{total - len(runs)} of {total} runs are not known here")
    found += [
        f"{server} did not answer; its runs are shown as last seen" for server in sorted(away)
    ]
    return found
