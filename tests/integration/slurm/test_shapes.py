"""Runs that are more than one process on one node: arrays for sweeps, and jobs of several nodes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from overnight.node import states
from tests.integration.slurm.world import World
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("slurm-ends")
WHO = (
    'import os; print("I am", *(os.environ[name] for name in '
    '"RANK WORLD_SIZE LOCAL_RANK NODE_RANK NNODES MASTER_ADDR MASTER_PORT".split()), flush=True)'
)


def test_many_runs_are_one_array(world: World) -> None:
    """One submission, so many at once as was said, each run with its own records."""
    world.set_up(slurm='time = "10", max_jobs = 2')
    names = [f"seed{number}" for number in range(4)]
    told = world.launch_many(names, "--gate", "2")
    assert [(each.run, each.error) for each in told] == [(name, None) for name in names]
    jobs = {name: world.job(name) for name in names}
    assert {job.partition("_")[0] for job in jobs.values()} == {jobs["seed0"].partition("_")[0]}
    world.wait_for_line("epoch 1", count=2)
    row = world.row("seed2", lambda row: "as many jobs" in row["reason"])
    assert row["state"] == states.QUEUED
    world.stop("seed3")
    assert world.state("seed3").state == states.STOPPED
    world.cluster.sh("scontrol", "requeue", jobs["seed0"])
    world.open_gate(2)
    for name in names[:3]:
        assert world.wait(name, timeout_s=60).state == states.FINISHED, world.told(name)
    assert world.launch_many(names, "--gate", "2")[0].existed
    array = jobs["seed0"].partition("_")[0]
    assert {job.partition("_")[0] for job in world.jobs("seed0.")} == {array}


def test_an_array_that_is_refused_leaves_no_run(world: World) -> None:
    world.set_up(slurm='partition = "nope"')
    told = world.launch_many(["seed0", "seed1"])
    assert [each.error.code for each in told if each.error] == ["slurm_refused"] * 2  # type: ignore[attr-defined]
    assert world.run_names() == []


def test_a_job_of_two_nodes_runs_the_command_on_both(world: World) -> None:
    """Each task knows its rank and where the first is; their output is kept apart and together."""
    world.set_up(slurm='time = "10", nodes = 2')
    world.launch("train01", argv=["python3", "-c", WHO])
    assert world.wait("train01").state == states.FINISHED, world.told("train01")
    folder = Path(world.run("train01").attempt(1))
    said = [(folder / "ranks" / f"task_rank{rank}.log").read_text().split() for rank in (0, 1)]
    assert [words[2:7] for words in said] == [
        ["0", "2", "0", "0", "2"],
        ["1", "2", "0", "1", "2"],
    ]
    assert {words[7] for words in said} == {os.uname().nodename}
    assert len({words[8] for words in said}) == 1
    together = (folder / "output.log").read_text()
    assert "0: I am 0 2" in together
    assert "1: I am 1 2" in together
    assert world.typed("logs", "train01", "--rank", "1").startswith("I am 1 2")


def test_one_rank_that_fails_ends_the_others_and_is_found(world: World) -> None:
    """The root is the rank that crashed, not those that srun ended."""
    world.set_up(slurm='time = "10", nodes = 2')
    crash = (
        "import os, time\n"
        "if os.environ['RANK'] == '1': raise FileNotFoundError(2, 'No such file', '/data/x.jpg')\n"
        "time.sleep(600)\n"
    )
    world.launch_expecting_failure("train01", ["python3", "-c", crash])
    failure = world.state("train01").failure
    assert failure is not None
    assert failure["class"] == "missing_file", world.told("train01")


def test_a_stop_reaches_every_node(world: World) -> None:
    world.set_up(slurm='time = "10", nodes = 2')
    wait = "import time; print('up', flush=True); time.sleep(600)"
    world.launch("train01", argv=["python3", "-c", wait])
    wait_until(lambda: world.said("train01").count("up") == 2, what="both tasks")
    world.stop("train01")
    world.wait_for_state("train01", lambda state: state.state == states.STOPPED)
    world.wait_for_job("train01", "COMPLETED")


def test_the_gpus_are_those_of_the_job(world: World) -> None:
    world.launch("train01", argv=["python3", "-c", "print(1)"], gpus=2)
    world.wait("train01")
    variables = json.loads(Path(world.run("train01").attempt(1, "variables.json")).read_text())
    assert variables["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert variables["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_a_sweep_is_an_array_with_one_smoke_test_of_each_kind(world: World) -> None:
    """By the command line: tested, submitted together, and its table is there at the end."""
    world.set_up(slurm='time = "10", max_jobs = 2')
    command = ["--", *world.training("--batch-size", "8")]
    sweep = ["sweep", "--name", "sizes", "--server", "cluster", "--grid", "batch-size=8,16,32"]
    world.typed(*sweep, *command)
    runs = json.loads(world.typed("sweep", "status", "sizes", "--json"))["runs"]
    assert len(runs) == 3
    for each in runs:
        assert world.wait(each["run"], timeout_s=60).state == states.FINISHED
    jobs = {world.job(each["run"]).partition("_")[0] for each in runs}
    assert len(jobs) == 1
