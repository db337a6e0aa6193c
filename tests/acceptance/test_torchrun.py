"""torchrun with real ranks over gloo: ports that nobody chose, and a log for each rank."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import overnight
from tests.waiting import wait_until

SCRIPT = Path(__file__).parent.parent / "chaos/trainings/ranks.py"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
SETTINGS = """\
[project]
name = "ranks"
variables = {{ OMP_NUM_THREADS = "1" }}

[servers.local]
root = "{root}"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the training of ranks, and the server's root beside it."""
    if os.environ.get("CI") != "true":
        pytest.importorskip("torch", reason="torch is not installed: make test installs it")
    folder = tmp_path / "laptop"
    folder.mkdir()
    shutil.copy(SCRIPT, folder / "train.py")
    (folder / "overnight.toml").write_text(SETTINGS.format(root=tmp_path / "server"))
    return folder


def launch(project: Path, name: str, *flags: str) -> None:
    command = [*TORCHRUN, "train.py", "--timeout-s", "60", *flags]
    overnight(project, "run", name, "--no-smoke", "--json", "--", *command)


def attempt(project: Path, name: str) -> Path:
    return project.parent / "server/projects/ranks/runs" / name / "attempts/1"


def start(project: Path, name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((attempt(project, name) / "start.json").read_text())
    return value


def test_two_at_once_on_one_server_meet_at_ports_of_their_own(project: Path) -> None:
    """Both ranks of both live at the same moment, and nobody typed a port."""
    gate = project.parent / "gate"
    for name in ("one", "two"):
        launch(project, name, "--epochs", "2", "--gate", str(gate))
    met = [
        attempt(project, name).parent.parent / f"work/rank{rank}.pid"
        for name in ("one", "two")
        for rank in (0, 1)
    ]
    wait_until(lambda: all(each.exists() for each in met), 90, what="all four ranks")
    gate.touch()
    overnight(project, "wait", "one", "two", "--timeout", "120")
    starts = [start(project, name) for name in ("one", "two")]
    ports = [each["settings"]["port"] for each in starts]
    assert len(set(ports)) == 2
    assert all(
        f"--master_port={port}" in each["argv"] for port, each in zip(ports, starts, strict=True)
    )
    for name in ("one", "two"):
        seen = overnight(project, "explain", name, "--json")
        assert (seen["state"], len(seen["attempts"])) == ("finished", 1)
    compared = overnight(project, "compare", "one", "two", "--json")
    assert compared["differences"] == []


def test_rank_that_fails_first_is_named_and_has_its_own_log(project: Path) -> None:
    """The other one dies of that; its cry is not the cause."""
    launch(project, "broken", "--fail")
    overnight(project, "wait", "broken", "--timeout", "120", code=3)
    seen = overnight(project, "explain", "broken", "--json")
    failure = seen["failure"]
    assert (failure["facts"]["rank"], failure["class"]) == (1, "code")
    assert failure["facts"]["summary"] == "KeyError: 'sample 17 has no label'"
    assert failure["evidence"][-1]["file"].endswith("/attempt_0/1/stderr.log")
    shown = overnight(project, "explain", "broken")
    assert "rank 1, " in shown
    assert "[rank 1] KeyError: 'sample 17 has no label'" in shown

    logs = overnight(project, "logs", "broken", "--rank", "1")
    assert "KeyError: 'sample 17 has no label'" in logs
    assert "epoch 3/12" not in logs  # rank 0 prints those
    assert "epoch 3/12" in overnight(project, "logs", "broken", "--rank", "0")
    common = overnight(project, "logs", "broken", "--all")
    assert "epoch 3/12" in common and "sample 17" in common
    overnight(project, "logs", "broken", "--rank", "2", code=2)
    overnight(project, "logs", "broken", "--rank", "1", "-f", code=2)

    pulled = overnight(project, "pull", "broken", "--json")
    assert "stderr.log" in json.dumps(pulled)


def test_what_is_found_at_the_start_is_told_before(project: Path) -> None:
    """And the logs of the ranks can be declined."""
    command = ["run", "--dry-run", "--", *TORCHRUN, "train.py"]
    shown = overnight(project, *command)
    assert "rendezvous port: a free one at each start" in shown
    assert "logs: one of each rank too" in shown
    settings = project / "overnight.toml"
    settings.write_text(
        settings.read_text().replace("[project]\n", "[project]\nrank_logs = false\n")
    )
    shown = overnight(project, *command)
    assert "rendezvous port: a free one at each start" in shown
    assert "logs: one of each rank too" not in shown
