"""`job ROOT PROJECT RUN NAME`: what a batch script of Slurm's becomes on its first node.

Claims the run, so that of two jobs of the same submission one leaves at once, then sees to it that
the run is supervised as `supervise` does elsewhere.
"""

from __future__ import annotations

import os
import sys
import time

from overnight.node import layout
from overnight.node.slurm import guard, records

SILENCE_S = 3.0  # a supervisor that lives gives a sign each second
LONGEST_WAIT_S = 600.0


def main(root: str, project: str, name: str, job_name: str) -> None:
    run = layout.run(layout.expand_root(root), project, name)
    talk_into(run.file("supervisor.log"))
    known = records.read(run)
    if known is None or known.name != job_name:
        sys.exit(say(f"the run {name} is not for the job {job_name} any more"))
    node = os.environ.get("SLURMD_NODENAME") or os.uname().nodename
    seat = records.seat_of(os.environ, node)
    before = records.owner_of(run, known.n) or records.owner_of(run, known.n - 1)
    if not records.claim(run, known.n, seat):
        say(f"another job runs {name}: {records.owner_of(run, known.n)}")
        return
    if before is not None and before.node != node:
        wait_for_silence(run, seat, known.n)
    guard.watch_over(run, lambda: supervise(run, known.n, seat))


def supervise(run: layout.Run, n: int, seat: records.Seat) -> None:
    from overnight.node.slurm import inside  # only its own process has to hold it

    inside.supervise(run, n, seat)


def talk_into(path: str) -> None:
    """Of an array all elements have the same batch script, and each run its own log."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def say(text: str) -> str:
    """Into the job's output, which is the run's supervisor.log."""
    print(f"overnight: {text}", flush=True)
    return text


def wait_for_silence(run: layout.Run, seat: records.Seat, n: int) -> None:
    """A node that Slurm has lost may still compute, cut off from Slurm but not from the disk.

    Its supervisor sees our claim and ends; until then its attempt shows signs of life.
    """
    deadline = time.monotonic() + LONGEST_WAIT_S
    seen, since = beats(run), time.monotonic()
    while time.monotonic() - since < SILENCE_S and time.monotonic() < deadline:
        time.sleep(0.2)
        if beats(run) != seen:
            seen, since = beats(run), time.monotonic()
        if not records.holds(run, n, seat):
            return


def beats(run: layout.Run) -> list[tuple[int, int]]:
    found = []
    for number in layout.names(run.file("attempts")):
        records.look_anew(run.attempt(int(number)) if number.isdigit() else run.folder)
        try:
            stat = os.stat(run.attempt(int(number), "heartbeat"))
        except (OSError, ValueError):
            continue
        found.append((stat.st_mtime_ns, stat.st_ino))
    return found
