"""What a run does about its own failures, and when it gives up."""

from __future__ import annotations

import signal
import sys

from overnight.node import states
from tests.integration.local import laws
from tests.integration.local.world import World

SMALLER = ["batch 64", "batch 32 x 2", "batch 16 x 4", "batch 8 x 8"]


def batches(world: World) -> list[tuple[int, int]]:
    """(micro-batch, accumulation) of each start."""
    words = [line.split() for line in world.starts()]
    return [(int(each[4]), int(each[6])) for each in words]


def test_out_of_memory_takes_smaller_batches_until_one_fits(world: World) -> None:
    """Variant by variant; the effective batch stays what it was."""
    world.launch("r", "--gate", "2", "--batch-size", "64", "--accum", "1", "--oom-above", "16")
    world.open_gate(2)
    assert world.wait("r").state == states.FINISHED
    state = laws.check(world, "r")
    assert [attempt.label for attempt in state.attempts] == SMALLER[:3]
    assert batches(world) == [(64, 1), (32, 2), (16, 4)]
    assert {batch * accumulation for batch, accumulation in batches(world)} == {64}
    assert [repair["class"] for repair in state.repairs] == ["cuda_oom", "cuda_oom"]
    assert not any(repair["changes_science"] for repair in state.repairs)


def test_out_of_memory_with_the_smallest_batch(world: World) -> None:
    """No variant is left: the run fails and says that it was the smallest."""
    world.launch("r", "--gate", "2", "--batch-size", "4", "--accum", "1", "--oom-above", "0")
    world.open_gate(2)
    assert world.wait("r").state == states.FAILED
    state = laws.check(world, "r")
    assert state.reason == "CUDA out of memory with batch 1 x 4; it is the smallest"
    assert batches(world) == [(4, 1), (2, 2), (1, 4)]


def test_three_attempts_without_progress_are_the_end(world: World) -> None:
    """Killed again and again at the same place."""
    world.launch("r", "--gate", "2", "--die", "2:SIGKILL")
    world.open_gate(2)
    assert world.wait("r").state == states.FAILED
    state = laws.check(world, "r")
    assert state.reason.startswith("signal SIGKILL; no progress over 3 attempts")
    assert [attempt.signal for attempt in state.attempts] == [signal.SIGKILL] * 3


def test_a_half_written_checkpoint_is_passed_over(world: World) -> None:
    """The one before it is taken, and the repair names the damaged one."""
    world.launch("r", "--gate", "3", "--torn", "3", "--epochs", "4")
    world.open_gate(3)
    assert world.wait("r").state == states.FINISHED
    state = laws.check(world, "r")
    assert world.starts()[1].startswith("starts after 2 ")
    change = state.repairs[0]["change"]
    assert "from checkpoint-2.npz (checkpoint-3.npz is damaged: not a whole zip" in change
    started = world.events("r", "attempt_started")[1]
    assert started["checkpoint"].endswith("checkpoint-2.npz")
    first, ended = (world.events("r", kind)[0] for kind in ("attempt_started", "attempt_ended"))
    assert first["checkpoint_at"] is None
    assert first["time"] < started["checkpoint_at"] < ended["time"]


LEAVES_A_DAEMON = """\
import os, pathlib, subprocess, sys, time
diary = pathlib.Path(sys.argv[1])
subprocess.Popen(["sleep", "1000"], start_new_session=True)
subprocess.Popen(["sleep", "1000"])
print("epoch 1/2 loss 1.0", flush=True)
while not (diary / "go-1").exists():
    time.sleep(0.01)
if not (diary / "again").exists():
    (diary / "again").touch()
    os.kill(os.getpid(), 9)
sys.exit(5)
"""


def test_what_an_attempt_leaves_behind_is_ended(world: World) -> None:
    """Children in the background and in sessions of their own; the exit code is the command's."""
    (world.project / "daemons.py").write_text(LEAVES_A_DAEMON)
    world.launch("r", argv=[sys.executable, "daemons.py", str(world.diary)])
    world.open_gate(1)
    assert world.wait("r").state == states.FAILED
    state = laws.check(world, "r")
    assert [(each.exit_code, each.signal) for each in state.attempts] == [
        (137, 9),
        (5, None),
        (5, None),  # an unknown end after progress is worth one more try
    ]
    assert len(world.processes(["sleep", "1000"])) == 0


def test_a_command_that_is_not_there(world: World) -> None:
    """The shell's word for it is the reason; nothing is tried again."""
    world.launch_expecting_failure("r", ["no-such-program", "train.py"])
    state = laws.check(world, "r")
    assert "no-such-program" in state.reason
    assert len(state.attempts) == 1
