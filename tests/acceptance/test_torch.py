"""A real torch training, brought in by `init`, broken, mended and resumed; nothing is mocked."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import overnight

SCRIPT = Path(__file__).parent / "torch_project" / "train.py"


@pytest.fixture
def torch_project(tmp_path: Path) -> Path:
    """The project in a folder of its own, with the server's root beside it, set up by `init`."""
    if os.environ.get("CI") != "true":
        pytest.importorskip("torch", reason="torch is not installed: make test installs it")
    project = tmp_path / "my project"
    project.mkdir()
    shutil.copy(SCRIPT, project)
    overnight(project, "init")
    settings = (project / "overnight.toml").read_text()
    settings = settings.replace('"python train.py', f"\"'{sys.executable}' train.py")
    root = tmp_path / "server"
    (project / "overnight.toml").write_text(f'{settings}\n[servers.local]\nroot = "{root}"\n')
    return project


def run(project: Path, name: str, *words: str) -> Any:
    command = [sys.executable, "train.py", *words]
    overnight(project, "run", name, "--no-smoke", "--json", "--", *command)
    overnight(project, "wait", name, "--timeout", "120")
    return overnight(project, "explain", name, "--json")


def test_smoke_then_run(torch_project: Path) -> None:
    """What `init` wrote is enough for a smoke test and a run, without a word more."""
    assert overnight(torch_project, "smoke", "--json")["passed"]
    launched = overnight(torch_project, "run", "--json")
    assert launched["run"] == "train01"
    overnight(torch_project, "wait", "train01", "--timeout", "120")
    assert overnight(torch_project, "results", "train01", "--json")["state"] == "finished"


def test_killed_training_resumes_from_its_checkpoint(torch_project: Path) -> None:
    """SIGKILL in epoch 4: the second attempt loads the checkpoint of epoch 3 and finishes."""
    explained = run(torch_project, "killed", "--break", "kill")
    assert explained["state"] == "finished"
    assert [attempt["signal"] for attempt in explained["attempts"]] == [9, None]
    assert explained["attempts"][1]["checkpoint"].endswith("ckpt_3.pt")
    lines = overnight(torch_project, "logs", "killed", "--all")
    assert lines.count("Epoch 3/8") == 1
    assert lines.count("Epoch 4/8") == 1


def test_out_of_memory_keeps_the_effective_batch(torch_project: Path) -> None:
    """torch's own exception, twice: 64 -> 32 x 2 -> 16 x 4, each resumed."""
    explained = run(torch_project, "memory", "--break", "oom")
    assert explained["state"] == "finished"
    labels = [attempt["label"] for attempt in explained["attempts"]]
    assert labels == ["batch 64", "batch 32 x 2", "batch 16 x 4"]
    assert [repair["class"] for repair in explained["repairs"]] == ["cuda_oom", "cuda_oom"]
