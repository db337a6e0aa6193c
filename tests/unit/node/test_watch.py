"""The rounds of the watch: what it finds, and whom it sees to."""

from __future__ import annotations

import os
from pathlib import Path

from overnight.node import fs, journal, launch, layout, states, waiting, watch
from tests.unit.node import runs


def launched(root: Path, name: str) -> layout.Run:
    launch.launch(str(root), runs.spec(name, queue={"cpu_slots": 1}), {})
    return layout.run(str(root), "p", name)


def told_without_state(run: layout.Run, kind: str, **details: object) -> None:
    """As if its writer had been killed between the event and state.json."""
    before = Path(run.file("state.json")).read_bytes()
    runs.tell(run, (kind, details))
    Path(run.file("state.json")).write_bytes(before)


def test_a_running_run_comes_back_onto_the_list(tmp_path: Path, started: list[str]) -> None:
    """Its entry was lost, or it is of a node that had no list: nobody else is given its place."""
    run = launched(tmp_path, "a")
    launched(tmp_path, "b")
    waiting.forget(run)
    watch.Watch(str(tmp_path)).look_after()
    assert os.path.exists(waiting.path(run))
    assert journal.state(layout.run(str(tmp_path), "p", "b")).place is None


def test_an_event_that_state_json_does_not_tell(tmp_path: Path, started: list[str]) -> None:
    """A place that was given, a run that was resumed, the end of one that waited."""
    run = launched(tmp_path, "a")
    runs.tell(run, ("finished", {"reason": ""}))
    given, resumed, ended = [launched(tmp_path, name) for name in ("b", "c", "d")]
    runs.tell(resumed, ("stopped", {"reason": ""}))
    waiting.note(resumed, runs.spec("c"))
    del started[:]
    told_without_state(given, "granted", gpus=[])
    told_without_state(resumed, "resumed")
    told_without_state(ended, "failed", reason="for ever")
    watch.Watch(str(tmp_path)).look_after()
    shown = [(fs.read_json(run.file("state.json")) or {})["state"] for run in (resumed, ended)]
    assert shown == [states.QUEUED, states.FAILED]
    assert started == ["b"]


def test_a_run_that_cannot_be_read(tmp_path: Path, started: list[str]) -> None:
    """The others are looked after all the same."""
    run = launched(tmp_path, "a")
    broken = runs.make(tmp_path, "0")
    for name in ("state.json", "events.jsonl"):
        os.unlink(broken.file(name))
        os.mkdir(broken.file(name))
    del started[:]
    assert watch.Watch(str(tmp_path)).look_after()
    assert started == ["a"]
    assert run.name == "a"


def test_the_list_is_whole_although_nobody_waits(tmp_path: Path, started: list[str]) -> None:
    """Whoever is launched next takes a turn before the watch does."""
    run = launched(tmp_path, "a")
    waiting.forget(run)
    watch.Watch(str(tmp_path)).look_after()
    launched(tmp_path, "b")
    assert journal.state(layout.run(str(tmp_path), "p", "b")).place is None
