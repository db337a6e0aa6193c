"""Runs of a sweep as a server tells of them."""

from __future__ import annotations

from typing import Any

from overnight.results.comparison import sweeps
from overnight.results.comparison.arms import Outcome

BASE = {"lr": 0.001}
HIGH = {"lr": 0.01}


def told(run: str, best: float | None, point: dict[str, Any], **more: Any) -> dict[str, Any]:
    place = {"step": None, "epoch": 3, "attempt": 1, "source": "output.log"}
    reached = None if best is None else {"value": best, **place}
    last = None if best is None else {"value": best - 0.5, **place}
    return {
        "run": run, "index": 0, "total": 0, "point": point, "seed": None, "base": point == BASE,
        "mode": "ablate", "state": "finished", "reason": "", "class": None, "primary": "val_acc",
        "goal": "max", "best": reached, "last": last, "repairs": [], "changed": False,
        "duration_s": 61.0, "snapshot": "abc", **more,
    }  # fmt: skip


def run(name: str, best: float | None, point: dict[str, Any], **more: Any) -> Outcome:
    return sweeps.outcome(told(name, best, point, **more), "gpu1")


def seeds(stem: str, values: list[float], point: dict[str, Any]) -> list[Outcome]:
    return [run(f"{stem}{n}", value, point, seed=n) for n, value in enumerate(values)]
