from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.node import tmux
from tests import waiting


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A real tmux server of our own; the folder is short, because socket paths must be."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed (apt-get install tmux)")
    folder = tempfile.mkdtemp(prefix="tmux")
    monkeypatch.setenv("TMUX_TMPDIR", folder)
    monkeypatch.delenv("TMUX", raising=False)
    yield
    subprocess.run(["tmux", "kill-server"], capture_output=True)
    shutil.rmtree(folder)


@pytest.fixture
def training() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def ask(*arguments: str) -> str:
    return subprocess.run(["tmux", *arguments], capture_output=True, text=True).stdout


def sessions() -> list[str]:
    return ask("list-sessions", "-F", "#S").split()


@pytest.mark.usefixtures("server")
def test_the_session_shows_the_output(tmp_path: Path, training: subprocess.Popen[bytes]) -> None:
    """`tmux attach -t train01` shows what the training prints, old lines and new ones."""
    log = tmp_path / "it's; a $(log)" / "output.log"
    log.parent.mkdir()
    log.write_text("epoch 1/50\n")
    assert tmux.open_view("train01", str(log), training.pid) == "train01"
    waiting.wait_until(lambda: "epoch 1/50" in ask("capture-pane", "-p", "-t", "=train01:"))
    with open(log, "a") as file:
        file.write("epoch 2/50\n")
    waiting.wait_until(lambda: "epoch 2/50" in ask("capture-pane", "-p", "-t", "=train01:"))


@pytest.mark.usefixtures("server")
def test_the_session_ends_with_the_process(tmp_path: Path) -> None:
    """A view of something that has ended does not stay around."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert tmux.open_view("train01", str(tmp_path / "log"), ended.pid)
    waiting.wait_until(lambda: not sessions(), timeout_s=10)


@pytest.mark.usefixtures("server")
def test_opening_again_uses_the_open_view(
    tmp_path: Path, training: subprocess.Popen[bytes]
) -> None:
    """A supervisor that was started again finds its window."""
    log = str(tmp_path / "log")
    assert tmux.open_view("train01", log, training.pid) == "train01"
    assert tmux.open_view("train01", log, training.pid) == "train01"
    assert sessions() == ["train01"]


@pytest.mark.usefixtures("server")
def test_a_session_of_somebody_elses_is_left_alone(
    tmp_path: Path, training: subprocess.Popen[bytes]
) -> None:
    """Law 6: where the name is taken we use another, and where both are, none."""
    ask("new-session", "-d", "-s", "train01", "sleep 61")
    log = str(tmp_path / "log")
    assert tmux.open_view("train01", log, training.pid) == "overnight-train01"
    assert tmux.open_view("train01", log, training.pid) == "overnight-train01"
    assert tmux.open_view("train01", log + "2", training.pid) is None
    assert sorted(sessions()) == ["overnight-train01", "train01"]
    assert "sleep" in ask("list-panes", "-t", "=train01:", "-F", "#{pane_start_command}")


@pytest.mark.usefixtures("server")
def test_a_name_that_begins_another_is_its_own(
    tmp_path: Path, training: subprocess.Popen[bytes]
) -> None:
    """tmux takes `train1` for `train10` unless it is asked for exactly that."""
    log = str(tmp_path / "log")
    assert tmux.open_view("train10", log, training.pid) == "train10"
    assert tmux.open_view("train1", log, training.pid) == "train1"
    assert sorted(sessions()) == ["train1", "train10"]


@pytest.mark.usefixtures("server")
def test_the_tmux_server_learns_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, training: subprocess.Popen[bytes]
) -> None:
    """Law 9: a server that we start would hand our environment to all that is opened in it."""
    monkeypatch.setenv("WANDB_API_KEY", "very-secret")
    tmux.open_view("train01", str(tmp_path / "log"), training.pid)
    known = ask("show-environment", "-g") + ask("show-environment", "-t", "=train01:")
    assert "TMUX_TMPDIR" in known and "very-secret" not in known
    for folder in Path("/proc").glob("[0-9]*"):
        if is_tmux(folder):
            assert b"very-secret" not in (folder / "environ").read_bytes()


def is_tmux(folder: Path) -> bool:
    try:
        own = os.environ["TMUX_TMPDIR"].encode() in (folder / "environ").read_bytes()
        return own and (folder / "comm").read_text().startswith("tmux")
    except OSError:
        return False


def test_without_tmux_there_is_no_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without tmux is a server without windows, and nothing else."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tmux.open_view("train01", "/x/log", os.getpid()) is None


def test_a_tmux_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor never waits long for a window."""
    program = tmp_path / "tmux"
    program.write_text(f"#!/bin/sh\necho x >> {tmp_path}/calls\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(tmux, "TIMEOUT_S", 0.05)
    assert tmux.open_view("train01", "/x/log", os.getpid()) is None
    assert (tmp_path / "calls").read_text() == "x\n"


def test_attaching_asks_for_exactly_this_session() -> None:
    """The command that a person can type as well."""
    assert tmux.attach_argv("train01") == ["tmux", "attach", "-t", "=train01"]
