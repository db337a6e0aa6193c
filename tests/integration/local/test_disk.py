"""The server's disk runs full: the run ends with a clear reason, and its records stay whole."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.node import ballast, identity, shim, states
from tests.integration.local import laws
from tests.integration.local import world as worlds
from tests.integration.local.world import World
from tests.waiting import wait_until

FILL = """\
import pathlib, sys, time
diary = pathlib.Path(sys.argv[1])
print("epoch 1/2 loss 1.0", flush=True)
while not (diary / "go-1").exists():
    time.sleep(0.01)
with open("checkpoint", "wb", buffering=0) as file:
    while True:
        file.write(bytes(4096))
"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    """A world whose server has a disk of 12 MB. Needs root, because that is a mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "overnight-test", disk])
    if done.returncode != 0:
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail("CI must be able to mount a small disk")
        pytest.skip("mounting a small disk needs root")
    try:
        with worlds.world(tmp_path, disk / "server") as made:
            yield made
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the space there is."""
    path = folder / "filling"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return path


def test_a_training_that_fills_the_disk(small: World) -> None:
    """Failed, with the reason, although there was no room left for the training's own words."""
    (small.project / "fill.py").write_text(FILL)
    small.launch("r", argv=[sys.executable, "fill.py", str(small.diary)])
    small.open_gate(1)
    assert small.wait("r").state == states.FAILED
    state = laws.check(small, "r")
    assert state.failure is not None
    assert state.failure["class"] == "disk_full"
    assert "space" in state.reason
    assert len(state.attempts) == 1


def test_an_end_that_nobody_can_write_down_yet(small: World) -> None:
    """The supervisor keeps trying, and the exit code is not lost."""
    small.launch("r", "--gate", "2", "--epochs", "1")
    small.wait("r")
    small.launch("s", "--gate", "2", "--epochs", "2", "--die", "2:exit-7")
    ballast.drop(small.run("s"))
    filling = fill(small.root)
    small.open_gate(2)
    wait_until(lambda: shim.exit_code(small.run("s").attempt(1)) == 7, what="the exit code")
    assert small.state("s").state == states.RUNNING
    assert identity.alive(small.supervisor("s"))
    filling.unlink()
    assert small.wait("s").state == states.FAILED
    assert laws.check(small, "s").attempts[0].exit_code == 7


def test_a_launch_on_a_full_disk(small: World) -> None:
    """Refused in one line, and nothing half-done is left."""
    small.launch("first")
    small.wait("first")
    filling = fill(small.root)
    with small.cli("run", "second", "--no-smoke", "--", *small.training()) as laptop:
        _, err = laptop.communicate(timeout=60)
    assert (laptop.returncode, "No space left" in err) == (4, True), err
    filling.unlink()
    small.launch("second")
    assert small.wait("second").state == states.FINISHED
    laws.check(small, "second")
