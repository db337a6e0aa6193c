"""Supervisors, shims and commands killed at the worst moments: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from overnight.app import steering
from overnight.node import identity, journal, launch, layout, preparation, shim, states
from tests.integration.local import laws
from tests.integration.local.world import World, kill_and_wait
from tests.waiting import wait_until


def test_a_run_from_launch_to_end(world: World) -> None:
    """Without any fault: one attempt, all epochs once."""
    world.launch("plain")
    assert world.wait("plain").state == states.FINISHED
    state = laws.check(world, "plain")
    assert len(state.attempts) == 1
    assert world.lines()[1:] == ["epoch 1", "epoch 2", "epoch 3", "ends"]


def test_a_lost_supervisor_is_replaced_and_the_training_goes_on(world: World) -> None:
    """SIGKILL: the watch starts another, which takes up the same attempt."""
    world.launch("r", "--gate", "2")
    first = world.supervisor("r")
    kill_and_wait(first)
    assert world.supervisor("r") != first
    world.open_gate(2)
    assert world.wait("r").state == states.FINISHED
    state = laws.check(world, "r")
    assert (len(state.attempts), len(world.starts())) == (1, 1)
    assert state.attempts[0].exit_code == 0


def test_shim_and_supervisor_killed_while_the_command_lives(world: World) -> None:
    """The command is followed to its end; nobody wrote its exit code, so the run resumes."""
    world.launch("r", "--gate", "3")
    world.wait_for_line("epoch 2")
    kill_and_wait(world.shim("r"), world.supervisor("r"))
    command = world.command("r")
    second = world.supervisor("r")
    world.wait_for_state("r", lambda state: supervised_by(world, "r", second))
    assert identity.alive(command)
    world.open_gate(3)
    assert world.wait("r").state == states.FINISHED
    state = laws.check(world, "r")
    assert [attempt.cause for attempt in state.attempts] == ["lost", None]
    assert world.starts()[1].startswith("starts after 3 ")
    assert world.lines().count("epoch 3") == 1


def supervised_by(world: World, name: str, who: identity.Identity) -> bool:
    return list(who) in [event["identity"] for event in world.events(name, "supervised")]


def kill_all(world: World, name: str) -> None:
    world.kill_node(name)
    kill_and_wait(world.shim(name), world.command(name))


def test_everything_killed_at_once(world: World) -> None:
    """Command, shim, supervisor and watch: whoever comes next resumes from the checkpoint."""
    world.launch("r", "--gate", "3")
    world.wait_for_line("epoch 2")
    kill_all(world, "r")
    world.open_gate(3)
    assert world.wait("r").state == states.FINISHED
    state = laws.check(world, "r")
    assert [attempt.cause for attempt in state.attempts] == ["lost", None]
    assert "from checkpoint-2.npz" in state.repairs[0]["change"]
    assert world.lines().count("epoch 2") == 1


def test_a_shim_killed_alone(world: World) -> None:
    """The supervisor goes on with the command, and resumes when it has ended."""
    world.launch("r", "--gate", "3")
    world.wait_for_line("epoch 2")
    kill_and_wait(world.shim("r"))
    assert world.state("r").state == states.RUNNING
    world.open_gate(3)
    assert world.wait("r").state == states.FINISHED
    assert [each.cause for each in laws.check(world, "r").attempts] == ["lost", None]


def test_a_supervisor_killed_before_the_command_was_started(world: World) -> None:
    """attempt_started without a shim: closed, another one starts, and a late shim does nothing."""
    world.launch("first")
    world.wait("first")
    run = begun_by_hand(world, "r")
    assert world.wait("r").state == states.FINISHED
    late = subprocess.run(shim.argv(run.attempt(1), ["touch", f"{world.diary}/late"]))
    assert late.returncode == shim.NOT_STARTED
    assert not (world.diary / "late").exists()
    state = laws.check(world, "r")
    assert [each.cause for each in state.attempts] == ["never_started", None]
    assert len(world.starts()) == 2


def begun_by_hand(world: World, name: str) -> layout.Run:
    """A run whose supervisor got as far as saying that attempt 1 starts."""
    spec = json.loads(Path(world.run("first").file("spec.json")).read_bytes())
    run = world.run(name)
    launch.write_run(run, {**spec, "run": name}, {})
    journal.append(run, "created")
    start = preparation.Start(1, spec["variants"][0]["argv"], 0, "", None, [], [], {}, {}, {})
    preparation.attempt_folder(run, start)
    journal.append(run, "attempt_started", attempt=1, variant=0, label="")
    return run


@pytest.mark.parametrize("change", ["reused", "rebooted"])
def test_records_of_processes_that_are_gone(world: World, change: str) -> None:
    """A pid that is somebody else's now, or from before a reboot: nobody is signalled (law 6)."""
    world.launch("r", "--gate", "3")
    world.wait_for_line("epoch 2")
    kill_all(world, "r")
    with subprocess.Popen(["sleep", "1000"]) as bystander:
        point_records_at(world.run("r"), bystander.pid, change)
        world.open_gate(3)
        assert world.wait("r").state == states.FINISHED
        assert bystander.poll() is None
        bystander.kill()
    state = laws.check(world, "r")
    cause = "reboot" if change == "rebooted" else "lost"
    assert [each.cause for each in state.attempts] == [cause, None]


