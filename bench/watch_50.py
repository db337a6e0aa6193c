"""What fifty runs at once cost a server: their supervisors and the watch, while the laptop is away.

Each training sleeps and prints a line every ten seconds, so that what is measured is ours.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

from bench import node_cost, table, trainings
from overnight.app import Overnight, launching, steering

RUNS = 50
OBSERVED_S = 20.0
SETTLE_S = 5.0
LIMIT_CPU_PERCENT = 5.0
LIMIT_RSS_MIB = 15.0

TRAIN = """\
import time

for step in range(10**9):
    print(f"step {step}/1000000 loss {1 / (step + 1):.4f}", flush=True)
    time.sleep(10)
"""


def measured(runs: int, seconds: float) -> dict[str, float]:
    """cpu_percent of one core, all our processes together; rss_mib of the largest of them."""
    with trainings.project(TRAIN) as o:
        names = [f"train{number:02d}" for number in range(1, runs + 1)]
        try:
            for name in names:
                launching.run(o, name, "local", [], 0, with_smoke=False)
            o.server("local").close()
            return observed(pids(o, names), seconds)
        finally:
            for name in names:
                steering.stop(o, name, "local")


def pids(o: Overnight, names: list[str]) -> list[int]:
    records = [trainings.run_folder(o, name) / "supervisor.json" for name in names]
    return [node_cost.watch_pid(o), *(int(json.loads(each.read_text())[1]) for each in records)]


def observed(ours: list[int], seconds: float) -> dict[str, float]:
    time.sleep(SETTLE_S)
    before = sum(node_cost.cpu_s(pid) for pid in ours)
    began = time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - began
    used_s = sum(node_cost.cpu_s(pid) for pid in ours) - before
    return {
        "processes": len(ours),
        "cpu_percent": round(100 * used_s / took_s, 2),
        "rss_mib": max(node_cost.memory_mib(pid)["rss_mib"] for pid in ours),
    }


def figures(repetitions: int) -> Iterator[table.Figure]:
    """One stretch of time, however many `repetitions`."""
    cost = measured(RUNS, OBSERVED_S)
    yield table.Figure(
        name=f"CPU of {RUNS} supervisors and the watch",
        unit="%",
        ours=[cost["cpu_percent"]],
        target=LIMIT_CPU_PERCENT,
    )
    yield table.Figure(
        name=f"memory of the largest of them ({RUNS} runs)",
        unit="MiB",
        ours=[cost["rss_mib"]],
        target=LIMIT_RSS_MIB,
    )


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]) if sys.argv[1:] else RUNS, OBSERVED_S)))
