"""When a look that came along with a login is all that was wanted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from overnight.node import fs, identity, opening, server
from tests.unit.node import runs


@pytest.fixture
def ends() -> Any:
    """A pipe: its reading and its writing end."""
    reading, writing = os.pipe()
    yield reading, writing
    for fd in (reading, writing):
        try:
            os.close(fd)
        except OSError:
            continue


def test_the_end_is_told_from_what_is_still_to_read(ends: tuple[int, int]) -> None:
    """Silence, a word, and the end after it."""
    reading, writing = ends
    assert not opening.has_ended(reading)
    os.write(writing, b"x")
    os.close(writing)
    assert not opening.has_ended(reading)
    os.read(reading, 1)
    assert opening.has_ended(reading)


def test_who_must_see_to_the_watch_goes_on(tmp_path: Path, ends: tuple[int, int]) -> None:
    """A laptop that left ends it, unless a run is active that nothing watches."""
    reading, writing = ends
    os.close(writing)
    before = os.dup(0)
    os.dup2(reading, 0)
    try:
        for state, over in (("finished", True), ("running", False)):
            answer = {"ok": {"runs": [{"run": "a", "state": state}]}}
            assert opening.is_over(str(tmp_path), answer) is over
    finally:
        os.dup2(before, 0)
        os.close(before)


def test_a_missing_watch_is_started_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not afterwards: `status` on the laptop's own machine ends this process once it is told."""
    started: list[str] = []
    monkeypatch.setattr(server, "ensure_watch", started.append)
    run = runs.make(tmp_path)
    asked = {"verb": "look", "id": 1, "args": {"project": "p"}}
    assert opening.quick(str(tmp_path), asked)
    assert started == [str(tmp_path)]
    fs.publish_json(str(tmp_path / "watch.json"), list(identity.of(os.getpid()) or ()))
    assert opening.quick(str(tmp_path), asked)
    os.unlink(tmp_path / "watch.json")
    runs.tell(run, ("finished", {"reason": ""}))
    assert opening.quick(str(tmp_path), asked)
    assert started == [str(tmp_path)]
