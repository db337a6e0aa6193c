"""Trainings that stop without ending: seen, evidence kept, ended, and recorded for what it was."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from overnight.app import steering
from overnight.node import identity, processes, states
from tests.integration.local import laws
from tests.integration.local.world import World, kill_and_wait
from tests.waiting import wait_until

IMPATIENT = {"floor_s": 1.0, "pause_floor_s": 2.0, "setup_floor_s": 4.0, "pause_floor_steps": 2.0}
TRAINING = """
import sys, time
from pathlib import Path
go = Path(sys.argv[1]) / "go"
for epoch in range(1, 1000):
    print(f"epoch {epoch}/1000 loss {1 / epoch:.4f}", flush=True)
    if epoch == 6:
        print("[rank1] waits for rank 0", flush=True)
        while not go.exists():
            time.sleep(0.05)
    time.sleep(0.2)
"""


def launch(world: World, text: str = TRAINING, **seeing: Any) -> None:
    """A run that is watched with little patience."""
    (world.project / "odd.py").write_text(text)
    world.launch("r", argv=[sys.executable, "odd.py", str(world.diary)])
    path = Path(world.run("r").file("spec.json"))
    spec = json.loads(path.read_bytes())
    policy = {**spec["policy"], "grace_s": 1.0, "seeing": {**IMPATIENT, **seeing}}
    path.write_text(json.dumps({**spec, "policy": policy}))
    kill_and_wait(world.supervisor("r"))


def exit_record(world: World, attempt: int = 1) -> dict[str, Any]:
    path = Path(world.run("r").attempt(attempt, "exit.json"))
    wait_until(path.exists, timeout_s=60, what="the end of the attempt")
    record: dict[str, Any] = json.loads(path.read_bytes())
    return record


def stop(world: World) -> None:
    with world.laptop() as o:
        steering.stop(o, "r", "local")


def evidence(world: World, record: dict[str, Any]) -> dict[str, str]:
    """Name -> text of what was kept of the first attempt."""
    folder = Path(world.run("r").attempt(1))
    return {Path(name).name: (folder / name).read_text() for name in record["evidence"]["files"]}


def test_a_hang_is_ended_and_its_evidence_kept(world: World) -> None:
    """No progress: who waited where is on the disk, and the record says why it was ended."""
    launch(world)
    record = exit_record(world)
    assert (record["cause"], record["signal"]) == ("hang", signal.SIGTERM)
    assert record["evidence"]["facts"]["silent_s"] >= record["evidence"]["facts"]["limit_s"]
    kept = evidence(world, record)
    assert "wchan=" in kept["processes.txt"] and "odd.py" in kept["processes.txt"]
    assert "[rank1] waits for rank 0" in kept["last-lines.txt"]
    wait_until(lambda: world.state("r").attempts[0].cause == "hang", what="the event")
    stop(world)
    assert laws.check(world, "r").state == states.STOPPED


def test_a_suspended_training_is_noticed_and_left_alone(world: World) -> None:
    """Somebody may have stopped it for a while; it goes on when it is told to."""
    launch(world)
    command = world.command("r")
    processes.send(command, signal.SIGSTOP)
    wait_until(lambda: world.events("r", "noticed"), timeout_s=60, what="the notice")
    (notice,) = world.events("r", "noticed")
    assert notice["kind"] == "suspended"
    later = notice["time"] + 2 * IMPATIENT["setup_floor_s"]
    world.wait_for_beat("r", lambda beat: beat["time"] > later)
    assert identity.alive(command) and world.state("r").state == states.RUNNING
    (world.diary / "go").touch()
    processes.send(command, signal.SIGCONT)
    world.wait_for_beat("r", lambda beat: (beat["epoch"] or 0) > 8)
    stop(world)
    assert laws.check(world, "r").attempts[0].cause is None


def test_a_suspended_training_is_ended_where_the_policy_says_so(world: World) -> None:
    """Then it is a hang like any other, and SIGTERM reaches it."""
    launch(world, end_suspended=True)
    processes.send(world.command("r"), signal.SIGSTOP)
    record = exit_record(world)
    assert (record["cause"], record["signal"]) == ("hang", signal.SIGTERM)
    stop(world)


def test_a_loss_that_stays_nan_ends_the_attempt(world: World) -> None:
    """Several values on end; the last sound one and the first bad one are told."""
    text = TRAINING.replace("{1 / epoch:.4f}", "{1 / epoch if epoch < 3 else float('nan'):.4f}")
    launch(world, text.replace("epoch == 6", "False"), nan_values=5)
    record = exit_record(world)
    assert record["cause"] == "nan"
    assert record["evidence"]["facts"]["since"]["epoch"] == 3
    assert record["evidence"]["facts"]["before"]["epoch"] == 2
    stop(world)
