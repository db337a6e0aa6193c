"""The shell around the decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from overnight.node import supervise
from tests.unit.node import runs


def test_a_lock_that_stays_held_is_waited_for(tmp_path: Path, monkeypatch: Any) -> None:
    """Somebody has stopped a process that holds a lock: the run's supervisor does not die of it."""
    monkeypatch.setattr(supervise.wake, "Wake", lambda: None)
    supervisor = supervise.Supervisor(runs.make(tmp_path))
    tries: list[int] = []

    def action() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise TimeoutError("events.lock is held by another process for 30 s")

    supervisor.patiently(action)
    assert len(tries) == 3
