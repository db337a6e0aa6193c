"""Supervisors, shims and commands killed at the worst moments: nothing is lost, nothing doubled."""

from __future__ import annotations

from overnight.node import states
from tests.integration.local import laws
from tests.integration.local.world import World, kill_and_wait


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
