"""What every test has: a user of its own, whose settings and projects are not the developer's."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.testbed import host as hosts
from tests.testbed import lab as labs
from tests.testbed import needs

# The machines are shared: how long an example takes says nothing about it.
hypothesis.settings.register_profile("overnight", deadline=None)
hypothesis.settings.load_profile("overnight")

FOREIGN_PREFIXES = ("OVERNIGHT_", "GIT_", "WANDB_", "HF_", "CUDA_", "SLURM_", "CONDA_", "SSH_")
FOREIGN_NAMES = ("TMUX", "VIRTUAL_ENV", "XDG_RUNTIME_DIR", "COLUMNS", "NO_COLOR", "FORCE_COLOR")

TRAIN = """\
import json
import pathlib

folder = pathlib.Path("outputs")
folder.mkdir(exist_ok=True)
with open(folder / "metrics.jsonl", "w") as metrics:
    for epoch in range(1, 4):
        row = {"epoch": epoch, "loss": 1 / epoch, "val_acc": 90 + epoch}
        print(f"epoch {epoch}/3 loss {row['loss']:.3f} val_acc {row['val_acc']}", flush=True)
        metrics.write(json.dumps(row) + "\\n")
"""
OVERNIGHT_TOML = """\
[project]
name = "project"
train = "python3 train.py"
outputs = ["outputs"]

[metrics]
primary = "val_acc"
goal = "max"
"""


@pytest.fixture(autouse=True)
def user_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home with a short path (sockets fit into it) and no settings from outside."""
    for name in list(os.environ):
        if name.startswith(FOREIGN_PREFIXES) or name in FOREIGN_NAMES:
            monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory(prefix="ov-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        monkeypatch.setenv("HOME", str(home))
        for name in ("config", "data", "state", "cache"):
            monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(home / f".{name}"))
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for role in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
            monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
        monkeypatch.setenv("TMUX_TMPDIR", str(home))
        yield home
        end_tmux(home)


def end_tmux(home: Path) -> None:
    """Ends the tmux server that a test started below its home, if one was."""
    if (home / f"tmux-{os.getuid()}" / "default").exists():
        environ = {**os.environ, "TMUX_TMPDIR": str(home)}
        subprocess.run(["tmux", "kill-server"], env=environ, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git project with one commit: a training of three epochs that takes no time."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    (folder / "overnight.toml").write_text(OVERNIGHT_TOML)
    (folder / ".gitignore").write_text("outputs/\n")
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[labs.Lab]:
    """A lab of this process; what tests start from now on is on the laptop's side of it.

    Skips with the reason where this machine cannot have one, and fails there in CI.
    """
    if reason := needs.missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with labs.Lab(tmp_path_factory.mktemp("lab")) as made:
        made.enter()
        yield made


@pytest.fixture
def host(lab: labs.Lab) -> Iterator[hosts.Host]:
    """Server `h1`, as new."""
    yield from lend(lab, 1)


@pytest.fixture
def host2(lab: labs.Lab) -> Iterator[hosts.Host]:
    """Server `h2`, as new."""
    yield from lend(lab, 2)


def lend(lab: labs.Lab, number: int) -> Iterator[hosts.Host]:
    """A host for one test, which leaves its files for whoever looks why it failed."""
    host = lab.reset(number)
    yield host
    if host.is_up:
        host.kill_users()
