"""What a laptop is told when it looks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from overnight.node import fs, identity, journal, look
from tests.unit.node import runs


@pytest.mark.parametrize(
    ("state", "beat_at", "supervised", "expected"),
    [
        ("running", 990.0, True, 10.0),
        ("running", 0.0, True, 100.0),
        ("running", 2000.0, True, 0.0),
        ("queued", 0.0, True, 0.0),
        ("queued", 0.0, False, 100.0),
        ("repairing", 990.0, False, 10.0),
        ("finished", 0.0, False, None),
        ("needs-decision", 0.0, False, None),
    ],
)
def test_silence(state: str, beat_at: float, supervised: bool, expected: float | None) -> None:
    """A heartbeat while an attempt runs; else a supervisor that lives; else the last event."""
    told: dict[str, Any] = {"state": state, "changed_at": 900.0}
    heartbeat = {"time": beat_at} if beat_at else {}
    assert look.silent_s(told, heartbeat, supervised, 1000.0) == expected


def test_events_are_flushed_before_they_are_told(tmp_path: Path, monkeypatch: Any) -> None:
    """Their writer may have been stopped before it did so, and the power may go."""
    run = runs.make(tmp_path)
    flushed: list[str] = []
    monkeypatch.setattr(fs, "sync_file", flushed.append)
    args: dict[str, Any] = {"project": "p", "cursors": {}}

    answer, _ = look.look(str(tmp_path), args, lambda _: True)
    assert [event["type"] for event in answer["events"]["r"]] == ["created"]
    assert flushed == [run.file("events.jsonl")]

    look.look(str(tmp_path), {**args, "cursors": {"r": 1}}, lambda _: True)
    assert len(flushed) == 1


def test_a_watch_that_lives(tmp_path: Path) -> None:
    """By its identity, not by its record alone."""
    assert not look.is_watched(str(tmp_path))
    me = identity.of(os.getpid())
    assert me is not None
    fs.publish_json(str(tmp_path / "watch.json"), list(me))
    assert look.is_watched(str(tmp_path))
    fs.publish_json(str(tmp_path / "watch.json"), [*list(me)[:2], me[2] + 1])
    assert not look.is_watched(str(tmp_path))


def test_a_run_in_the_queue_has_only_the_watch(tmp_path: Path) -> None:
    """It waits for hours, nobody supervises it, and all is well while the watch lives."""
    run = runs.make(tmp_path)
    journal.append(run, "waiting", reason="waiting for 1 free of 4 GPUs")
    old = {**journal.published(run), "changed_at": 1.0}
    fs.publish_json(run.file("state.json"), old)
    (alone,) = look.rows(str(tmp_path), "p", {})
    assert (alone["state"], alone["silent_s"] > look.LONGEST_PAUSE_S) == ("queued", True)
    fs.publish_json(str(tmp_path / "watch.json"), list(identity.of(os.getpid()) or ()))
    (watched,) = look.rows(str(tmp_path), "p", {})
    assert watched["silent_s"] == 0.0