def point_records_at(run: layout.Run, pid: int, change: str) -> None:
    """The records of supervisor, shim and command name this process, wrongly."""
    line = Path(f"/proc/{pid}/stat").read_text()
    boot = identity.boot_id() if change == "reused" else "00000000-0000-0000-0000-000000000000"
    if change == "reused":
        fields = line.split()
        fields[21] = str(int(fields[21]) - 1)  # started a tick earlier
        line = " ".join(fields)
    for name in ("shim", "command"):
        Path(run.attempt(1, name)).write_text(f"{boot}\n{line}\n")
    who = identity.from_shim(f"{boot}\n{line}")
    assert who is not None
    Path(run.file("supervisor.json")).write_text(json.dumps(list(who)))


def test_a_bystander_with_our_pid_is_not_woken_by_a_stop(world: World) -> None:
    """`stop` wakes the supervisor; a reused pid is not the supervisor."""
    world.launch("r", "--gate", "3")
    world.kill_node("r")
    with subprocess.Popen(["sleep", "1000"]) as bystander:
        who = identity.of(bystander.pid)
        assert who is not None
        record = Path(world.run("r").file("supervisor.json"))
        record.write_text(json.dumps([who.boot_id, who.pid, who.start_ticks - 1]))
        with world.laptop() as o:
            assert steering.stop(o, "r", None).state == states.STOPPED
        assert bystander.poll() is None
        bystander.kill()
    laws.check(world, "r")


def test_a_labmates_process_is_never_signalled(world: World) -> None:
    """The same command line, and (as root) another user's with even our marker in it."""
    world.launch("r", "--gate", "3")
    world.wait_for_line("epoch 2")
    with tempfile.TemporaryDirectory() as folder, labmate(world, Path(folder)) as other:
        with world.laptop() as o:
            assert steering.stop(o, "r", None).state == states.STOPPED
        assert other.poll() is None
        other.kill()
    laws.check(world, "r")


def labmate(world: World, folder: Path) -> subprocess.Popen[bytes]:
    """A training like the run's, by the same words, waiting at its gate."""
    shutil.copy(world.project / "train.py", folder)
    folder.chmod(0o777)
    words = [sys.executable, "train.py", "--diary", ".", "--gate", "1"]
    variables = dict(os.environ)
    if os.geteuid() == 0:
        words = ["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", *words[1:]]
        variables[layout.MARKER] = world.run("r").attempt(1)
    process = subprocess.Popen(words, cwd=folder, env=variables)
    wait_until((folder / "diary").exists, what="the labmate's training")
    return process
