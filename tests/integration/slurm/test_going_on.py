"""Jobs that Slurm ends: requeued, preempted, out of time, cancelled, or gone with their node."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight.node import states
from tests.integration.local import world as local
from tests.integration.slurm.world import World
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("slurm-ends")


def test_a_requeued_job_goes_on_from_its_checkpoint(world: World) -> None:
    """`scontrol requeue` by anybody: the attempt is closed and the same job begins another."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    job = world.job("train01")
    world.cluster.sh("scontrol", "requeue", job)
    wait_until(lambda: world.state("train01").repairs, what="the end of the attempt")
    world.open_gate(2)
    assert world.wait("train01", timeout_s=60).state == states.FINISHED, world.told("train01")
    assert world.starts()[1:] == ["starts after 1 batch 64 x 1"]
    assert world.job("train01") == job
    (repair,) = world.state("train01").repairs
    assert repair["class"] == "preempted"


def test_a_job_that_is_preempted_goes_on_later(world: World) -> None:
    """A partition of higher rank needs the nodes; Slurm requeues ours."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    urgent = ["-purgent", "-N3", "--exclusive", "--gres=gpu:4", "-o/dev/null"]
    world.cluster.sh("sbatch", *urgent, "--wrap=sleep 2")
    world.wait_for_job("train01", "PENDING")
    world.open_gate(2)
    assert world.wait("train01", timeout_s=60).state == states.FINISHED, world.told("train01")
    assert world.starts()[1:] == ["starts after 1 batch 64 x 1"]


def test_what_slurm_takes_its_time_to_notice(world: World) -> None:
    """Three runs at once. Of one the node dies with all that runs on it, of one Slurm only loses
    sight of the node, one comes near to its time limit. All go on elsewhere or later from their
    checkpoints, in the jobs that they have, and none ever runs twice."""
    nodes = {}
    for name in ("dead", "cut", "late"):
        late = "signal_s = 570" if name == "late" else "signal_s = 60"
        world.set_up(slurm=f'time = "10", {late}')
        begin(world, name)
        nodes[name] = world.node(name)
        # what is left of that node, so that the next run is on another one
        filler = ["--no-requeue", "--gres=gpu:2", f"-w{nodes[name]}", "-o/dev/null"]
        world.cluster.sh("sbatch", *filler, "--wrap=sleep 5")
    world.cluster.kill_node(nodes["dead"])
    world.cluster.kill(nodes["cut"])
    try:
        # each is let go on as soon as it has begun again: the signal comes in every job
        wait_until(
            lambda: sum(let_go_on(world, name) for name in nodes) == len(nodes),
            timeout_s=100,
            what="all to begin again",
        )
        for name in nodes:
            assert world.wait(name, timeout_s=60).state == states.FINISHED, world.told(name)
            assert starts(diary(world, name))[1:] == ["starts after 1 batch 64 x 1"]
            assert "SECOND PROCESS" not in lines(diary(world, name))
            assert len(world.jobs(name)) == 1
    finally:
        for name in ("dead", "cut"):
            world.cluster.start_node(nodes[name])
        world.cluster.wait_for_nodes()
    assert world.state("dead").attempts[0].cause == "requeued"
    assert "another job has the run" in world.talk("cut")
    assert world.state("late").attempts[0].cause == "time_limit"
    assert world.state("late").repairs[0]["change"].startswith("resumed after Slurm's time limit")
    assert world.node("dead") != nodes["dead"]
    assert world.node("cut") != nodes["cut"]


def diary(world: World, name: str) -> Path:
    return world.folder / f"diary-{name}"


def begin(world: World, name: str) -> None:
    folder = diary(world, name)
    folder.mkdir()
    world.launch(name, "--gate", "2", "--diary", str(folder), gpus=2)
    wait_until(lambda: "epoch 1" in lines(folder), what=f"{name} to begin")


def let_go_on(world: World, name: str) -> bool:
    """Opens its gate where it has begun for the second time."""
    has_begun = len(starts(diary(world, name))) == 2
    if has_begun:
        (diary(world, name) / "go-2").touch()
    return has_begun


def lines(diary: Path) -> list[str]:
    path = diary / "diary"
    return (
        [line.partition(" ")[2] for line in path.read_text().splitlines()] if path.exists() else []
    )


def starts(diary: Path) -> list[str]:
    return [line for line in lines(diary) if line.startswith("starts")]


def test_a_job_that_somebody_cancels_stops_the_run(world: World) -> None:
    """It was meant; the record says who ended it."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    job = world.job("train01")
    world.cluster.sh("scancel", job)
    view = world.wait("train01", timeout_s=60)
    assert view.state == states.STOPPED, world.told("train01")
    assert view.reason == f"Slurm job {job} was cancelled"
    assert world.state("train01").attempts[0].ended_at is not None


