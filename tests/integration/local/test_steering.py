"""Stopping and resuming, at every moment of a run's life."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from overnight.app import Overnight, launching, steering
from overnight.core import errors
from overnight.node import nvml, states
from overnight.ports import Request
from tests.integration.local import laws
from tests.integration.local.world import World, kill_and_wait
from tests.waiting import wait_until


def stop(world: World, name: str) -> str:
    with world.laptop() as o:
        return steering.stop(o, name, "local").state


def resume(world: World, name: str) -> str:
    with world.laptop() as o:
        return steering.resume(o, name, "local").state


def test_stop_ends_the_training_and_says_by_whom(world: World) -> None:
    """SIGTERM to the command; the shim lives to write its end down."""
    world.launch("r", "--gate", "2")
    assert stop(world, "r") == states.STOPPED
    state = laws.check(world, "r")
    assert state.reason == "stopped by overnight stop"
    assert state.attempts[0].signal == signal.SIGTERM


def test_what_ignores_sigterm_is_killed_after_the_grace(world: World) -> None:
    """SIGKILL, and the run is stopped all the same."""
    world.launch("r", "--gate", "2", "--ignore-term")
    shorten_grace(world, "r", 0.2)
    assert stop(world, "r") == states.STOPPED
    assert laws.check(world, "r").attempts[0].signal == signal.SIGKILL


def shorten_grace(world: World, name: str, grace_s: float) -> None:
    """As if the project had asked for it; the supervisor that knew otherwise is replaced."""
    path = Path(world.run(name).file("spec.json"))
    spec = json.loads(path.read_bytes())
    path.write_text(json.dumps({**spec, "policy": {"grace_s": grace_s}}))
    kill_and_wait(world.supervisor(name))


def test_stop_twice_is_stop_once(world: World) -> None:
    """Also by two laptops at the same time."""
    world.launch("r", "--gate", "2")
    words = ["stop", "r", "--json"]
    with world.cli(*words) as first, world.cli(*words) as second:
        for laptop in (first, second):
            laptop.communicate(timeout=30)
            assert laptop.returncode == 0
    assert stop(world, "r") == states.STOPPED
    laws.check(world, "r")
    assert len(world.events("r", "stop_requested")) == 1


def test_stop_of_a_run_that_has_ended_changes_nothing(world: World) -> None:
    """It stays finished."""
    world.launch("r")
    world.wait("r")
    before = world.events("r")
    assert stop(world, "r") == states.FINISHED
    assert world.events("r") == before


def test_stop_of_a_run_whose_supervisor_is_dead(world: World) -> None:
    """A new supervisor is started to end it."""
    world.launch("r", "--gate", "2")
    world.kill_node("r")
    assert stop(world, "r") == states.STOPPED
    assert len(laws.check(world, "r").attempts) == 1


def test_stop_while_starting(world: World) -> None:
    """As soon as the run is there: it is stopped, whether or not its process had begun."""
    with world.laptop() as o:
        plan = launching.prepared(o, "local", world.training("--gate", "1"), 0)
        synced = launching.sync(o, "local")
        wire = {**plan.spec.to_wire(), "run": "r", "snapshot": synced.pushed.snapshot}
        server = o.server("local")
        server.call(Request("launch", {"spec": wire}))
        server.call(Request("stop", {"project": "local", "run": "r", "by": "me"}))
    state = world.wait_for_state("r", lambda state: state.state in states.ENDED)
    assert state.state == states.STOPPED
    laws.check(world, "r")


def test_stop_during_a_back_off(world: World) -> None:
    """A run that waits before its next attempt does not make it."""
    world.launch("r", "--die", "2:SIGKILL")
    world.wait_for_state("r", lambda state: state.not_before > 0)
    assert stop(world, "r") == states.STOPPED
    assert len(laws.check(world, "r").attempts) == 2


def test_resume_after_stop_goes_on_from_the_checkpoint(world: World) -> None:
    """The attempts of one run, one after the other."""
    world.launch("r", "--gate", "3")
    world.wait_for_line("epoch 2")
    stop(world, "r")
    world.open_gate(3)
    resume(world, "r")
    assert world.wait("r").state == states.FINISHED
    assert len(laws.check(world, "r").attempts) == 2
    assert world.starts()[1].startswith("starts after 2 ")


def test_resume_after_failure(world: World) -> None:
    """A person has mended what was wrong."""
    world.launch("r", "--gate", "2", "--die", "2:exit-3")
    world.open_gate(2)
    assert world.wait("r").state == states.FAILED
    resume(world, "r")
    assert world.wait("r").state == states.FAILED
    assert len(laws.check(world, "r").attempts) == 3  # the second was the node's own try


def test_resume_twice_is_one_new_attempt(world: World) -> None:
    """The second one is told that the run is running."""
    world.launch("r", "--gate", "3")
    world.wait_for_line("epoch 2")
    stop(world, "r")
    args = {"project": "local", "run": "r", "by": "me"}
    with world.laptop() as o:
        for _ in range(2):
            o.server("local").call(Request("resume", args))
        world.wait_for_state("r", lambda state: len(state.attempts) == 2)
        with pytest.raises(errors.UsageError, match="r is running"):
            steering.resume(o, "r", "local")
    world.open_gate(3)
    world.wait("r")
    assert len(laws.check(world, "r").attempts) == 2
    assert len(world.events("r", "resumed")) == 1


def test_stop_and_resume_again_and_again(world: World) -> None:
    """Resumed the moment it has stopped: somebody always supervises it."""
    world.launch("r", "--gate", "2")
    with world.laptop() as o:
        for number in range(2, 6):
            steering.stop(o, "r", "local")
            o.server("local").call(Request("resume", {"project": "local", "run": "r"}))
            world.wait_for_line("starts after 1 batch 64 x 1", count=number - 1)
    world.open_gate(2)
    assert world.wait("r").state == states.FINISHED
    laws.check(world, "r")


def test_ctrl_c_in_a_smoke_test_leaves_nothing(world: World) -> None:
    """No process and no folder on the server; the exit code is the shell's for Ctrl-C."""
    words = ["smoke", "--", *world.training("--gate", "2")]
    with world.cli(*words, start_new_session=True) as laptop:
        world.wait_for_line("epoch 1")
        os.killpg(laptop.pid, signal.SIGINT)
        _, err = laptop.communicate(timeout=30)
    assert (laptop.returncode, err.strip().splitlines()[-1]) == (130, "interrupted")
    wait_until(lambda: not world.processes(), what="the server to be quiet")
    assert list((world.root / "projects/local/runs").iterdir()) == []


