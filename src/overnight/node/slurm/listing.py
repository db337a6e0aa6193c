"""The runs of a root that wait in Slurm's queue or run in its jobs, as `queue` shows them."""

from __future__ import annotations

import os
from typing import Any, Iterator

from overnight.node import fs, journal, layout, states
from overnight.node.slurm import keeping, polling


def listed(root: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(waiting, running), the ones that were launched first first; nobody is asked anew."""
    if not os.path.exists(polling.path(root)):  # Slurm was never asked for anything here
        return [], []
    rows = sorted(active(root), key=lambda row: float(row["queued_at"] or 0.0))
    return [row for row in rows if not row["since"]], [row for row in rows if row["since"]]


def active(root: str) -> Iterator[dict[str, Any]]:
    for run in layout.runs(root):
        state = journal.published(run)
        spec = fs.read_json(run.file("spec.json")) if state["state"] in states.ACTIVE else None
        if spec and spec.get("slurm"):
            yield row(run, spec, {**state, **keeping.shown(run, state)})


def row(run: layout.Run, spec: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """The fields of both kinds. `since` is None of one that waits; when it starts Slurm says."""
    queue = spec.get("queue") or {}
    attempts = state.get("attempts") or []
    runs = state["state"] != states.QUEUED and bool(attempts)
    return {
        "project": run.project,
        "run": run.name,
        "gpus": list(attempts[-1]["gpus"]) if runs else float(spec.get("gpus") or 0),
        "share": 1.0,
        "priority": int(queue.get("priority") or 0),
        "queued_at": state.get("created_at"),
        "order": int(queue.get("order") or 0),
        "group": str(queue.get("group") or ""),
        "expected_s": queue.get("expected_s"),
        "memory_mib": queue.get("memory_mib"),
        "after": list(queue.get("after") or ()),
        "allowed": None,
        "avoid": [],
        "reason": str(state.get("reason") or ""),
        "starts_at": None,
        "since": attempts[0]["started_at"] if runs else None,
        "ends_at": None,
    }
