"""The local mirror: what servers said, and launches that were cut short."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from overnight.core import errors
from overnight.store import mirror, moves


def row(name: str, state: str = "running", **more: Any) -> dict[str, Any]:
    return {"run": name, "state": state, "kind": "run", **more}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    made = mirror.Mirror(tmp_path)
    yield made
    made.close()


def test_a_server_is_forgotten(store: mirror.Mirror) -> None:
    """Its rows, events, passes and facts go; those of others and cut launches stay."""
    for server in ("gpu1", "gpu2"):
        store.record(server, 100.0, [row("a")], {"a": [{"seq": 1}]})
        store.remember_smoke("s", "c", server, {})
        store.remember_fact(server, "cron", 5.0, {"state": "installed"})
    store.forget("gpu1")
    assert store.servers() == ["gpu2"]
    assert (store.where("a"), store.cursors("gpu1")) == (["gpu2"], {})
    assert (store.smoke_pass("s", "c", "gpu1"), store.fact("gpu1", "cron")) == (None, None)
    assert store.fact("gpu2", "cron") == (5.0, {"state": "installed"})


def test_what_was_recorded_is_seen(store: mirror.Mirror) -> None:
    """Rows, events, cursors, and when the server answered."""
    store.record("gpu1", 100.0, [row("a")], {"a": [{"seq": 1}, {"seq": 2}]})
    seen = store.seen("gpu1")
    assert (seen.seen_at, [each["run"] for each in seen.rows]) == (100.0, ["a"])
    assert store.cursors("gpu1") == {"a": 2}
    assert [event["seq"] for event in store.events("gpu1", "a")] == [1, 2]


def test_unreachable_changes_no_run(store: mirror.Mirror) -> None:
    """A server that is away keeps what it said, with its age (law 1)."""
    store.record("gpu1", 100.0, [row("a")], {})
    store.record_problem("gpu1", "no route")
    seen = store.seen("gpu1")
    assert (seen.seen_at, seen.problem, seen.rows[0]["state"]) == (100.0, "no route", "running")


def test_a_run_that_the_server_no_longer_has_is_lost(store: mirror.Mirror) -> None:
    """Not forgotten, and not called failed."""
    store.record("gpu1", 100.0, [row("a"), row("b")], {})
    store.record("gpu1", 101.0, [row("b")], {})
    assert {each["run"]: each["state"] for each in store.seen("gpu1").rows} == {
        "a": "lost",
        "b": "running",
    }


def test_a_launch_that_was_cut_short_keeps_its_name(store: mirror.Mirror) -> None:
    """The same content again gets the first name, until the launch has happened."""
    first = store.intend("content", "gpu1", ("train01", "x"))
    assert store.intend("content", "gpu1", ("train02", "y")) == first == ("train01", "x")
    store.intended("content", "gpu1")
    assert store.intend("content", "gpu1", ("train02", "y")) == ("train02", "y")


def test_names_include_launches_under_way(store: mirror.Mirror) -> None:
    """A name that was promised is not given again."""
    store.record("gpu1", 100.0, [row("a")], {})
    store.intend("content", "gpu1", ("train07", "x"))
    assert store.run_names() == {"a", "train07"}


def test_the_folder_keeps_itself_out_of_git(store: mirror.Mirror) -> None:
    """.overnight/.gitignore ignores everything in it."""
    assert (store.folder / ".gitignore").read_text() == "*\n"


def open_together(folder: Path, start: Any, problems: Any) -> None:
    """What each of the processes does."""
    start.wait()
    try:
        mirror.Mirror(folder).close()
    except BaseException as error:
        problems.put(str(error))


def test_processes_may_open_it_at_once(tmp_path: Path) -> None:
    """The first opening makes the tables; others at the same moment do not fail."""
    forking = multiprocessing.get_context("fork")
    problems = forking.SimpleQueue()
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        told = (folder, forking.Barrier(6), problems)
        processes = [forking.Process(target=open_together, args=told) for _ in range(6)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    assert problems.empty(), problems.get()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """One line and how to go on."""
    (tmp_path / mirror.FOLDER).mkdir()
    (tmp_path / mirror.FOLDER / "mirror.db").write_bytes(b"not a database, but long enough" * 99)
    with pytest.raises(errors.UsageError, match="not a usable mirror"):
        mirror.Mirror(tmp_path)


def test_a_mirror_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    """It says to upgrade, and changes nothing."""
    mirror.Mirror(tmp_path).close()
    path = tmp_path / mirror.FOLDER / "mirror.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.commit()
    db.close()
    with pytest.raises(errors.UsageError, match="newer"):
        mirror.Mirror(tmp_path)


def test_the_first_failure_is_remembered(store: mirror.Mirror) -> None:
    """However often it is asked in vain: since when; until it answers again."""
    store.record("gpu1", 100.0, [row("a")], {})
    store.record_problem("gpu1", "no route", 200.0)
    store.record_problem("gpu1", "timed out", 300.0)
    seen = store.seen("gpu1")
    assert (seen.seen_at, seen.problem, seen.away_since) == (100.0, "timed out", 200.0)
    store.record("gpu1", 400.0, [row("a")], {})
    assert store.seen("gpu1").away_since is None


def test_all_answers_of_one_moment(store: mirror.Mirror) -> None:
    """Answers and failures of servers that were asked at once."""
    store.record_all(
        100.0,
        [
            mirror.Answer("gpu1", [row("a")], {"a": [{"seq": 1}]}),
            mirror.Answer("gpu2", problem="no route"),
        ],
    )
    assert store.cursors("gpu1") == {"a": 1}
    assert store.seen("gpu2") == mirror.Seen(None, "no route", [], 100.0)


def test_a_move_is_remembered_until_it_is_done(store: mirror.Mirror, tmp_path: Path) -> None:
    """Also by the next process; what was begun first holds, so nobody sends it elsewhere."""
    began = store.moves.begin(moves.Pending("a", "p", "gpu1", "gpu2"))
    assert store.moves.begin(moves.Pending("a", "p", "gpu1", "gpu3")) == began
    store.moves.left(began, {"run": "a"})
    again = mirror.Mirror(tmp_path)
    (pending,) = again.moves.pending()
    assert pending == moves.Pending("a", "p", "gpu1", "gpu2", moves.ARRIVING, {"run": "a"})
    again.moves.done(pending)
    again.close()
    assert store.moves.pending() == []


def test_a_mirror_that_cannot_be_written_is_not_to_be_removed(tmp_path: Path) -> None:
    """It is whole: the advice to fetch it again would lose what only it knows."""
    mirror.Mirror(tmp_path).close()
    path = tmp_path / mirror.FOLDER / "mirror.db"
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as caught:
        db.execute("CREATE TABLE other (a)")
    db.close()
    error = mirror.unusable(path, caught.value)
    assert "cannot be written" in error.message
    assert "rm " not in error.hint
