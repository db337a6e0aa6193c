"""Nights made by hand: what servers told, as `status` has it. Times are seconds after BEGIN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from overnight.core import views
from overnight.results.report import gathering, outcomes
from overnight.results.report.model import Health, Step, SweepEnd, Window

BEGIN = 1_764_352_800.0  # Fri 28 Nov 2025 18:00 UTC
HOUR = 3600.0
WINDOW = Window(since=BEGIN, until=BEGIN + 15 * HOUR, why="since yesterday 18:00 (15 h 00 min)")
AIM = outcomes.Aim(metric="val_acc", goal="max", target=95.5, source="paper, table 2")


def event(kind: str, at_h: float, /, **more: Any) -> dict[str, Any]:
    return {"type": kind, "time": BEGIN + at_h * HOUR, **more}


def attempt(
    begins_h: float, ends_h: float | None, gpus: int = 1, **start: Any
) -> list[dict[str, Any]]:
    """The events of one attempt; None for one that goes on."""
    uuids = [f"GPU-{n}" for n in range(gpus)]
    begun = event("attempt_started", begins_h, gpus=uuids, **start)
    return [begun] if ends_h is None else [begun, event("attempt_ended", ends_h)]


def run(name: str, state: str, changed_h: float, **row: Any) -> views.RunView:
    told = {"run": name, "state": state, "changed_at": BEGIN + changed_h * HOUR, "silent_s": None}
    return views.run_view({**told, **row})


def server(name: str, runs: Sequence[views.RunView], **more: Any) -> views.ServerView:
    told = {"reachable": True, "age_s": 0.0, "problem": "", **more}
    return views.ServerView(name=name, runs=tuple(runs), **told)


def told(
    servers: Sequence[views.ServerView],
    events: Mapping[tuple[str, str], Sequence[dict[str, Any]]] | None = None,
    **more: Any,
) -> gathering.Told:
    return gathering.Told(
        project="clip-tta", window=WINDOW, servers=servers, events=events or {}, **more
    )


OOM = {"class": "cuda_oom", "confidence": 0.98, "facts": {"summary": "Tried to allocate 2.00 GiB"}}
REPAIR = "batch 64 -> batch 32 x 2, from checkpoint-12.pt"


def busy() -> gathering.Told:
    """A night in which everything happened."""
    decision = run(
        "train07",
        "needs-decision",
        9.68,
        reason="the loss is no longer finite since step 1200; last sound one 0.41 at step 1180",
        answers=["overnight resume train07 --lr-scale 0.5", "overnight stop train07"],
    )
    failed = run(
        "train03",
        "failed",
        8.2,
        reason="FileNotFoundError: data/val.json",
        failure={"class": "missing_file", "facts": {}},
        attempts=[{"gpus": []}, {"gpus": []}],
        progress={"time": 1, "epoch": 12, "epochs": 50},
    )
    mended = run(
        "train01",
        "finished",
        11.83,
        repairs=[{"class": "cuda_oom", "change": REPAIR, "at": BEGIN + 8.23 * HOUR, "attempt": 1}],
        attempts=[{"gpus": []}, {"gpus": []}],
    )
    altered = run(
        "train02",
        "finished",
        12.0,
        repairs=[
            {"class": "cuda_oom", "change": "batch 64 -> 32", "changes_science": True, "attempt": 1}
        ],
        attempts=[{"gpus": []}],
    )
    running = run(
        "train04",
        "running",
        1.0,
        heartbeat={
            "time": BEGIN,
            "epoch": 9,
            "epochs": 50,
            "loss": 0.871,
            "eta_s": 18120.0,
        },
        attempts=[{"gpus": ["GPU-0", "GPU-1"]}],
    )
    away = run("train05", "running", 1.0, attempts=[{"gpus": ["GPU-0"]}])
    waiting = run("train06", "queued", 1.0)
    stopped = run("train08", "stopped", 3.0, reason="stopped by hand on laptop")
    servers = [
        server("gpu1", [decision, mended, altered, stopped]),
        server("gpu2", [failed, running, waiting]),
        server(
            "gpu3",
            [away],
            reachable=False,
            age_s=6 * HOUR,
            problem="gpu3: no route to host",
            away_since=BEGIN + 9.2 * HOUR,
        ),
    ]
    events = {
        ("gpu1", "train01"): [
            *attempt(1.0, 8.22, gpus=4),
            event("diagnosed", 8.22, **OOM),
            event("repaired", 8.23, change=REPAIR, **{"class": "cuda_oom"}),
            *attempt(
                8.25, 11.83, gpus=4, checkpoint="checkpoint-12.pt", checkpoint_at=BEGIN + 8 * HOUR
            ),
            event("finished", 11.83),
        ],
        ("gpu1", "train02"): [
            *attempt(2.0, 12.0),
            event(
                "noticed",
                11.0,
                kind="disk_low",
                text="/data will be full in about 50 min (12.1 GiB left)",
                facts={"path": "/data"},
            ),
        ],
        ("gpu2", "train03"): attempt(5.0, 8.2, gpus=2),
        ("gpu2", "train04"): [
            *attempt(1.0, None, gpus=2),
            event("noticed", 4.0, kind="gpu_idle", facts={"gpus": ["GPU-1"], "idle_s": 900.0}),
        ],
        ("gpu3", "train05"): attempt(1.0, None),
    }
    found = {
        ("gpu1", "train01"): outcomes.outcome(
            "gpu1",
            mended,
            AIM,
            outcomes.Number(value=94.31, place="epoch 42", file="metrics.jsonl", line=42),
            outcomes.Number(value=94.02, place="epoch 50", file="metrics.jsonl", line=50),
        ),
        ("gpu1", "train02"): outcomes.outcome(
            "gpu1",
            altered,
            AIM,
            outcomes.Number(value=95.72, place=""),
            outcomes.Number(value=95.6, place="epoch 50"),
        ),
    }
    return told(
        servers,
        events,
        heard_at={"gpu1": WINDOW.until, "gpu2": WINDOW.until, "gpu3": BEGIN + 9 * HOUR},
        outcomes=found,
        sweeps=(
            SweepEnd(
                name="lr-ablation",
                title="sweep lr-ablation, val_acc (max): 6 runs, 6 finished",
                at=BEGIN + 12 * HOUR,
                header=("lr", "n", "best", "to base (95 %)"),
                rows=(
                    ("0.1", "3", "94.1 ± 0.17", "+1.2 [+0.9, +1.5]"),
                    ("0.01", "3", "92.9 ± 0.15", "base"),
                ),
                best=(0,),
                notes=("intervals: 95 %, Welch's t",),
            ),
        ),
        health=(
            Health(
                run="train01",
                server="gpu1",
                finding="overfit",
                words="val_loss was best at epoch 21 and has risen since by 12 %",
                confidence=0.9,
            ),
        ),
        steps=(
            Step(
                what="4 more seeds for lr=0.1",
                why="the interval of its difference to the base holds 0",
                command="overnight next --write sweep.toml && overnight sweep sweep.toml",
            ),
        ),
        cards={"gpu1": 4, "gpu2": 4},
    )
