"""What must hold after every night, whatever has happened in it (the laws of the design)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from overnight.node import journal, layout, processes, states
from tests.integration.local.world import World
from tests.waiting import wait_until

BELONGS_TO_THE_TRAINING = ("work", "attempts")


def check(world: World, name: str) -> states.State:
    """All of them, for one run; its state."""
    run = world.run(name)
    wait_until(lambda: is_published(run), what="state.json to be the fold of the events")
    events = whole_lines(Path(run.file("events.jsonl")))
    state = states.fold(events)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert state.misfits == 0, "an event that could not come then"
    assert "SECOND PROCESS" not in world.lines(), "two processes of one run (law 3)"
    attempts_have_records(run, state)
    nothing_is_half_named(run, state)
    if state.state in states.ENDED:
        ended_means_ended(run, state)
    return state


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """Every line of the events can be read, to the last byte."""
    text = path.read_bytes()
    assert text.endswith(b"\n")
    return [json.loads(line) for line in text.splitlines()]


def is_published(run: layout.Run) -> bool:
    """state.json follows the events by a moment, because they are the truth."""
    value = json.loads(Path(run.file("state.json")).read_bytes())
    return bool(value == journal.shown(run, journal.state(run)))


def attempts_have_records(run: layout.Run, state: states.State) -> None:
    """Law 2: what the events tell of an attempt's end is on the disk beside it."""
    for attempt in state.attempts:
        assert Path(run.attempt(attempt.n, "start.json")).is_file()
        if attempt.ended_at is not None:
            record = json.loads(Path(run.attempt(attempt.n, "exit.json")).read_bytes())
            assert (record["exit_code"], record["cause"]) == (attempt.exit_code, attempt.cause)


def nothing_is_half_named(run: layout.Run, state: states.State) -> None:
    """No temporary file is left; the shim's is, where it was killed before the end.

    What an attempt ran in may be written down a moment after its end.
    """
    if state.state not in states.ACTIVE:
        wait_until(lambda: not temporary(run), what="the last files to have their names")


def temporary(run: layout.Run) -> list[Path]:
    found = Path(run.folder).glob("**/*.tmp")
    return [path for path in found if "work" not in path.parts and path.name != "exit.tmp"]


def ended_means_ended(run: layout.Run, state: states.State) -> None:
    """No process of an ended run lives, and each of its attempts is closed."""
    assert state.open_attempt is None
    for attempt in state.attempts:
        folder = run.attempt(attempt.n)
        wait_until(lambda folder=folder: not processes.of_attempt(folder), what="its processes")
