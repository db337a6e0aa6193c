"""Taking turns: what was decided stands in the events, and what starts has a supervisor."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from overnight.node import (
    fs,
    journal,
    keeper,
    launch,
    layout,
    look,
    many,
    outlook,
    requests,
    states,
    turns,
    waiting,
)
from tests.unit.node import runs


def wanted(name: str, **queue: Any) -> dict[str, Any]:
    return runs.spec(name, queue={"cpu_slots": 1, **queue})


def launched(root: Path, name: str, **queue: Any) -> dict[str, Any]:
    return launch.launch(str(root), wanted(name, **queue), {})


def state(root: Path, name: str) -> states.State:
    return journal.state(layout.run(str(root), "p", name))


def end(root: Path, name: str) -> None:
    runs.tell(layout.run(str(root), "p", name), ("finished", {"reason": ""}))


def test_there_is_one_slot_and_the_second_waits(tmp_path: Path, started: list[str]) -> None:
    """Until the first has ended; nobody sits there for it meanwhile."""
    assert launched(tmp_path, "a")["started"]
    assert not launched(tmp_path, "b")["started"]
    assert (state(tmp_path, "b").state, started) == (states.QUEUED, ["a"])
    assert turns.turn(str(tmp_path)) == 0
    end(tmp_path, "a")
    assert turns.turn(str(tmp_path)) == 1
    assert (state(tmp_path, "b").place, started) == (
        {"gpus": [], "share": 1.0, "indices": []},
        ["a", "b"],
    )


def test_the_list_holds_what_is_active(tmp_path: Path, started: list[str]) -> None:
    """A run that has ended is taken off it by whoever looks."""
    launched(tmp_path, "a")
    launched(tmp_path, "b")
    end(tmp_path, "a")
    turns.turn(str(tmp_path))
    assert [run.name for run in waiting.listed(str(tmp_path))] == ["b"]


def test_a_waiting_run_is_stopped_without_a_supervisor(tmp_path: Path, started: list[str]) -> None:
    """At once."""
    launched(tmp_path, "a")
    launched(tmp_path, "b")
    launch.stop(layout.run(str(tmp_path), "p", "b"), "overnight stop")
    assert state(tmp_path, "b").state == states.STOPPED
    assert state(tmp_path, "b").reason == "stopped by overnight stop"
    assert started == ["a"]


def test_a_run_that_is_withdrawn_never_starts_here(tmp_path: Path, started: list[str]) -> None:
    """Asked again it is still the same; one that has a place stays."""
    launched(tmp_path, "a")
    launched(tmp_path, "b")
    for _ in range(2):
        gone = turns.withdraw(layout.run(str(tmp_path), "p", "b"), "gpu2")
        assert (gone.state, gone.moved_to) == (states.STOPPED, "gpu2")
    assert turns.withdraw(layout.run(str(tmp_path), "p", "a"), "gpu2").moved_to is None
    end(tmp_path, "a")
    assert turns.turn(str(tmp_path)) == 0
    with pytest.raises(launch.LaunchError, match="moved to gpu2"):
        launch.resume(layout.run(str(tmp_path), "p", "b"), {})


def test_a_run_that_another_follows_is_not_withdrawn(tmp_path: Path, started: list[str]) -> None:
    """Nobody here would know when it has finished."""
    for name, after in (("a", []), ("b", []), ("c", ["b"])):
        launched(tmp_path, name, after=after)
    run = layout.run(str(tmp_path), "p", "b")
    assert turns.withdraw(run, "gpu2").moved_to is None
    launch.stop(layout.run(str(tmp_path), "p", "c"), "me")
    assert turns.withdraw(run, "gpu2").moved_to == "gpu2"


def test_a_run_may_not_follow_one_that_is_not_there(tmp_path: Path, started: list[str]) -> None:
    """Nobody here would know when it has finished; nothing is left of the launch."""
    with pytest.raises(launch.LaunchError, match="no such run"):
        launched(tmp_path, "b", after=["a"])
    assert not (tmp_path / "projects/p/runs/b/spec.json").exists()


def test_a_resumed_run_waits_for_its_turn(tmp_path: Path, started: list[str]) -> None:
    """It has given its place away."""
    launched(tmp_path, "a")
    end(tmp_path, "a")
    launched(tmp_path, "b")
    launch.resume(layout.run(str(tmp_path), "p", "a"), {"by": "me"})
    assert state(tmp_path, "a").state == states.QUEUED


def test_many_runs_are_launched_in_one_request(tmp_path: Path, started: list[str]) -> None:
    """One that is refused keeps no other from starting; asked again, nothing is made twice."""
    launched(tmp_path, "r1")
    taken = {**wanted("r1"), "resume": ["--other"]}
    specs = [wanted("r0"), taken, wanted("r2", after=["nobody"]), *map(wanted, ("r3", "r4"))]
    answers = many.launch_many(str(tmp_path), specs, {"TOKEN": "secret"})
    assert [each.get("error", {}).get("code") for each in answers] == [
        *(None, "name_taken", "no_such_run", None, None)
    ]
    assert [each["state"] for each in answers if "state" in each] == [states.QUEUED] * 3
    again = many.launch_many(str(tmp_path), specs, {"TOKEN": "secret"})
    assert [each.get("existed") for each in again] == [True, None, None, True, True]
    secrets = tmp_path / "projects/p/runs/r0/secrets"
    assert os.stat(secrets).st_mode & 0o777 == 0o600
    assert started == ["r1"]


def test_many_runs_of_two_projects_are_refused(tmp_path: Path) -> None:
    """Messages and limits are those of one."""
    with pytest.raises(ValueError, match="several projects"):
        many.launch_many(str(tmp_path), [wanted("a"), {**wanted("b"), "project": "q"}], {})


def test_what_many_runs_are_told_lasts(
    tmp_path: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are flushed together before the answer, and again after the queue's turn."""
    flushed: list[int] = []
    folder = tmp_path / "projects/p/runs"
    monkeypatch.setattr(fs, "sync_all", lambda root: flushed.append(len(os.listdir(folder))))
    number = turns.MANY + 2
    many.launch_many(str(tmp_path), [wanted(f"r{n}") for n in range(number)], {})
    assert flushed == [number, number]


