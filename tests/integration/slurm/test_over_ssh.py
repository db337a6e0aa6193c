"""A laptop that reaches its cluster through the sshd of the login node."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.node import states
from tests.integration.slurm.world import World
from tests.testbed import slurm_login

pytestmark = pytest.mark.xdist_group("slurm")


@pytest.fixture
def far(
    world: World, tmp_path: Path, user_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """The same cluster by SSH, with a folder for the sockets of master connections."""
    runtime = user_home / "rt"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    config = slurm_login.start(world.cluster, tmp_path / "login")
    monkeypatch.delenv("SLURM_CONF")  # of this side nothing may be needed
    try:
        world.set_up(host="login", ssh_config=config)
        yield world
    finally:
        world.hang_up()
        world.cluster.kill("sshd")


def test_a_night_on_a_cluster_with_the_laptop_closed(far: World) -> None:
    """Smoke test, launch, and away; a crash on the way; the results are fetched in the morning."""
    far.typed("smoke", "--server", "cluster", "--", *far.training("--epochs", "1"))
    command = far.training("--torn", "2")
    far.typed("run", "train01", "--no-smoke", "--server", "cluster", "--", *command)
    far.hang_up()
    far.wait_for_state("train01", lambda state: state.state == states.FINISHED)
    (told,) = json.loads(far.typed("status", "--json"))["servers"][0]["runs"]
    assert (told["state"], told["epoch"], len(told["repairs"])) == ("finished", 3, 1)
    assert told["slurm"]["job"] == far.job("train01")
    assert "epoch 3/3" in far.typed("logs", "train01")


def test_doctor_and_a_stop(far: World) -> None:
    found = json.loads(far.typed("doctor", "cluster", "--json"))["findings"]
    levels = {each["check"]: each["level"] for each in found}
    assert (levels["slurm"], levels["partition"], levels["host key"]) == ("ok", "ok", "ok")
    far.launch("train01", "--gate", "2")
    far.wait_for_line("epoch 1")
    far.typed("stop", "train01")
    assert far.state("train01").state == states.STOPPED
