"""The figures of results: python -m bench.results [PART…] [--repetitions N] [--small] [--json]

`--small` takes a hundredth of the data, to see that all of it works. Each part that takes much
memory is a process of its own, which tells the most that it took.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import results_page, results_stdout, results_trackers, table

MEMORY_MIB = 300.0
RUNS, STEPS, POINTS = 1000, 10_000, 1_000_000
# Writing more with their libraries takes many minutes.
PEER_RUNS = {"trackio": 100, "mlflow": 20, "wandb": 20, "tensorboard": 20}

Part = Callable[[int, int], Iterator[table.Figure]]


def store(repetitions: int, smaller: int) -> Iterator[table.Figure]:
    """Ingest, a second look, comparison over all, a long curve; and the memory of all of it."""
    told = [
        alone("bench.results_store", "--runs", RUNS // smaller, "--points", POINTS // smaller)
        for _ in range(repetitions)
    ]
    runs = f"{RUNS // smaller:,} runs x {STEPS:,} steps"

    def figure(name: str, unit: str, key: str, target: float | None) -> table.Figure:
        return table.Figure(name=name, unit=unit, ours=[t[key] for t in told], target=target)

    yield figure(f"{runs}: ingest", "s", "ingest_s", 3.0)
    yield figure(f"{runs}: a second look", "s", "second_look_s", None)
    yield figure(f"{runs}: best and last of all", "s", "summaries_s", 0.3)
    yield figure(f"{runs}: comparison over all", "s", "compared_s", 0.3)
    points = f"a curve of {POINTS // smaller:,} points"
    yield figure(f"{points}: ready to draw", "ms", "drawn_ms", 50.0)
    yield figure(f"{points}: in 2,000 parts", "ms", "drawn_finer_ms", 50.0)
    yield figure("memory of all this, both processes", "MiB", "peak_mib", MEMORY_MIB)


def peers(repetitions: int, smaller: int) -> Iterator[table.Figure]:
    """The same runs, ours from `metrics.jsonl` into the store and out of it, theirs as they are."""
    for tracker, runs in PEER_RUNS.items():
        yield from results_trackers.measure(repetitions, runs, STEPS // smaller, [tracker])


def tensorboard(repetitions: int, smaller: int) -> Iterator[table.Figure]:
    yield results_trackers.one_file(repetitions, POINTS // smaller)


def printed(repetitions: int, smaller: int) -> Iterator[table.Figure]:
    """Logs of a million lines, each family in a process of its own."""
    for kind in results_stdout.KINDS:
        told = [
            alone("bench.results_stdout", POINTS // smaller, "--kind", kind)
            for _ in range(repetitions)
        ]
        yield table.Figure(
            name=f"{POINTS // smaller:,} printed lines, {kind}",
            unit="s",
            ours=[each["seconds"] for each in told],
            target=3.0,
        )
        yield table.Figure(
            name=f"memory for the lines, {kind}",
            unit="MiB",
            ours=[each["peak_mib"] for each in told],
            target=MEMORY_MIB,
        )


def page(repetitions: int, smaller: int) -> Iterator[table.Figure]:
    return results_page.figures(repetitions)


PARTS: dict[str, Part] = {
    "store": store,
    "peers": peers,
    "tensorboard": tensorboard,
    "printed": printed,
    "page": page,
}


def alone(module: str, *words: object) -> dict[str, Any]:
    """What a measuring module tells as JSON, run as a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        argv = [sys.executable, "-m", module, *map(str, words), "--json"]
        done = subprocess.run(
            argv, capture_output=True, text=True, env=results_trackers.environ(Path(folder))
        )
    if done.returncode:
        raise RuntimeError(f"{module}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.results", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {min(unknown)!r}")
    figures = []
    for name in given.parts or PARTS:
        for figure in PARTS[name](given.repetitions, 100 if given.small else 1):
            shown = table.spread(figure.ours, figure.unit)
            print(f"{figure.name}: {shown}", file=sys.stderr, flush=True)
            figures.append(figure)
    print(table.written(figures, given.json))
    return 0


if __name__ == "__main__":
    sys.exit(main())
