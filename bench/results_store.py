"""The store of series: ingest, a second look, comparison over all runs, a long curve, memory.

python -m bench.results_store [--runs 1000] [--steps 10000] [--points 1000000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overnight.app import Overnight, comparing, series
from overnight.app.talk import Silent

CONFIG = (
    '[project]\nname = "bench"\ntrain = "python train.py"\n'
    '[metrics]\nprimary = "loss"\ngoal = "min"\n'
)


def make(root: Path, runs: int, steps: int) -> int:
    """A project with pulled runs of one `metrics.jsonl` each; how many bytes they have."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "overnight.toml").write_text(CONFIG)
    total = 0
    for run in range(runs):
        folder = root / ".overnight/results" / f"run{run:04d}"
        (folder / "attempts/1").mkdir(parents=True)
        record = {
            "run": folder.name,
            "state": "finished",
            "attempts": [{"n": 1, "started_at": 1.0}],
        }
        (folder / "state.json").write_text(json.dumps(record))
        (folder / "spec.json").write_text(json.dumps({"run": folder.name, "variants": []}))
        (folder / "attempts/1/output.log").write_text("starting\n")
        total += write(folder / "work/metrics.jsonl", run, steps)
    return total


def lines(run: int, steps: int) -> Iterator[str]:
    """Values with all digits, as `json.dumps` writes them."""
    for step in range(1, steps + 1):
        loss = 2.5 / (1 + step * 0.001) + ((step * 7919 + run) % 1000) / 7e3
        yield f'{{"step": {step}, "loss": {loss!r}}}\n'


def write(path: Path, run: int, steps: int) -> int:
    """A `metrics.jsonl`, without holding it in memory; its bytes."""
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        file.writelines(lines(run, steps))
    return path.stat().st_size


@contextmanager
def project(root: Path) -> Iterator[Overnight]:
    with Overnight(root, Silent()) as o:
        yield o


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cpu_s() -> float:
    """Of this process and of the children that have ended: what a busy machine does not change."""
    return sum(os.times()[:4])


def best_of(times: int, work: Callable[[], object]) -> float:
    return min(timed(work) for _ in range(times))


def ingest(root: Path) -> float:
    """Seconds to read all runs into a new store."""
    with project(root) as o:
        return timed(lambda: series.ingest(o))


def second_look(root: Path) -> float:
    """Seconds to find that nothing has changed."""
    with project(root) as o:
        return best_of(3, lambda: series.ingest(o))


def summaries(root: Path) -> float:
    """Seconds for best and last of the primary metric of all runs."""

    def work() -> None:
        with project(root) as o:
            runs = series.known_runs(o)
            assert len(series.summaries(o, runs, "loss")) == len(runs)

    return best_of(3, work)


def compared(root: Path) -> float:
    """Seconds for the comparison of all runs, as `overnight compare` makes it."""

    def work() -> None:
        with project(root) as o:
            runs = series.known_runs(o)
            assert len(comparing.compared(o, runs).outcomes) == len(runs)

    return best_of(3, work)


def ingested_s(runs: int, steps: int) -> float:
    """Seconds to read so many runs into a new store."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        make(Path(folder), runs, steps)
        return ingest(Path(folder))


def long_curve(root: Path, points: int) -> dict[str, float]:
    """A curve of many points: its ingest, its picture from the store, all of its values."""
    folder = root / ".overnight/results/long"
    write(folder / "work/metrics.jsonl", 0, points)
    with project(root) as o:
        read = timed(lambda: series.ingest(o, ["long"]))
        drawn = best_of(3, lambda: series.curve(o, "long", "loss"))
        finer = best_of(3, lambda: series.curve(o, "long", "loss", 2000))
        whole = best_of(3, lambda: series.one(o, "long", "loss"))
    return {
        "long_ingest_s": read,
        "drawn_ms": 1000 * drawn,
        "drawn_finer_ms": 1000 * finer,
        "whole_ms": 1000 * whole,
    }


def peak_mib(children: bool = True) -> float:
    """The most memory of this process, with its children's."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    others = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if children else 0
    return (own + others) / 1024


def figures(runs: int, steps: int, points: int) -> dict[str, Any]:
    root = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        told: dict[str, Any] = {"runs": runs, "steps": steps, "bytes": make(root, runs, steps)}
        before = cpu_s()
        told["ingest_s"] = ingest(root)
        told["ingest_cpu_s"] = cpu_s() - before
        told["second_look_s"] = second_look(root)
        told["summaries_s"] = summaries(root)
        told["compared_s"] = compared(root)
        told["store_bytes"] = os.path.getsize(root / ".overnight/series.db")
        told |= long_curve(root, points)
        told["peak_mib"] = peak_mib()
        return told
    finally:
        shutil.rmtree(root)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=1_000_000, help="of the long curve")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    told = figures(wanted.runs, wanted.steps, wanted.points)
    if wanted.json:
        json.dump(told, sys.stdout, indent=2)
        return
    for name, value in told.items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
