"""A run's life in a Slurm job: the same records, repairs and stops as anywhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from overnight.node import states
from tests.integration.slurm.world import World

pytestmark = pytest.mark.xdist_group("slurm")


def test_a_run_finishes_in_a_job(world: World) -> None:
    """Submitted, run on a node with one of its GPUs, and ended with all records."""
    world.launch("train01")
    view = world.wait("train01")
    assert view.state == states.FINISHED, world.told("train01")
    assert world.starts() == ["starts after 0 batch 64 x 1"]
    attempt = Path(world.run("train01").attempt(1))
    record = json.loads((attempt / "exit.json").read_text())
    assert record["exit_code"] == 0
    assert record["progress"]["epoch"] == 3
    variables = json.loads((attempt / "variables.json").read_text())
    assert variables["SLURM_JOB_ID"] == world.job("train01")
    assert variables["CUDA_VISIBLE_DEVICES"] == "0"
    assert world.wait_for_job("train01", "COMPLETED") is None


def test_a_crash_is_repaired_inside_of_the_job(world: World) -> None:
    """Killed while it wrote a checkpoint, it goes on from the one before, in the same job."""
    world.launch("train01", "--torn", "2")
    assert world.wait("train01").state == states.FINISHED, world.told("train01")
    assert world.starts() == ["starts after 0 batch 64 x 1", "starts after 1 batch 64 x 1"]
    assert [each["class"] for each in world.state("train01").repairs] == ["preempted"]
    assert len(world.jobs("train01")) == 1


def test_a_waiting_run_says_why_and_is_stopped_at_once(world: World) -> None:
    """Its row has Slurm's reason; the stop takes the job out of the queue."""
    world.set_up(slurm='options = ["--begin=now+1hour"]')
    world.launch("train01")
    job = world.job("train01")
    row = world.row("train01", lambda row: "waits" in row["reason"])
    assert row["state"] == states.QUEUED
    assert row["reason"] == f"Slurm job {job} waits: Slurm does not let it begin yet (BeginTime)"
    (told,) = json.loads(world.typed("status", "--json"))["servers"][0]["runs"]
    assert told["slurm"] == {"job": job, "state": "PENDING", "reason": "BeginTime", "nodes": ""}
    world.stop("train01")
    assert world.state("train01").state == states.STOPPED
    assert world.cluster.jobs()[job] == "CANCELLED"
    assert world.starts() == []


def test_a_running_run_is_stopped_by_its_supervisor(world: World) -> None:
    """The wish is a file on the shared disk; the job ends by itself, with its records."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    world.stop("train01")
    world.wait_for_state("train01", lambda state: state.state == states.STOPPED)
    assert world.state("train01").attempts[0].signal == 15
    world.wait_for_job("train01", "COMPLETED")


def test_a_stopped_run_is_resumed_in_a_new_job(world: World) -> None:
    """The wish is over with it; another job goes on from the checkpoint."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    world.stop("train01")
    world.wait_for_state("train01", lambda state: state.state == states.STOPPED)
    first = world.job("train01")
    world.open_gate(2)
    world.resume("train01")
    assert world.wait("train01").state == states.FINISHED, world.told("train01")
    assert world.job("train01") != first
    assert world.starts()[1:] == ["starts after 1 batch 64 x 1"]


def test_the_smoke_test_is_a_job_of_its_own(world: World) -> None:
    """It is judged as elsewhere and leaves no folder."""
    verdict = world.smoke()
    assert verdict.passed, verdict
    assert world.jobs("smoke-")
    assert not [each for each in world.run_names() if each.startswith("smoke-")]


def test_a_run_that_follows_another_is_submitted_after_it(world: World) -> None:
    """Until then it has no job, and says what it waits for."""
    world.launch("first", "--gate", "2")
    world.wait_for_line("epoch 1")
    world.launch_many(["second"], queue={"after": ["first"]})
    row = world.row("second", lambda row: bool(row["reason"]))
    assert row["reason"] == "it follows first, which is running"
    world.open_gate(2)
    assert world.wait("second", timeout_s=60).state == states.FINISHED, world.told("second")
    assert world.state("first").changed_at < world.state("second").attempts[0].started_at


def test_doctor_sees_the_cluster(world: World) -> None:
    found = json.loads(world.typed("doctor", "cluster", "--json"))["findings"]
    by_check = {each["check"]: each for each in found}
    assert by_check["slurm"]["text"] == "Slurm 22.05 answers"
    assert by_check["partition"]["text"] == "gpu, with GPUs, at most 1:00:00 for a job"
    assert "Slurm accounting storage is disabled" in by_check["accounts"]["text"]
    assert "shared disk" in by_check


def test_the_queue_of_a_cluster_is_shown(world: World) -> None:
    """What waits there, with Slurm's reasons, and what runs."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    world.set_up(slurm='options = ["--begin=now+1hour"]')
    world.launch("train02")
    world.row("train02", lambda row: "waits" in row["reason"])
    (told,) = json.loads(world.typed("queue", "--json"))["servers"]
    assert [each["run"] for each in told["running"]] == ["train01"]
    (waits,) = told["waiting"]
    assert (waits["run"], waits["starts_at"]) == ("train02", None)
    assert waits["reason"].endswith("Slurm does not let it begin yet (BeginTime)")
    assert "Slurm's queue; 1 running, 1 waiting" in world.typed("queue")