def test_a_supervisor_that_is_killed_is_replaced_in_its_job(world: World) -> None:
    """The training does not notice."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    local.kill_and_wait(world.supervisor("train01"))
    world.supervisor("train01")
    world.open_gate(2)
    assert world.wait("train01").state == states.FINISHED, world.told("train01")
    assert len(world.starts()) == len(world.jobs("train01")) == 1


def test_what_is_lost_within_a_job_is_not_taken_for_the_loss_of_its_node(world: World) -> None:
    """Supervisor, shim and command are killed; the guard's next supervisor goes on in the job."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    shim, command = world.shim("train01"), world.command("train01")
    local.kill_and_wait(world.supervisor("train01"), shim, command)
    world.open_gate(2)
    assert world.wait("train01").state == states.FINISHED, world.told("train01")
    assert world.state("train01").attempts[0].cause == "lost"
    assert world.starts()[1:] == ["starts after 1 batch 64 x 1"]
    assert len(world.jobs("train01")) == 1


def test_a_job_that_is_killed_is_followed_by_another_one(world: World) -> None:
    """Nothing of it lives to record anything; the run goes on in a new job from its checkpoint."""
    world.launch("train01", "--gate", "2")
    world.wait_for_line("epoch 1")
    first = world.job("train01")
    world.cluster.kill_processes(world.node("train01"))
    wait_until(lambda: world.cluster.jobs()[first] == "FAILED", what="the end of the job")
    world.open_gate(2)
    assert world.wait("train01", timeout_s=60).state == states.FINISHED, world.told("train01")
    assert world.job("train01") != first
    assert world.starts()[1:] == ["starts after 1 batch 64 x 1"]


SAVES = """
import os, signal, sys, time

def save(number, _):
    print("saved on", signal.Signals(number).name, flush=True)
    sys.exit(0)

signal.signal(signal.SIGUSR1, save) if "USR1" in sys.argv else None
signal.signal(signal.SIGTERM, save)
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("slurm", "words", "said"),
    [
        ('time = "10"', ["USR1"], ["saved on SIGUSR1"]),
        ('time = "10"', [], ["saved on SIGTERM"]),
        ('time = "10", signal = "TERM"', ["USR1"], ["saved on SIGTERM"]),
        ('time = "10", nodes = 2', [], ["0: saved on SIGTERM", "1: saved on SIGTERM"]),
    ],
)
def test_a_training_is_told_in_the_way_that_it_understands(
    world: World, slurm: str, words: list[str], said: list[str]
) -> None:
    """By the signal that Slurm sends to the batch shell; its good end is not the run's."""
    world.set_up(slurm=slurm)
    world.launch("train01", argv=["python3", "-c", SAVES, *words])
    wait_until(lambda: world.said("train01").count("up") == len(said), what="the training")
    world.cluster.sh("scancel", "--batch", "--signal=USR2", world.job("train01"))
    wait_until(lambda: world.state("train01").repairs, what="the end of the attempt")
    assert sorted(line for line in world.said("train01").splitlines() if "saved" in line) == said
    (attempt,) = world.state("train01").attempts
    assert (attempt.cause, attempt.exit_code) == ("time_limit", 0)
    world.wait_for_job("train01", "PENDING")
    world.stop("train01")
    assert world.state("train01").state == states.STOPPED
