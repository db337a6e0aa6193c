"""What is shown of a run: made from the row that a server sends, or from the mirror's copy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.node import states

ENDED = states.ENDED
ACTIVE = states.ACTIVE
LOST = "lost"
SILENT_S = 60.0  # a sign of life comes every second
OLD_S = 60.0
MOVED = "moved"  # has left for another server, which does not have it yet


@dataclass(frozen=True, kw_only=True)
class Repair:
    failure: str
    change: str
    at: float
    attempt: int
    changes_science: bool

    def to_json(self) -> dict[str, Any]:
        return {"class": self.failure, "change": self.change, "at": self.at}


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One run at one moment. `epoch`…`eta_s` are None where the output has not told.

    `starts_in_s`: when a run that waits is expected to start, after the server was asked.
    """

    name: str
    state: str
    kind: str
    attempt: int
    epoch: float | None
    epochs: float | None
    step: int | None
    steps: int | None
    loss: float | None
    eta_s: float | None
    gpus: tuple[str, ...]
    gpu_indices: tuple[int, ...]
    repairs: tuple[Repair, ...]
    reason: str
    created_at: float
    changed_at: float
    beat_at: float | None
    silent_s: float | None
    nonfinite: Mapping[str, Any] | None
    flags: tuple[Mapping[str, Any], ...]
    failure: Mapping[str, Any] | None
    sweep: str
    starts_in_s: float | None
    moved_to: str | None
    row: Mapping[str, Any]

    @property
    def ended(self) -> bool:
        return self.state in ENDED or self.state == LOST

    @property
    def place(self) -> str:
        """`epoch 34/50`, or `step 1200/5000`, as far as the output has told; else ""."""
        if self.epoch is not None:
            return f"epoch {short(self.epoch)}{of(self.epochs)}"
        return f"step {self.step}{of(self.steps)}" if self.step is not None else ""

    @property
    def is_silent(self) -> bool:
        """Whether its server, when it was asked, had not heard of the run for too long."""
        return not self.ended and self.silent_s is not None and self.silent_s > SILENT_S

    def to_json(self) -> dict[str, Any]:
        """The stable part, as `status --json` prints it."""
        place = ("epoch", "epochs", "step", "steps", "loss", "eta_s", "silent_s", "starts_in_s")
        keys = ("name", "state", "attempt", *place)
        return {
            **{key: getattr(self, key) for key in keys},
            "reason": self.reason,
            "sweep": self.sweep or None,
            "moved_to": self.moved_to,
            "gpus": list(self.gpus),
            "gpu_indices": list(self.gpu_indices),
            "slurm": self.row.get("slurm"),
            "repairs": [repair.to_json() for repair in self.repairs],
            "flags": [dict(each) for each in self.flags],
        }


def of(total: float | None) -> str:
    return f"/{short(total)}" if total is not None else ""


def short(value: float) -> str:
    """12, or 0.68 of an epoch."""
    return str(int(value)) if value == int(value) else f"{value:.2f}"


@dataclass(frozen=True, kw_only=True)
class ServerView:
    """A server at one moment. `age_s` is 0 for a fresh answer, None where there never was one.

    `away_since`: when it was first asked in vain (Unix time); None where it answers.
    """

    name: str
    reachable: bool
    age_s: float | None
    problem: str
    runs: tuple[RunView, ...]
    away_since: float | None = None

    @property
    def is_old(self) -> bool:
        """Whether what is shown of it is not what it says now, although it answers."""
        return self.reachable and (self.age_s is None or self.age_s > OLD_S)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "reachable": self.reachable,
            "age_s": self.age_s,
            "away_since": self.away_since,
            "runs": [run.to_json() for run in self.runs],
        }


def run_view(row: Mapping[str, Any]) -> RunView:
    """Never raises on a row that an older node wrote: what is missing is None."""
    attempts = row.get("attempts") or []
    newest = attempts[-1] if attempts else {}
    beat = row.get("heartbeat") or {}
    progress = beat if beat.get("time") else (row.get("progress") or {})
    running = row.get("state") == states.RUNNING
    return RunView(
        name=str(row.get("run", "")),
        state=str(row.get("state", "")),
        kind=str(row.get("kind", "run")),
        attempt=len(attempts),
        epoch=progress.get("epoch"),
        epochs=progress.get("epochs"),
        step=progress.get("step"),
        steps=progress.get("steps"),
        loss=progress.get("loss"),
        eta_s=progress.get("eta_s") if running else None,
        gpus=tuple(newest.get("gpus") or ()),
        gpu_indices=tuple((row.get("place") or {}).get("indices") or ()),
        repairs=tuple(repair_view(each) for each in row.get("repairs") or []),
        reason=str(row.get("reason", "")),
        created_at=float(row.get("created_at") or 0.0),
        changed_at=float(row.get("changed_at") or 0.0),
        beat_at=beat.get("time"),
        silent_s=row.get("silent_s"),
        nonfinite=progress.get("nonfinite"),
        flags=tuple(progress.get("flags") or ()) if running else (),
        failure=row.get("failure"),
        sweep=str((row.get("sweep") or {}).get("name") or ""),
        starts_in_s=row.get("starts_in_s"),
        moved_to=row.get("moved_to"),
        row=row,
    )


def without_twins(servers: Sequence[ServerView]) -> list[ServerView]:
    """Each run once: where it was moved away from it is not shown, once it has arrived.

    Until then its state is `moved`.
    """
    there = {(each.name, run.name) for each in servers for run in each.runs}

    def shown(run: RunView) -> RunView | None:
        if run.moved_to is None:
            return run
        if (run.moved_to, run.name) in there:
            return None
        return dataclasses.replace(
            run, state=MOVED, reason=f"not arrived on {run.moved_to}; next: overnight queue"
        )

    return [
        dataclasses.replace(each, runs=tuple(run for run in map(shown, each.runs) if run))
        for each in servers
    ]


def repair_view(value: Mapping[str, Any]) -> Repair:
    return Repair(
        failure=str(value.get("class", "unknown")),
        change=str(value.get("change", "")),
        at=float(value.get("at") or 0.0),
        attempt=int(value.get("attempt") or 0),
        changes_science=bool(value.get("changes_science")),
    )


def repair_views(raw: Sequence[Any]) -> tuple[Repair, ...]:
    """Those of a record from anywhere; what is no repair is left out."""
    found = []
    for each in raw:
        try:
            found.append(repair_view(each))
        except (AttributeError, TypeError, ValueError):
            continue
    return tuple(found)
