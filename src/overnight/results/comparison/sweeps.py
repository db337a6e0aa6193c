"""A sweep by point, from what its servers say of its runs: the arms of a comparison. Pure.

A server tells best and last of the primary metric, with their place, and no curve; so this needs
nothing to be fetched. What pooling, tests and notes are is in `pooling`, `testing` and `remarks`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from overnight.core import spellings, views
from overnight.results.comparison import pooling, statistics
from overnight.results.comparison.arms import (
    PRUNED,
    Arm,
    Comparison,
    Measured,
    Outcome,
    Place,
    Stat,
    Swept,
    Test,
)

__all__ = ["PRUNED", "compare", "is_done", "outcome", "to_json"]


def outcome(row: Mapping[str, Any], server: str, age_s: float | None = None) -> Outcome:
    """From what the node's verb `sweep` says of a run; what an old node left out is None."""
    repairs = tuple(views.repair_view(each) for each in row.get("repairs") or [])
    point = row.get("point")
    point = point if isinstance(point, dict) else {}
    primary = str(row["primary"]) if row.get("primary") else None
    return Outcome(
        run=str(row.get("run", "")),
        server=server,
        state=str(row.get("state", "")),
        seed=row.get("seed"),
        config=point,
        metrics={primary: measured(row, primary)} if primary else {},
        primary=primary,
        repairs=repairs,
        altered=altered(row, repairs),
        provenance={"snapshot": row.get("snapshot"), "gpus": row.get("gpus") or []},
        reason=str(row.get("reason") or ""),
        age_s=age_s,
        duration_s=row.get("duration_s"),
        so_far=(row.get("now") or {}).get("best"),
        point=point,
        is_base=bool(row.get("base")),
        index=int(row.get("index") or 0),
        told=row,
    )


def measured(row: Mapping[str, Any], name: str) -> Measured:
    """`n` is not told. The split is what the name says; a bare one may be anything."""
    best, last = row.get("best") or {}, row.get("last") or {}
    split, _ = spellings.fold(name)
    return Measured(
        best=number(best),
        best_place=place(best),
        last=number(last),
        last_place=place(last),
        n=None,
        goal=row.get("goal") if row.get("goal") in ("min", "max") else None,
        split="" if split == spellings.TRAIN else split,
        nonfinite=int(row.get("nonfinite") or 0),
        source=str(best.get("source") or last.get("source") or ""),
    )


def number(told: Mapping[str, Any]) -> float | None:
    """None for what is no number, and for what is not finite."""
    found = told.get("value")
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    return float(found) if math.isfinite(found) else None


def place(told: Mapping[str, Any]) -> Place | None:
    if not told:
        return None
    return Place(told.get("step"), told.get("epoch"), str(told.get("source") or ""), None)


def altered(row: Mapping[str, Any], repairs: Iterable[views.Repair]) -> tuple[str, ...]:
    """Why it is another experiment; law 7."""
    found = tuple(f"{each.failure}: {each.change}" for each in repairs if each.changes_science)
    return found or (("a repair changed it",) if row.get("changed") else ())


def compare(
    name: str, outcomes: Iterable[Outcome], away: Mapping[str, str] | None = None
) -> Comparison:
    """`away`: servers that did not answer, and why."""
    ordered = sorted(outcomes, key=lambda each: (each.index, each.run))
    told = [each.told for each in ordered]
    return pooling.compare(
        ordered,
        sweep=Swept(
            name=name,
            mode=str(next((row["mode"] for row in told if row.get("mode")), "")),
            total=max([len(ordered), *(int(row.get("total") or 0) for row in told)]),
            away=dict(away or {}),
        ),
    )


def is_done(found: Comparison) -> bool:
    """Whether every run that there is to be has ended."""
    total = found.sweep.total if found.sweep else 0
    return len(found.outcomes) >= total and all(each.has_ended for each in found.outcomes)


def in_order(found: Comparison) -> list[Outcome]:
    """The runs as the sweep has them."""
    return sorted(found.outcomes, key=lambda each: (each.index, each.run))


# -- as `sweep results --json` has it ---------------------------------------------------------


def to_json(found: Comparison) -> dict[str, Any]:
    """The sweep by point, and with it the whole comparison."""
    sweep = found.sweep or Swept(name="", mode="", total=0, away={})
    runs = in_order(found)
    return {
        "sweep": sweep.name,
        "mode": sweep.mode,
        "total": sweep.total,
        "done": is_done(found),
        "primary": found.metric,
        "goal": found.goal,
        "best": point(found.best) if found.indistinguishable and found.best else None,
        "points": [point_json(found, each) for each in found.arms],
        "changed": [each.run for each in runs if each.is_altered],
        "runs": [run_json(each) for each in runs],
        "away": dict(sweep.away),
        "notes": list(found.notes),
        "comparison": {**found.to_json(), "runs": [each.run for each in runs]},
    }


def point(arm: Arm) -> dict[str, Any]:
    """What all runs of the arm have; a seed that is an axis of the sweep is no part of it."""
    points = [each.point or {} for each in arm.outcomes]
    return {
        key: value
        for key, value in points[0].items()
        if all(key in each and each[key] == value for each in points)
    }


def values_at(arm: Arm, key: str) -> list[Any]:
    """The different values that its runs have at an axis."""
    told = [(each.point or {})[key] for each in arm.outcomes if key in (each.point or {})]
    return [value for place, value in enumerate(told) if value not in told[:place]]


def point_json(found: Comparison, arm: Arm) -> dict[str, Any]:
    test = found.test(arm.label) if found.baseline and found.baseline.arm else None
    base = next((each for each in found.arms if each.is_baseline), None)
    return {
        "point": point(arm),
        "base": arm.is_baseline,
        "best": stat_json(arm.by_which.get("best")),
        "last": stat_json(arm.by_which.get("last")),
        "difference": difference_json(test, found.stat(base)) if test and base else None,
        "runs": [each.run for each in arm.outcomes],
        "not_counted": [each.outcome.run for each in arm.left_out],
    }


def stat_json(found: Stat | None) -> dict[str, Any] | None:
    if found is None:
        return None
    runs = [each.run for each in found.values]
    return {"n": found.n, "mean": found.mean, "sd": found.sd, "runs": runs}


def difference_json(test: Test, base: Stat | None) -> dict[str, Any]:
    return {
        "value": test.difference,
        **{key: getattr(test, key) for key in ("low", "high", "df", "kind", "p", "p_holm")},
        "confidence": statistics.CONFIDENCE,
        "base_runs": [each.run for each in base.values] if base else [],
    }


def run_json(each: Outcome) -> dict[str, Any]:
    return {**each.told, "run": each.run, "server": each.server, "age_s": each.age_s}
