"""A function in a process of its own."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from overnight.node import apart, lock


def test_the_value_comes_back() -> None:
    """Any JSON value, however large, also with undecodable names in it."""
    value = {"paths": ["a\udcff"] * 100_000, "none": None}
    assert apart.call(lambda: value) == value


def test_it_runs_in_another_process() -> None:
    """What it takes is gone with it, and no zombie is left."""
    child = apart.call(os.getpid)
    assert child != os.getpid()
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)


def test_what_it_raises_is_told() -> None:
    """As one line for people."""
    with pytest.raises(apart.FailedError, match="ValueError: no such thing"):
        apart.call(lambda: int_of("no such thing"))


def int_of(text: str) -> int:
    raise ValueError(text)


def test_its_death_is_told() -> None:
    """A crash in a decoder is not our crash."""
    with pytest.raises(apart.FailedError, match="died"):
        apart.call(lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_it_keeps_no_lock_of_its_parent(tmp_path: Path) -> None:
    """A parent that is killed meanwhile frees its locks."""
    path = str(tmp_path / "lock")
    with lock.held(path):
        assert str(tmp_path / "lock") not in apart.call(open_files)


def open_files() -> list[str]:
    links = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
    return [os.readlink(link) for link in links if os.path.lexists(link)]


def test_what_takes_too_long_is_ended() -> None:
    """Whatever a log does to a search, the supervisor goes on."""
    with pytest.raises(apart.FailedError, match=r"longer than 0\.2 s"):
        apart.call(lambda: threading.Event().wait(60.0), limit_s=0.2)
    assert apart.left_behind == []


def test_what_it_prints_reaches_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    """A library that talks would talk into the pipe to the laptop."""
    assert apart.call(lambda: os.write(1, b"talk") + os.write(2, b"talk")) == 8
    assert capfd.readouterr() == ("", "")
