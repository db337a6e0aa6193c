"""A server of this machine for each test, with real processes and no need of root."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.local import world as worlds


@pytest.fixture
def world(tmp_path: Path) -> Iterator[worlds.World]:
    """A project and a server's root; whatever runs below them is ended after the test."""
    with worlds.world(tmp_path) as made:
        yield made


@pytest.fixture
def age() -> Callable[[Path, float], None]:
    """Makes a run's folder look as if nothing had happened in it for so many seconds."""

    def make(run: Path, by_s: float) -> None:
        events = run / "events.jsonl"
        if events.exists():
            listed = [json.loads(line) for line in events.read_text().splitlines()]
            older = [{**event, "time": event["time"] - by_s} for event in listed]
            events.write_text("".join(json.dumps(event) + "\n" for event in older))
            (run / "state.json").unlink(missing_ok=True)
        before = time.time() - by_s
        os.utime(run, (before, before))

    return make