def test_ctrl_c_while_run_waits_leaves_the_run_alive(world: World) -> None:
    """What was launched goes on; Ctrl-C only ends the looking."""
    words = ["run", "r", "--no-smoke", "--", *world.training("--gate", "1")]
    with world.cli(*words, start_new_session=True) as laptop:
        wait_until(world.starts, what="the training to begin")
        os.killpg(laptop.pid, signal.SIGINT)
        laptop.communicate(timeout=30)
    assert laptop.returncode == 130
    world.open_gate(1)
    assert world.wait("r").state == states.FINISHED
    laws.check(world, "r")


def test_more_gpus_than_the_server_has(world: World) -> None:
    """Said at once, instead of waiting for ever."""
    with world.laptop() as o, pytest.raises(errors.RunFailed, match="64 GPUs are wanted"):
        launching.run(o, "r", "local", world.training(), 64, with_smoke=False)
    assert laws.check(world, "r").attempts == ()


@pytest.fixture
def one_gpu(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An nvidia-smi with one GPU, in use by somebody as long as the file `busy` is there."""
    folder = world.folder / "bin"
    folder.mkdir()
    program = folder / "nvidia-smi"
    program.write_text(NVIDIA_SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    (folder / nvml.LIBRARY).touch()  # found before the driver of this machine, and no library
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    return folder / "busy"


NVIDIA_SMI = """\
#!/bin/sh
case $1 in
    --query-gpu*) echo "0, GPU-1234, NVIDIA Test, 16000, 10, 0, 550.54, 0:01:00.0, Disabled" ;;
    *) [ -e "${0%/*}/busy" ] && echo "GPU-1234, 1, 8000" ;;
esac
exit 0
"""


def launch_on_gpu(o: Overnight, world: World) -> str:
    return launching.run(o, "r", "local", world.training(), 1, with_smoke=False).sign


def test_a_run_waits_for_a_gpu_and_then_starts(world: World, one_gpu: Path) -> None:
    """Queued while somebody else uses it; the UUID is what the training is given."""
    one_gpu.touch()
    with world.laptop() as o:
        assert launch_on_gpu(o, world).startswith("waiting for 1 free of 1 GPUs")
    one_gpu.unlink()
    assert world.wait("r").state == states.FINISHED
    assert laws.check(world, "r").attempts[0].gpus == ["GPU-1234"]
    place = world.root / "queue" / "laptop" / "r.json"
    wait_until(lambda: not place.exists(), what="the run to leave the queue's list")


def test_stop_while_queued(world: World, one_gpu: Path) -> None:
    """It never starts."""
    one_gpu.touch()
    with world.laptop() as o:
        launch_on_gpu(o, world)
    assert stop(world, "r") == states.STOPPED
    assert laws.check(world, "r").attempts == ()
    assert world.starts() == []
