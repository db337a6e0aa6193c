"""How long commands take that ask no server, against the interpreter that does nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import pairs, rig, table
from overnight.store import mirror

RUNS = 50
PEER = "python -c pass"
TARGET = 8.0
SETTINGS = '[project]\nname = "bench"\ntrain = "python3 train.py"\n\n[servers.gpu1]\n'


def measure(repetitions: int) -> Iterator[table.Figure]:
    with TemporaryDirectory(prefix="ov-bench-") as folder:
        project = Path(folder)
        environ = rig.laptop(project)
        (project / "overnight.toml").write_text(SETTINGS)
        fill_mirror(project)
        for name, words in (
            (f"`overnight status --cached`, {RUNS} runs", ["status", "--cached"]),
            ("`overnight --help`", ["--help"]),
        ):
            argv, nothing = [rig.OVERNIGHT, *words], [sys.executable, "-c", "pass"]
            ours, theirs = pairs.alternate(
                repetitions,
                lambda _, argv=argv: pairs.whole_process_ms(argv, environ=environ, folder=project),
                lambda _, argv=nothing: pairs.whole_process_ms(argv, environ=environ),
            )
            yield table.Figure(
                name=name, unit="ms", ours=ours, peer_name=PEER, peer=theirs, target=TARGET
            )


def fill_mirror(project: Path) -> None:
    """What a server with so many runs has answered once."""
    kept = mirror.Mirror(project)
    now = time.time()
    rows = [row(f"train{number:02}", now) for number in range(1, RUNS + 1)]
    kept.record("gpu1", now, rows, {})
    kept.close()


def row(run: str, now: float) -> dict[str, object]:
    """One run as the node tells it: the second attempt, in its twelfth epoch."""
    position = {"epoch": 12, "epochs": 50, "step": 3600, "steps": 15000, "loss": 0.4131}
    attempt = {"variant": 1, "label": "batch 32 x 2", "gpus": ["GPU-1f0c", "GPU-77aa"]}
    return {
        "run": run,
        "project": "bench",
        "kind": "run",
        "state": "running",
        "reason": "",
        "seq": 9,
        "attempt": 2,
        "attempts": [
            {**attempt, "n": 1, "started_at": now - 9000.0, "ended_at": now - 4000.0},
            {**attempt, "n": 2, "started_at": now - 3990.0, "ended_at": None},
        ],
        "repairs": [
            {"class": "cuda_oom", "change": "batch 64 -> batch 32 x 2", "at": now - 3990.0}
        ],
        "heartbeat": {"time": now, **position, "eta_s": 9120.0},
        "supervised": True,
        "snapshot": "0123456789abcdef",
    }
