"""What the queue of a server costs, and how soon it acts: many runs submitted at once, a watch over
runs that go on and runs that wait, and a place that comes free until the next run's process.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench import node_cost, table, trainings
from overnight.app import Overnight, launching
from overnight.core import spec
from overnight.node import layout, shim
from overnight.ports import Request
from overnight.train import launch

SUBMITTED = 1000
SUBMIT_LIMIT_S = 5.0
WAITING, RUNNING = 200, 50
OBSERVED_S = 30.0
SETTLE_S = 12.0
WATCH_LIMIT_PERCENT = 2.0
NEXT_LIMIT_S = 2.0
ATTEMPTS = 10

TRAIN = """\
import time

for step in range(10**9):
    print(f"step {step}/1000000 loss {1 / (step + 1):.4f}", flush=True)
    time.sleep(10)
"""
SHORT = """\
import time

time.sleep(1.0)
with open("ended", "w") as file:
    file.write(str(time.clock_gettime(time.CLOCK_BOOTTIME)))
"""


def figures(repetitions: int) -> Iterator[table.Figure]:
    yield table.Figure(
        name=f"{SUBMITTED} runs submitted to a server's queue",
        unit="s",
        ours=[submitted_s(SUBMITTED) for _ in range(min(3, repetitions))],
        target=SUBMIT_LIMIT_S,
    )
    yield table.Figure(
        name=f"CPU of the watch over {RUNNING} runs and {WAITING} that wait",
        unit="%",
        ours=[watch_percent()],
        target=WATCH_LIMIT_PERCENT,
    )
    yield table.Figure(
        name="a place comes free until the next run's process exists",
        unit="ms",
        ours=[1000 * each for each in until_next_s(repetitions)],
        target=1000 * NEXT_LIMIT_S,
    )


def submitted_s(number: int) -> float:
    with trainings.project(TRAIN, slots=1) as o:
        specs = wanted(o, number)
        began = time.monotonic()
        launch.launch_many(o.server("local"), specs, {}, None)
        took_s = time.monotonic() - began
        stop(o, [each.run for each in specs])
    return took_s


def wanted(o: Overnight, number: int) -> list[spec.RunSpec]:
    """Specs of so many runs, with the code on the server and the node at work."""
    plan = launching.prepared(o, "local", [], 0)
    synced = launching.sync(o, "local")
    one = replace(plan.spec, snapshot=synced.pushed.snapshot)
    return [replace(one, run=f"r{n:04d}", launch_id=str(n)) for n in range(number)]


def stop(o: Overnight, names: Sequence[str]) -> None:
    """The last first, so that none of them starts because another one was stopped."""
    asks = [
        Request("stop", {"project": o.project, "run": name, "by": "bench"})
        for name in reversed(names)
    ]
    for _ in o.server("local").call_many(asks, timeout_s=120.0):
        pass
    wait_for(lambda: not active(o), "the runs to end")


def active(o: Overnight) -> bool:
    queue = trainings.root_of(o.root) / "queue" / "bench"
    return queue.is_dir() and any(each.suffix == ".json" for each in queue.iterdir())


def watch_percent() -> float:
    with trainings.project(TRAIN, slots=RUNNING) as o:
        specs = wanted(o, RUNNING + WAITING)
        launch.launch_many(o.server("local"), specs, {}, None)
        wait_for(lambda: started(o) >= RUNNING, "the runs to start")
        o.server("local").close()
        try:
            time.sleep(SETTLE_S)
            pid = node_cost.watch_pid(o)
            before, began = node_cost.cpu_s(pid), time.monotonic()
            time.sleep(OBSERVED_S)
            used_s = node_cost.cpu_s(pid) - before
            return round(100 * used_s / (time.monotonic() - began), 2)
        finally:
            stop(o, [each.run for each in specs])


def started(o: Overnight) -> int:
    runs = trainings.root_of(o.root) / "projects" / "bench" / "runs"
    return sum((each / "attempts" / "1" / "heartbeat").exists() for each in runs.iterdir())


def until_next_s(number: int) -> list[float]:
    """Between the last moment of each run's process and the start of the next one's."""
    with trainings.project(SHORT, slots=1) as o:
        specs = wanted(o, number + 1)
        launch.launch_many(o.server("local"), specs, {}, None)
        wait_for(lambda: not active(o), "the runs to end")
        root = str(trainings.root_of(o.root))
        runs = [layout.run(root, "bench", each.run) for each in specs]
        return [
            started_at(after) - float(Path(before.work, "ended").read_text())
            for before, after in itertools.pairwise(runs)
        ]


def started_at(run: layout.Run) -> float:
    """When its first process began; an attempt that never did so has none."""
    commands = (shim.command(run.attempt(number)) for number in range(1, ATTEMPTS))
    ticks = next(command.start_ticks for command in commands if command is not None)
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_for(condition: object, what: str, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    assert callable(condition)
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited for {what}")
        time.sleep(0.1)
