"""What came out of a run: best and last values, the baseline, repairs, and where it all is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from overnight.core import config, views
from overnight.results import differences, names
from overnight.results.health import Finding
from overnight.results.runs import joining, run_files
from overnight.results.runs.joining import Unused
from overnight.results.runs.measures import Metric, Repeat, measure, repeated

NO_TEST = "one run against one number: no test is claimed"
OTHER_SCALE = "one of the two looks like a fraction, the other like percent: not compared"
NO_VALUE = "the run has no finite value to compare"
ATTEMPT_KEYS = (
    "n", "started_at", "ended_at", "exit_code", "signal", "cause", "checkpoint", "label",
    "variant_label", "gpus",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a run's files say: metrics, and what was not used, not read or done again."""

    metrics: tuple[Metric, ...] = ()
    unused: tuple[Unused, ...] = ()
    skipped: tuple[run_files.Passed, ...] = ()
    repeated: Repeat | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "unused": [dict(vars(each)) for each in self.unused],
            "skipped": [each.to_json() for each in self.skipped],
            "repeated": self.repeated.to_json() if self.repeated else None,
        }


@dataclass(frozen=True, kw_only=True)
class Against:
    """The best value beside the baseline. `difference` is best - value; None if not comparable."""

    metric: str
    value: float
    source: str
    difference: float | None
    better: bool | None
    note: str

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """`metrics` begins with the primary one where the run has it. `env` is never in the JSON.

    `point`: what the run's sweep sets; it may stand in a file that the command names.
    """

    run: str
    state: str
    primary: str | None
    metrics: Mapping[str, Metric]
    baseline: Against | None
    repairs: tuple[views.Repair, ...]
    attempts: tuple[Mapping[str, Any], ...]
    provenance: Mapping[str, Any]
    command: tuple[str, ...]
    env: Mapping[str, str]
    point: Mapping[str, Any] = field(default_factory=dict)
    read: Read = field(default_factory=Read)
    health: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "state": self.state,
            "metrics": {name: metric.to_json() for name, metric in self.metrics.items()},
            "baseline": self.baseline.to_json() if self.baseline else None,
            "repairs": [_repair_json(repair) for repair in self.repairs],
            "attempts": [dict(attempt) for attempt in self.attempts],
            "provenance": dict(self.provenance),
            "sources": self.read.to_json(),
            "health": [each.to_json() for each in self.health],
        }


def _repair_json(repair: views.Repair) -> dict[str, Any]:
    more = {"attempt": repair.attempt, "changes_science": repair.changes_science}
    return {**repair.to_json(), **more}


def summarise(
    folder: Path,
    state: Mapping[str, Any],
    spec: Mapping[str, Any],
    metrics: config.Metrics | None,
    read: Read | None = None,
) -> RunResult:
    """`folder` is the pulled one of a run, `state` and `spec` its state.json and spec.json.

    `read`: what its files say, where that is known already. Never raises on what those hold: what
    is missing or of another kind is left out.
    """
    read = read or of_files(run_files.whole(folder))
    found = _metrics(read.metrics, metrics)
    attempts = tuple(_attempt(each) for each in _list(state, "attempts") if isinstance(each, dict))
    return RunResult(
        run=str(state.get("run") or spec.get("run") or folder.name),
        state=str(state.get("state") or "unknown"),
        primary=metrics.primary if metrics else None,
        metrics=found,
        baseline=_against(found, metrics),
        repairs=views.repair_views(_list(state, "repairs")),
        attempts=attempts,
        provenance=_provenance(spec, attempts, found),
        command=tuple(command(spec)),
        env={str(name): str(value) for name, value in _dict(spec, "env").items()},
        point=_dict(_dict(spec, "sweep"), "point"),
        read=read,
    )


def of_files(found: run_files.OfRun) -> Read:
    series = found.joined.series
    return Read(
        metrics=tuple(measure(each) for each in series),
        unused=found.joined.unused,
        skipped=found.skipped,
        repeated=repeated(series),
    )


def _metrics(read: Sequence[Metric], wanted: config.Metrics | None) -> dict[str, Metric]:
    """The primary metric first, under the name and with the goal that the user gave it."""
    known = {each.name: each for each in read}
    name = joining.meant(known, wanted.primary) if wanted else None
    primary = known.pop(name) if name is not None else None
    if wanted is None or primary is None:
        return known
    return {wanted.primary: replace(primary, name=wanted.primary, goal=wanted.goal), **known}


def _against(found: Mapping[str, Metric], wanted: config.Metrics | None) -> Against | None:
    if wanted is None or wanted.baseline is None or wanted.primary not in wanted.baseline.values:
        return None
    value = wanted.baseline.values[wanted.primary]
    metric = found.get(wanted.primary)
    best = metric.best.value if metric and metric.best else None
    difference, note = None, NO_VALUE
    if best is not None:
        other = names.is_other_scale(wanted.primary, best, value)
        difference, note = (
            (None, OTHER_SCALE) if other else (differences.tidy(best - value), NO_TEST)
        )
    return Against(
        metric=wanted.primary,
        value=value,
        source=wanted.baseline.source,
        difference=difference,
        better=differences.is_better(difference, wanted.goal),
        note=note,
    )


def _attempt(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: raw[key] for key in ATTEMPT_KEYS if key in raw}


def command(spec: Mapping[str, Any]) -> list[str]:
    """The argv as the user typed it."""
    first = next(iter(_list(spec, "variants")), None)
    argv = first.get("argv") if isinstance(first, dict) else None
    return [str(word) for word in argv] if isinstance(argv, list) else []


def _provenance(
    spec: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], found: Mapping[str, Metric]
) -> dict[str, Any]:
    """What the launch recorded, and with it snapshot, command, GPUs and the files read."""
    read = (point for metric in found.values() for point in (metric.best, metric.last) if point)
    return {
        **_dict(spec, "provenance"),
        "snapshot": spec.get("snapshot"),
        "command": command(spec),
        "gpus": attempts[-1].get("gpus", []) if attempts else [],
        "files": sorted({point.source for point in read}),
    }


def _list(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _dict(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}
