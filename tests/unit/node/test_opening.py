"""When a look that came along with a login is all that was wanted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from overnight.node import opening, server


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


def test_a_missing_watch_is_started_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the answer may leave at once, and with it the process that would start one."""
    started: list[str] = []
    monkeypatch.setattr(server, "ensure_watch", started.append)
    root = str(tmp_path)
    for state in ("finished", "running"):
        opening.see_to_watch(root, [{"run": "a", "state": state}])
    assert started == [root]


def test_a_laptop_that_left_ends_it(ends: tuple[int, int]) -> None:
    """One that says something more is listened to."""
    reading, writing = ends
    before = os.dup(0)
    os.dup2(reading, 0)
    try:
        os.write(writing, b"x")
        assert not opening.is_over()
        os.read(0, 1)
        os.close(writing)
        assert opening.is_over()
    finally:
        os.dup2(before, 0)
        os.close(before)
