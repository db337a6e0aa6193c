"""The first process of a job, with real forks and signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from overnight.node import journal, layout, processes
from overnight.node.slurm import guard
from tests.waiting import wait_until

GUARD = """
import os, signal, sys, time
from overnight.node import layout
from overnight.node.slurm import guard
guard.PAUSE_S = 0.01
run = layout.run(sys.argv[1], "project", "train01")
notes = sys.argv[2]

def note(text):
    with open(notes, "a") as file:
        file.write(text + "\\n")

def supervise():
    times = open(notes).read().count("begins") if os.path.exists(notes) else 0
    told = []
    signal.signal(signal.SIGUSR2, lambda *_: told.append("USR2"))
    signal.signal(signal.SIGTERM, lambda *_: told.append("TERM"))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, guard.PASSED_ON)
    note("begins")
    HOW
    note("ends")

guard.watch_over(run, supervise)
note("over")
"""
WAIT = "while not told: time.sleep(0.01)\n    note(told[0])"


@pytest.fixture
def run(tmp_path: Path) -> layout.Run:
    made = layout.run(str(tmp_path), "project", "train01")
    Path(made.folder).mkdir(parents=True)
    journal.append(made, "created")
    journal.append(made, "attempt_started", variant=0, label="", gpus=[])
    return made


class Guarded:
    def __init__(self, run: layout.Run, how: str) -> None:
        self.notes = Path(run.root) / "notes"
        script = GUARD.replace("HOW", how)
        argv = [sys.executable, "-c", script, run.root, str(self.notes)]
        self.process = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": "src"})

    def lines(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def end(self) -> list[str]:
        assert self.process.wait(timeout=20) == 0
        return self.lines()


def test_a_supervisor_that_ends_well_ends_the_job(run: layout.Run) -> None:
    assert Guarded(run, "pass").end() == ["begins", "ends", "over"]


def test_one_that_dies_is_started_again(run: layout.Run) -> None:
    how = "times or os.kill(os.getpid(), signal.SIGKILL)"
    assert Guarded(run, how).end() == ["begins", "begins", "ends", "over"]


def test_one_that_always_dies_is_given_up(run: layout.Run) -> None:
    assert Guarded(run, "raise ValueError").end() == ["begins"] * guard.MOST_DEATHS + ["over"]


def test_one_of_a_run_that_has_ended_is_not_started_again(run: layout.Run) -> None:
    journal.append(run, "finished", reason="")
    assert Guarded(run, "os.kill(os.getpid(), signal.SIGKILL)").end() == ["begins", "over"]


@pytest.mark.parametrize("name", ["USR2", "TERM"])
def test_what_slurm_tells_the_job_reaches_the_supervisor(run: layout.Run, name: str) -> None:
    guarded = Guarded(run, WAIT)
    wait_until(lambda: "begins" in guarded.lines(), what="the supervisor")
    guarded.process.send_signal(getattr(signal, f"SIG{name}"))
    assert guarded.end() == ["begins", name, "ends", "over"]


def test_nothing_of_the_attempt_is_left_behind(run: layout.Run) -> None:
    """Where Slurm does not track processes, nobody else would end it."""
    marker = {**os.environ, layout.MARKER: run.attempt(1)}
    with subprocess.Popen(["sleep", "600"], env=marker, start_new_session=True) as left:
        try:
            wait_until(lambda: processes.of_attempt(run.attempt(1)), what="the process")
            Guarded(run, "pass").end()
            assert left.wait(timeout=5) == -signal.SIGTERM
        finally:
            left.kill()
