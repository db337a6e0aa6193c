"""An ablation as people do it: five configurations, two servers, one crash, the laptop closed.

In the morning the comparison is there without being asked.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.testbed import host as hosts
from tests.testbed import lab as labs
from tests.waiting import wait_until

PROJECT = Path(__file__).parent / "ablation"
SETTINGS = """\
[project]
name = "ablation"
train = "python3 train.py --config configs/base.yaml"
outputs = ["outputs"]
checkpoints = ["outputs/*.pt"]

[metrics]
primary = "val_acc"
goal = "max"

[knobs]
resume = "--resume {{checkpoint}}"

[servers.gpu1]
host = "h1"
ssh_config = "{ssh}"

[servers.gpu2]
host = "h2"
ssh_config = "{ssh}"
"""
SWEEP = ("sweep", "configs/base.yaml", "lr=3e-4,3e-3", "warmup=500,2000", "--name", "seed-pattern")
POINTS = ["base", "lr3e-3", "lr3e-4", "warmup2000", "warmup500"]


class Laptop:
    """The command line in the project's folder; between two commands the laptop is closed."""

    def __init__(self, folder: Path, runtime: Path, lab: labs.Lab) -> None:
        shutil.copytree(PROJECT, folder)
        (folder / "overnight.toml").write_text(SETTINGS.format(ssh=lab.ssh_config))
        runtime.mkdir()
        self.folder = folder
        self.variables = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "COLUMNS": "200"}

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "overnight", *words],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=150,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))


@pytest.fixture
def servers(host: hosts.Host, host2: hosts.Host) -> list[hosts.Host]:
    """Two servers of two GPUs each; on the first a labmate holds one."""
    host.gpus(2)
    host2.gpus(2)
    host.labmate("mate")
    pid = int(host.sh("sleep 1000 >/dev/null 2>&1 & echo $!", user="mate").stdout)
    host.cards.occupy(0, pid, 9000)
    return [host, host2]


@pytest.fixture
def laptop(lab: labs.Lab, servers: list[hosts.Host], tmp_path: Path, user_home: Path) -> Laptop:
    return Laptop(tmp_path / "my ablation", user_home / "rt", lab)


def runs_of(host: hosts.Host) -> dict[str, Path]:
    folder = Path(host.home) / "overnight/projects/ablation/runs"
    found = folder.iterdir() if folder.is_dir() else ()
    return {each.name: each for each in found if (each / "spec.json").exists()}


def state(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "state.json").read_text()))
    except (OSError, ValueError):
        return {}


def test_five_configurations_on_two_servers_with_one_crash(
    laptop: Laptop, servers: list[hosts.Host]
) -> None:
    """Launched once; nobody asks until all have ended."""
    launched = laptop.json(*SWEEP, "--yes")
    names = [f"seed-pattern-{point}" for point in POINTS]
    assert sorted(each["run"] for each in launched["runs"]) == names
    there = [runs_of(each) for each in servers]
    assert all(there) and sorted([*there[0], *there[1]]) == names

    # the laptop is closed: only the servers' own files are looked at
    folders = {**there[0], **there[1]}
    wait_until(
        lambda: all(state(each).get("state") == "finished" for each in folders.values()),
        what="all five to finish by themselves",
        timeout_s=120.0,
    )
    crashed = state(folders["seed-pattern-lr3e-4"])
    assert [each["signal"] for each in crashed["attempts"]] == [9, None]
    assert crashed["attempts"][1]["checkpoint"].endswith("epoch_6.pt")
    for host, found in zip(servers, there, strict=True):
        table = Path(host.home) / "overnight/projects/ablation/sweeps/seed-pattern/table.txt"
        wait_until(table.exists, what="the table on the server")
        assert str(len(found)) in table.read_text()

    # no card was used by two at once, and the labmate's by none
    used = [each["gpus"] for found in folders.values() for each in state(found)["attempts"]]
    assert servers[0].cards.uuids[0] not in [uuid for each in used for uuid in each]

    # the morning: the comparison comes with the first look, once
    morning = laptop.run("status")
    assert "sweep seed-pattern, val_acc (max): 5 runs, 5 finished" in morning
    assert "preempted: resumed after signal SIGKILL, from epoch_6.pt" in morning
    kept = laptop.folder / ".overnight/results/sweeps/seed-pattern.md"
    assert "| " in kept.read_text()
    assert "val_acc" not in laptop.run("status")

    table = laptop.json("sweep", "results", "seed-pattern")
    best = max(table["points"], key=lambda each: each["best"]["mean"])
    assert best["point"]["lr"] == 0.003
    assert sorted(run for each in table["points"] for run in each["best"]["runs"]) == names
