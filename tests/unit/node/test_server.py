"""Starting our own processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from overnight.node import layout, server
from tests.waiting import wait_until


def test_a_process_of_ours_carries_no_foreign_marker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node called by a training is no part of it, and outlives it."""
    monkeypatch.setenv(layout.MARKER, "/somebody/elses/attempt")
    pid = server.spawn(["linger", "60"], str(tmp_path / "log"))
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert layout.MARKER.encode() not in environment
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, 9)
        assert server.wait_for_started(10.0)


def test_what_has_ended_leaves_no_zombie(tmp_path: Path) -> None:
    """Each is let go of once."""
    pid = server.spawn(["linger", "0"], str(tmp_path / "log"))
    wait_until(lambda: server.reap() or pid not in server.started, what="its end")
    assert not Path(f"/proc/{pid}").exists()


def test_waiting_for_what_goes_on(tmp_path: Path) -> None:
    """Only so long."""
    pid = server.spawn(["linger", "60"], str(tmp_path / "log"))
    assert not server.wait_for_started(0.0)
    os.kill(pid, 9)
    assert server.wait_for_started(10.0)
