"""A run has one job, whatever becomes of sbatch's answer; a refusal leaves nothing behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.node import states
from overnight.node.slurm import records
from tests.integration.slurm.world import World
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("slurm")
LATER = 'options = ["--begin=now+1hour"]'


def test_two_launches_at_once_are_one_job(world: World) -> None:
    """Two laptops launch the same run: it is submitted once and runs once."""
    words = ("run", "train01", "--server", "cluster", "--gpus", "1", "--no-smoke", "--")
    laptops = [world.cli(*words, *world.training()) for _ in range(2)]
    for each in laptops:
        said = each.communicate(timeout=120)
        assert each.returncode == 0, said
    assert world.wait("train01").state == states.FINISHED, world.told("train01")
    assert world.starts() == ["starts after 0 batch 64 x 1"]
    assert len(world.jobs("train01")) == 1


def test_a_lost_answer_of_sbatch_is_found_by_the_jobs_name(world: World) -> None:
    """The submission was written down, the job exists, and its number was never noted."""
    world.set_up(slurm=LATER)
    world.launch("train01")
    job = world.job("train01")
    run = world.run("train01")
    known = records.read(run)
    assert known is not None
    records.write(run, known._replace(job="", tries=0, asking=None))
    assert world.job("train01") == job
    assert world.jobs("train01") == [job]


def test_a_submission_that_never_reached_slurm_is_made_again(world: World) -> None:
    """The power went between the record and sbatch: nobody has a job of that name."""
    world.set_up(slurm=LATER)
    world.launch("train01")
    first = world.job("train01")
    world.cluster.sh("scancel", first)
    run = world.run("train01")
    known = records.read(run)
    assert known is not None
    records.write(run, known._replace(job="", name="train01.neverseen", tries=0))
    wait_until(lambda: world.job("train01") != first)
    assert world.jobs("train01.neverseen") == [world.job("train01")]


def test_a_second_job_of_the_same_submission_leaves_at_once(world: World) -> None:
    """Slurm has taken it twice: the first to start claims the run, the other touches nothing."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    name = records.read(world.run("train01")).name  # type: ignore[union-attr]
    script = records.folder(world.run("train01"), "batch.sh")
    double = world.cluster.sh("sbatch", "--parsable", f"-J{name}", "-o/dev/null", script).strip()
    wait_until(lambda: world.cluster.jobs().get(double) == "COMPLETED", what="the double's end")
    world.open_gate(2)
    assert world.wait("train01").state == states.FINISHED, world.told("train01")
    assert world.starts() == ["starts after 0 batch 64 x 1"]
    assert "another job runs train01" in world.talk("train01")


@pytest.mark.parametrize(
    ("slurm", "gpus", "said"),
    [
        ('partition = "nope"', 1, "Invalid partition name specified"),
        ("nodes = 1", 5, "Requested node configuration is not available"),
        ('options = ["--mem=99G"]', 1, "Memory specification can not be satisfied"),
        ('options = ["--constraint=h100"]', 1, "Invalid feature specification"),
        ('options = ["--gres=tpu:1"]', 1, "Invalid generic resource (gres) specification"),
        ('options = ["--no-such-thing"]', 1, "unrecognized option '--no-such-thing'"),
    ],
)
def test_a_refusal_says_why_and_leaves_no_run(
    world: World, slurm: str, gpus: int, said: str
) -> None:
    world.set_up(slurm=slurm)
    with pytest.raises(errors.ServerError) as refused:
        world.launch("train01", gpus=gpus)
    assert refused.value.code == "slurm_refused"
    assert said in refused.value.message
    assert world.run_names() == []


def test_the_name_of_a_refused_run_is_free(world: World) -> None:
    world.set_up(slurm='partition = "nope"')
    with pytest.raises(errors.ServerError):
        world.launch("train01")
    world.set_up()
    world.launch("train01")
    assert world.wait("train01").state == states.FINISHED, world.told("train01")


def test_without_slurms_commands_the_launch_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        with pytest.raises(errors.ServerError, match="no sbatch in the PATH"):
            world.launch("train01")
    assert world.run_names() == []


def test_a_controller_that_is_away_gets_the_run_when_it_is_back(world: World) -> None:
    """The launch stands, says what is wrong, and is submitted once."""
    world.cluster.stop("slurmctld")
    try:
        world.launch("train01")
        row = world.row("train01", lambda row: bool(row["reason"]))
        assert row["state"] == states.QUEUED
        assert row["reason"].startswith("Slurm does not answer yet: ")
    finally:
        world.cluster.start_controller()
    assert world.wait("train01", timeout_s=60).state == states.FINISHED, world.told("train01")
    assert len(world.jobs("train01")) == 1


def test_a_job_that_was_taken_although_sbatch_timed_out_is_not_submitted_again(
    world: World, programs: Path
) -> None:
    """It says so, and Slurm has the job all the same."""
    sbatch = shutil.which("sbatch")
    timed_out = (
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
    )
    put(programs / "sbatch", f'{sbatch} "$@" >/dev/null; echo "{timed_out}" >&2; exit 1')
    world.launch("train01")
    assert world.wait("train01").state == states.FINISHED, world.told("train01")
    assert world.starts() == ["starts after 0 batch 64 x 1"]
    assert len(world.jobs("train01")) == 1


def test_a_refusal_of_a_later_job_ends_the_run_with_the_reason(
    world: World, programs: Path
) -> None:
    """Nobody is there to hear it, so it stands in the run's records."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    put(programs / "sbatch", "echo 'sbatch: error: Invalid account' >&2; exit 1")
    world.cluster.kill_processes(world.node("train01"))
    view = world.wait("train01", timeout_s=60)
    assert (view.state, view.reason) == (states.FAILED, "Slurm refused it: Invalid account")
    assert world.state("train01").open_attempt is None
    (programs / "sbatch").unlink()
    world.open_gate(2)
    world.resume("train01")
    assert world.wait("train01").state == states.FINISHED, world.told("train01")
    assert world.starts()[1:] == ["starts after 1 batch 64 x 1"]


def test_a_squeue_that_fails_leaves_the_question_to_scontrol(world: World, programs: Path) -> None:
    put(programs / "squeue", "echo 'slurm_load_jobs error: Socket timed out' >&2; exit 1")
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    world.cluster.sh("scancel", world.job("train01"))
    view = world.wait("train01", timeout_s=60)
    assert view.state == states.STOPPED
    assert view.reason == f"Slurm job {world.job('train01')} was cancelled"


@pytest.fixture
def programs(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose programs are found before Slurm's."""
    folder = world.folder / "programs"
    folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        yield folder


def put(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
