"""The watch: what it says of the server, whom it wakes, and how it is ended."""

from __future__ import annotations

import json
import signal
from typing import Any

from overnight.node import identity, states
from tests.integration.local import laws
from tests.integration.local.world import World, kill
from tests.waiting import wait_until


def summary(world: World) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((world.root / "summary.json").read_bytes())
    return value


def watches(world: World) -> list[identity.Identity]:
    return world.processes(["watch", str(world.root)])


def test_the_summary_tells_how_old_it_is(world: World) -> None:
    """Time, boot, and for each active run its state and its last sign of life."""
    world.launch("r", "--gate", "2")
    world.wait_for_beat("r", lambda beat: True)
    found = wait_until(
        lambda: next((each for each in summary(world)["active"] if each["beat_at"]), None),
        what="a sign of life",
    )
    assert (found["project"], found["run"], found["attempt"]) == ("local", "r", 1)
    assert found["state"] == "running"
    told = summary(world)
    assert abs(told["time"] - found["beat_at"]) < 60
    assert (told["boot_id"], told["rebooted_at"]) == (identity.boot_id(), None)
    assert identity.from_json(told["watch"]["identity"]) in watches(world)


def test_a_reboot_is_noticed(world: World) -> None:
    """The summary of before was written under another boot id."""
    world.launch("r", "--gate", "2")
    wait_until(lambda: (world.root / "summary.json").exists(), what="the summary")
    world.kill_node("r")
    before = {**summary(world), "boot_id": "00000000-0000-0000-0000-000000000000"}
    (world.root / "summary.json").write_text(json.dumps(before))
    world.typed("status")
    wait_until(lambda: summary(world)["rebooted_at"], what="the reboot to be noticed")
    assert summary(world)["boot_id"] == identity.boot_id()


def test_a_supervisor_that_was_stopped_is_woken(world: World) -> None:
    """SIGSTOP: it holds its lock, so no other could do its work."""
    world.launch("r", "--gate", "2")
    supervisor = world.supervisor("r")
    kill(supervisor, signal.SIGSTOP)
    world.open_gate(2)
    assert world.wait("r").state == states.FINISHED
    assert laws.check(world, "r").attempts[0].exit_code == 0


def test_forgetting_this_machine(world: World) -> None:
    """Refused while a run is active; then the watch ends, the mirror is empty, the run goes on."""
    world.launch("r", "--gate", "2")
    wait_until(lambda: watches(world), what="the watch")
    assert "still active there: local/r" in world.refused("servers", "forget", "local", code=2)
    left = json.loads(world.typed("servers", "forget", "local", "--yes", "--json"))
    assert (left["watch_stopped"], left["active"], left["projects"]) == (
        True,
        ["local/r"],
        {"local": 1},
    )
    assert not watches(world)
    (known,) = json.loads(world.typed("servers", "--json"))["servers"]
    assert (known["reachable"], known["age_s"]) == (None, None)
    world.open_gate(2)
    assert world.wait("r").state == states.FINISHED
    laws.check(world, "r")
