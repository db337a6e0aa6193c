"""One file of metrics as `overnight inspect` tells it: its series, and how its curves do. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from overnight.results import health, names
from overnight.results.curves import Curve, Found
from overnight.results.health import Finding, several
from overnight.results.runs import segments
from overnight.results.series import Series

MOST_SERIES = 2_000  # of a file with more, the others are only counted
MOST_FINDINGS = 200
METRICS = "metrics"
PRINTED = "text_log"
FOLDERS = frozenset(("train", "training", "val", "valid", "validation", "eval", "test"))


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a file holds of one run. `name` is "" where the file knows none by name."""

    name: str
    series: tuple[Series, ...]
    health: tuple[Finding, ...]

    @property
    def runs(self) -> int:
        """How many follow each other under this name."""
        return several.runs(self.series)


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """`reason` says why a file was refused; `format` is then None."""

    file: str
    format: str | None
    runs: tuple[Run, ...] = ()
    skipped: tuple[dict[str, Any], ...] = ()
    more_skipped: int = 0
    reason: str | None = None
    left_out: int = 0

    @property
    def count(self) -> int:
        return sum(run.runs for run in self.runs)

    def to_json(self) -> dict[str, Any]:
        """See docs/json.md. Strict JSON: what is no number is null."""
        return {
            "file": self.file,
            "format": self.format,
            "runs": self.count,
            "series": [_series(each, run.name) for run in self.runs for each in run.series],
            "health": [_health(e, run.name) for run in self.runs for e in run.health],
            "skipped": list(self.skipped),
            "more_skipped": self.more_skipped,
            "more_series": self.left_out,
            "reason": self.reason,
        }


def inspected(file: str, found: Found) -> Inspected:
    """What a reader found, judged run by run."""
    curves = _told(found.curves)
    held_out = _tells_metrics_apart(curves)
    above = _split_above(file)
    by_run: dict[str, list[Series]] = {}
    for curve in curves:
        if curve.value.size:
            named = _in_full(curve) if found.format == PRINTED else curve
            by_run.setdefault(curve.run, []).append(
                series_of(_with_split(named, held_out, above), file)
            )
    runs = [
        Run(name=name, series=tuple(held), health=health.judge(held)[:MOST_FINDINGS])
        for name, held in by_run.items()
    ]
    return Inspected(
        file=file,
        format=found.format,
        runs=tuple(runs),
        skipped=tuple({"line": s.line, "what": s.what, "why": s.why} for s in found.skipped),
        more_skipped=found.more_skipped,
        left_out=len(found.curves) - len(curves),
        reason=None if runs else "there is no metric in it",
    )


def _told(curves: Sequence[Curve]) -> list[Curve]:
    """Of very many, those whose direction is known, such as the losses, and then the first ones."""
    if len(curves) <= MOST_SERIES:
        return list(curves)
    order = sorted(
        range(len(curves)), key=lambda n: not (curves[n].goal or names.goal(curves[n].name))
    )
    return [curves[n] for n in sorted(order[:MOST_SERIES])]


def _tells_metrics_apart(curves: Sequence[Curve]) -> bool:
    """Whether names say `train/…`, `val/…` and `metrics/…`: the last are of the validation."""
    told = {curve.name.partition("/")[0].lower() for curve in curves if curve.split is None}
    return {"train", "val", METRICS} <= told


def _split_above(file: str) -> str | None:
    """'val' or 'test' where the folder of a file is called so: Keras writes one for each.

    Only the bare word counts: the folder `test_run` holds any run.
    """
    folder = Path(file).parent.name.lower()
    split = names.split_of(folder) if folder in FOLDERS else None
    return split if split != names.TRAIN else None


def _in_full(curve: Curve) -> Curve:
    """With the split in front of a name that a printed line told it beside: `val Loss`.

    So two series of one log never share a name.
    """
    tells_it = names.spelled(curve.name) == names.spelled(curve.name, curve.split)
    if tells_it or curve.is_full or curve.split == names.TRAIN:
        return curve
    return replace(curve, name=f"{curve.split} {curve.name}")


def _with_split(curve: Curve, held_out: bool, above: str | None) -> Curve:
    """With what the names around it tell, where neither the file nor its own name does."""
    low = curve.name.lower()
    if curve.split is not None or names.fold(low)[0] != names.TRAIN or names.TRAIN in low:
        return curve
    split = names.VAL if held_out and low.startswith(f"{METRICS}/") else above
    return replace(curve, split=split)


def refused(file: str, reason: str) -> Inspected:
    return Inspected(file=file, format=None, reason=reason)


def series_of(curve: Curve, file: str) -> Series:
    """A curve as a series of its own. The goal is the file's or a known metric's."""
    split, name = names.fold(curve.name, curve.split)
    n = curve.value.size
    return Series(
        name=name,
        written=curve.name,
        split=split,
        goal=curve.goal or names.goal(curve.name),
        value=curve.value,
        step=curve.step,
        epoch=curve.epoch,
        time=curve.time,
        line=curve.line,
        file=np.zeros(n, np.int16),
        files=(file,),
        attempt=np.zeros(n, np.int16),
        is_repeated=np.zeros(n, np.bool_),
    )


def _series(series: Series, run: str) -> dict[str, Any]:
    best, last = series.best, last_finite(series)
    told: dict[str, Any] = {
        "name": series.written,
        "split": series.split,
        "n": series.n,
        "best": None if best is None else float(series.value[best]),
        "best_at": None if best is None else _finite(_place(series, best)),
        "last": None if last is None else float(series.value[last]),
        "metric": series.name,
        "goal": series.goal,
        "nonfinite": int((~np.isfinite(series.value[series.kept])).sum()),
    }
    return {**told, "run": run} if run else told


def _place(series: Series, place: int) -> float:
    """Where a value that counts stands on the axis."""
    return float(segments.axis(series)[np.searchsorted(series.kept, place)])


def last_finite(series: Series) -> int | None:
    """The place of the last value that is a number."""
    finite = series.kept[np.isfinite(series.value[series.kept])]
    return int(finite[-1]) if finite.size else None


def _health(finding: Finding, run: str) -> dict[str, Any]:
    told = finding.to_json()
    return {**told, "run": run} if run else told


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
