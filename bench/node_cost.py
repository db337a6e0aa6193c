"""What the node costs a server: memory and CPU of a supervisor and of the watch.

The training prints ten lines a second; the laptop is away, as it is at night.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bench import trainings
from overnight.app import Overnight, launching, steering

SETTLE_S = 5.0
LIMIT_RSS_MIB = 15.0
LIMIT_CPU_PERCENT = 0.3

TRAIN = """\
import sys
import time

began = time.monotonic()
for step in range(10**9):
    print(f"step {step}/1000000 loss {1 / (step + 1):.4f} lr 0.001", flush=True)
    time.sleep(max(0.0, began + (step + 1) / 10 - time.monotonic()))
"""


def measure(seconds: float) -> dict[str, dict[str, float]]:
    """For `supervisor` and `watch`: rss_mib (at the end), peak_rss_mib, cpu_percent of a core."""
    with trainings.project(TRAIN) as o:
        launching.run(o, "train01", "local", [], 0, with_smoke=False)
        o.server("local").close()
        try:
            pids = {"supervisor": supervisor_pid(o), "watch": watch_pid(o)}
            return observe(pids, seconds)
        finally:
            steering.stop(o, "train01", "local")


def supervisor_pid(o: Overnight) -> int:
    record = trainings.run_folder(o, "train01") / "supervisor.json"
    return int(json.loads(record.read_text())[1])


def watch_pid(o: Overnight) -> int:
    (pid,) = trainings.processes_naming(["watch", str(trainings.root_of(o.root))])
    return pid


def observe(pids: dict[str, int], seconds: float) -> dict[str, dict[str, float]]:
    time.sleep(SETTLE_S)
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    began = time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - began
    return {
        name: {
            **memory_mib(pid),
            "cpu_percent": round(100 * (cpu_s(pid) - before[name]) / took_s, 3),
        }
        for name, pid in pids.items()
    }


def cpu_s(pid: int) -> float:
    """Seconds on a CPU, to the nanosecond (proc(5): the first figure of schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def memory_mib(pid: int) -> dict[str, float]:
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return {
        "rss_mib": round(int(fields["VmRSS"].split()[0]) / 1024, 2),
        "peak_rss_mib": round(int(fields["VmHWM"].split()[0]) / 1024, 2),
    }


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]) if sys.argv[1:] else 60.0)))
