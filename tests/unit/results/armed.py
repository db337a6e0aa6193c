"""Outcomes for the tests of comparisons: runs of which val_acc is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from overnight.core import views
from overnight.results.comparison.arms import Measured, Outcome, Place

REPAIR = views.Repair(
    failure="nan", change="lr 0.01 -> 0.005", at=1.0, attempt=1, changes_science=True
)
SPLIT_BATCH = views.Repair(
    failure="cuda_oom", change="batch 64 -> 32 x 2", at=1.0, attempt=1, changes_science=False
)


def curve(best: float | None, **more: Any) -> Measured:
    """Best at epoch 3, the last one worse by 0.5."""
    told: dict[str, Any] = {
        "best": best,
        "best_place": Place(None, 3.0, "work/metrics.jsonl", 3),
        "last": best - 0.5 if best is not None else None,
        "last_place": Place(None, 9.0, "work/metrics.jsonl", 9),
        "n": 9,
        "goal": "max",
        "split": "val",
    }
    return Measured(**{**told, **more})


def run(name: str, value: float | None, config: Mapping[str, Any] = {}, **more: Any) -> Outcome:
    told: dict[str, Any] = {
        "run": name,
        "server": "gpu1",
        "state": "finished",
        "seed": None,
        "config": config,
        "metrics": {"val_acc": curve(value)} if value is not None else {},
        "primary": "val_acc",
    }
    return Outcome(**{**told, **more})


def seeds(stem: str, values: Sequence[float], first: int = 0, **config: Any) -> list[Outcome]:
    """Runs with the seeds 0, 1, … and the flags `config`."""
    flags = {f"--{key}": value for key, value in config.items()}
    return [
        run(f"{stem}-s{seed}", value, {**flags, "--seed": str(seed)})
        for seed, value in enumerate(values, first)
    ]
