"""Pulled run folders for the tests, and the state and spec that belong to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from overnight.core import config
from overnight.results import summary

METRICS = config.Metrics(
    primary="val_acc",
    goal="max",
    baseline=config.Baseline(values={"val_acc": 95.5}, source="paper, table 2"),
)


def log(folder: Path, attempt: int, *lines: str) -> None:
    path = folder / "attempts" / str(attempt) / "output.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def jsonl(folder: Path, *rows: dict[str, Any], name: str = "metrics.jsonl") -> Path:
    path = folder / "work" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def state(run: str = "train01", **more: Any) -> dict[str, Any]:
    attempts = [
        {"n": 1, "exit_code": 1, "signal": None, "label": "batch 64", "gpus": ["0"],
         "checkpoint": None},
        {"n": 2, "exit_code": 0, "signal": None, "label": "batch 32 x 2", "gpus": ["0"],
         "checkpoint": "outputs/ckpt_3.pt"},
    ]  # fmt: skip
    repairs = [
        {"class": "cuda_oom", "change": "batch 64 -> 32 x 2", "at": 1700000000.0, "attempt": 1}
    ]
    return {"run": run, "state": "finished", "attempts": attempts, "repairs": repairs, **more}


def spec(*argv: str, **more: Any) -> dict[str, Any]:
    provenance = {
        "commit": "1a2b3c4", "branch": "main", "dirty": True, "server": "gpu1", "user": "ada",
        "host": "laptop", "created_at": 1700000000.0,
    }  # fmt: skip
    words = list(argv or ("python", "train.py", "--lr", "0.1"))
    return {
        "project": "clip", "run": "train01", "snapshot": "0123456789abcdef",
        "variants": [{"argv": words, "label": "batch 64"}], "env": {}, "provenance": provenance,
        **more,
    }  # fmt: skip


def result(
    folder: Path, values: list[float], *argv: str, metrics: config.Metrics | None = METRICS,
    **more: Any,
) -> summary.RunResult:  # fmt: skip
    """The result of a run that wrote these values of val_acc, one per epoch from 1."""
    rows = [{"epoch": n, "split": "val", "acc": each} for n, each in enumerate(values, 1)]
    jsonl(folder, *rows)
    run_spec = spec(*argv, **{key: more[key] for key in more if key in ("env", "snapshot")})
    run_state = state(folder.name, **{k: more[k] for k in more if k in ("repairs", "state")})
    return summary.summarise(folder, run_state, run_spec, metrics)