def test_a_run_without_a_supervisor_gets_one(tmp_path: Path, started: list[str]) -> None:
    """One that has a place is never queued again."""
    launched(tmp_path, "a")
    run = layout.run(str(tmp_path), "p", "a")
    assert keeper.see_to(run, wanted("a"), journal.state(run))
    assert started == ["a", "a"]


def test_the_outlook_is_told_to_those_who_look(tmp_path: Path, started: list[str]) -> None:
    """When the first has ended by its estimate; nothing once that was worked out too long ago."""
    launched(tmp_path, "a", expected_s=600.0)
    launched(tmp_path, "b")
    runs.tell(layout.run(str(tmp_path), "p", "a"), ("attempt_started", {"attempt": 1}))
    memory = turns.Memory()
    outlook.attend(str(tmp_path), memory)
    assert looked(tmp_path) == {"a": None, "b": None}
    turns.turn(str(tmp_path), memory)
    outlook.attend(str(tmp_path), memory)
    told = looked(tmp_path)
    assert told["a"] is None
    assert 0 < (told["b"] or 0) <= 600
    path = tmp_path / look.OUTLOOK
    old = {**json.loads(path.read_text()), "until": 1.0}
    path.write_text(json.dumps(old))
    assert looked(tmp_path) == {"a": None, "b": None}
    outlook.attend(str(tmp_path), memory)  # it is not due again
    assert json.loads(path.read_text()) == old


def looked(root: Path) -> dict[str, float | None]:
    return {row["run"]: row["starts_in_s"] for row in look.rows(str(root), "p", {})}


def test_a_file_beside_the_lists_is_no_project(tmp_path: Path, started: list[str]) -> None:
    """Who else was seen on the GPUs stands there; the queue goes on."""
    launched(tmp_path, "a")
    launched(tmp_path, "b")
    (tmp_path / "queue" / "seen.json").write_text("{}")
    end(tmp_path, "a")
    assert turns.turn(str(tmp_path)) == 1


def test_what_the_events_say_counts(tmp_path: Path, started: list[str]) -> None:
    """Whoever gave a run its place was killed before state.json told of it: it has it."""
    launched(tmp_path, "a")
    launched(tmp_path, "b")
    launched(tmp_path, "c", priority=5)
    end(tmp_path, "a")
    run = layout.run(str(tmp_path), "p", "b")
    behind = Path(run.file("state.json")).read_bytes()
    runs.tell(run, ("granted", {"gpus": []}))
    Path(run.file("state.json")).write_bytes(behind)
    assert turns.turn(str(tmp_path)) == 0
    assert state(tmp_path, "c").place is None


def test_who_comes_while_the_gpus_are_looked_at(
    tmp_path: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody had asked for GPUs, so none were seen. That does not mean that there are none."""
    launched(tmp_path, "a")
    launched(tmp_path, "b")
    end(tmp_path, "a")
    look_at = turns.look

    def meanwhile(root: str, active: Any) -> Any:
        late = runs.make(tmp_path, "late", gpus=1)
        waiting.note(late, runs.spec("late", gpus=1))
        return look_at(root, active)

    monkeypatch.setattr(turns, "look", meanwhile)
    assert turns.turn(str(tmp_path)) == 1
    assert state(tmp_path, "late").state == states.STARTING


def test_one_broken_run_leaves_the_others_alone(tmp_path: Path, started: list[str]) -> None:
    """Its events cannot be written, or not even be read."""
    launched(tmp_path, "a")
    for name in ("b", "c", "d"):
        launched(tmp_path, name)
    end(tmp_path, "a")
    os.unlink(tmp_path / "projects/p/runs/b/events.lock")
    os.mkdir(tmp_path / "projects/p/runs/b/events.lock")
    os.unlink(tmp_path / "projects/p/runs/c/events.jsonl")
    os.mkdir(tmp_path / "projects/p/runs/c/events.jsonl")
    memory = turns.Memory()
    assert [turns.turn(str(tmp_path), memory) for _ in range(2)] == [0, 1]
    assert started == ["a", "d"]


def test_the_newest_rules_hold_for_what_waits(tmp_path: Path, started: list[str]) -> None:
    """Who changes them in overnight.toml and looks at the queue need not launch anew."""
    launched(tmp_path, "a", sharing={"quiet": ["00:00-23:59"]})
    launched(tmp_path, "b", sharing={"quiet": ["00:00-23:59"]})
    args = {"project": "p", "sharing": {"quiet": []}}
    requests.queue_look(str(tmp_path), args, b"")
    found = list(turns.survey(str(tmp_path), turns.Memory()))
    assert [each.wish.sharing for each in found] == [{"quiet": []}] * 2
