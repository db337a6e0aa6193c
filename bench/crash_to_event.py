"""From the crash of a training until `overnight events --follow` has printed it on the laptop.

The training prints the time and ends with exit code 1. Laptop and server are one machine, so both
ends are read from one clock.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

from bench import rig, run_start, table

ALLOWANCE_MS = 500
PATIENCE_S = 30
TRAIN = """\
import os
import time

print("loading the data", flush=True)
time.sleep(1)
print(time.time(), flush=True)
os._exit(1)
"""
Seen = SimpleQueue[tuple[float, dict[str, object]]]


def measure(on: rig.Rig, rtts_ms: tuple[int, ...], repetitions: int) -> Iterator[table.Figure]:
    project = on.project("crash", files=5, train=TRAIN)
    for rtt_ms in rtts_ms:
        on.close_ours()
        on.host.delay(rtt_ms)
        crash(on, project)  # so that the mirror knows of a run, and the connection is open
        with following(on, project) as seen:
            took_ms = [once(on, project, seen) for _ in range(repetitions)]
        yield table.Figure(
            name=f"crash until `events --follow` prints it, {rtt_ms} ms",
            unit="ms",
            ours=took_ms,
            target=rtt_ms + ALLOWANCE_MS,
        )


def crash(on: rig.Rig, project: Path) -> str:
    """Starts a run that will crash a second later; its name."""
    run_start.edit(project)
    said = on.overnight(project, "run", "--no-smoke", "--json")
    return str(json.loads(said)["run"])


def once(on: rig.Rig, project: Path, seen: Seen) -> float:
    run = crash(on, project)
    while True:
        at, event = seen.get(timeout=PATIENCE_S)
        if event["run"] == run and event["type"] == "attempt_ended":
            return 1000 * (at - died_at(on, run))


def died_at(on: rig.Rig, run: str) -> float:
    log = on.host.home / run_start.RUNS / run / "attempts" / "1" / "output.log"
    return float(log.read_text().split()[-1])


@contextlib.contextmanager
def following(on: rig.Rig, project: Path) -> Iterator[Seen]:
    """The events that `events --follow` prints, each with the time at which its line came."""
    seen: Seen = SimpleQueue()
    argv = [rig.OVERNIGHT, "events", "--follow", "--json"]
    with subprocess.Popen(
        argv, env=on.environ, cwd=project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        reader = threading.Thread(target=read, args=(process, seen))
        reader.start()
        try:
            yield seen
        finally:
            process.terminate()
            reader.join()


def read(process: subprocess.Popen[bytes], seen: Seen) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        seen.put((time.time(), json.loads(line)))
