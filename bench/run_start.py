"""From a changed file to the first line that the training prints on the server's disk.

Ours is `overnight run --no-smoke`. The peer is the recipe that people type by hand: rsync of the
project, then `ssh … tmux new-session -d`. The first line is the time at which it was printed;
laptop and server are one machine, so both ends are read from one clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from bench import pairs, rig, table
from tests import waiting

FILES = 60
PEER = "rsync, ssh tmux"
TARGET = 1.0
TARGET_RTT_MS = 75
TRAIN = """\
import time

print(time.time(), flush=True)
time.sleep(0.5)
"""
RUNS = "overnight/projects/bench/runs"


def measure(on: rig.Rig, rtts_ms: tuple[int, ...], repetitions: int) -> Iterator[table.Figure]:
    project = on.project("run-start", files=FILES, train=TRAIN)
    on.host.sh("tmux new-session -d -s theirs")  # who works in tmux has a server running
    for rtt_ms in rtts_ms:
        for warm in (False, True):
            on.close_ours()
            on.close_theirs()
            on.host.delay(rtt_ms)
            yield figure(on, project, rtt_ms, repetitions, warm=warm)


def figure(
    on: rig.Rig, project: Path, rtt_ms: int, repetitions: int, *, warm: bool
) -> table.Figure:
    ours, theirs = pairs.alternate(
        repetitions,
        lambda number: ours_ms(on, project, number, warm=warm),
        lambda number: recipe_ms(on, project, number, warm=warm),
    )
    how = "open connection" if warm else "fresh login"
    return table.Figure(
        name=f"run until its first line, {how}, {rtt_ms} ms",
        unit="ms",
        ours=ours,
        peer_name=PEER,
        peer=theirs,
        target=TARGET if rtt_ms == TARGET_RTT_MS else None,
    )


def edit(project: Path) -> None:
    """The small change that somebody makes between two runs."""
    with (project / "part0" / "module1.py").open("a") as module:
        module.write(f"# {time.time_ns()}\n")


def ours_ms(on: rig.Rig, project: Path, number: int, *, warm: bool) -> float:
    if not warm:
        on.close_ours()
    on.wait_for_quiet()
    edit(project)
    began = time.time()
    said = on.overnight(project, "run", "--no-smoke", "--json")
    log = on.host.home / RUNS / json.loads(said)["run"] / "attempts" / "1" / "output.log"
    return 1000 * (first_line(log) - began)


def recipe_ms(on: rig.Rig, project: Path, number: int, *, warm: bool) -> float:
    config = str(on.mux if warm else on.fresh)
    edit(project)
    log = f"{time.time_ns()}.log"
    began = time.time()
    shell = f"ssh -F {config}"
    copy = ["rsync", "-az", "--exclude=.git", "-e", shell, f"{project}/", "h1:recipe/"]
    rig.output(copy, on.environ, project)
    start = (
        f"tmux new-session -d -s {log[:-4]} 'cd recipe && exec python3 train.py > ../{log} 2>&1'"
    )
    rig.output(["ssh", "-F", config, "h1", start], on.environ, project)
    return 1000 * (first_line(on.host.home / log) - began)


def first_line(log: Path) -> float:
    text = waiting.wait_until(lambda: log.exists() and log.read_text(), what=f"output in {log}")
    return float(str(text).split()[0])
