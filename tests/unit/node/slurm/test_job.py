"""A job that takes a run over from another node waits until that one is silent."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from overnight.node import job, layout
from overnight.node.slurm import records
from tests.waiting import wait_until

MINE = records.Seat("7", 1, "n2")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> layout.Run:
    monkeypatch.setattr(job, "SILENCE_S", 1.5)
    made = layout.run(str(tmp_path), "project", "train01")
    Path(made.attempt(1)).mkdir(parents=True)
    records.claim(made, 1, MINE)
    return made


def test_a_silent_node_is_not_waited_for_long(run: layout.Run) -> None:
    job.wait_for_silence(run, MINE, 1)


def test_a_node_that_lives_is_waited_for(run: layout.Run) -> None:
    """Its heartbeats are the signs; the wait ends after the last of them."""
    over = threading.Event()

    def wait() -> None:
        job.wait_for_silence(run, MINE, 1)
        over.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    beats = 0

    def beat() -> bool:
        nonlocal beats
        Path(run.attempt(1, "heartbeat")).write_text(str(time.monotonic_ns()))
        beats += 1
        assert not over.is_set()
        return beats >= 20

    wait_until(beat, interval_s=0.05)
    waiter.join(timeout=20)
    assert over.is_set()


def test_a_job_that_lost_the_run_meanwhile_does_not_wait(run: layout.Run) -> None:
    records.claim(run, 1, MINE._replace(restart=2))
    Path(run.attempt(1, "heartbeat")).write_text("1")
    job.wait_for_silence(run, MINE, 1)


def test_a_job_of_another_submission_leaves(
    run: layout.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so in the run's log, and exits as one that has failed."""
    records.write(run, records.Submission(1, "train01.ab"))
    monkeypatch.setattr(job, "talk_into", lambda path: None)
    monkeypatch.setenv("SLURM_JOB_ID", "9")
    with pytest.raises(SystemExit, match=r"train01 is not for the job train01\.old any more"):
        job.main(run.root, "project", "train01", "train01.old")
