"""Results of a sweep on the disk of its server: whole, once, and whoever was killed meanwhile."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from overnight.node import fs, journal, layout, post, sweeps
from tests.unit.node import runs

METRICS = {"primary": "val_acc", "goal": "max"}


def make(root: Path, name: str, index: int = 0, **sweep: Any) -> layout.Run:
    of = {"name": "lr", "index": index, "total": 2, "point": {"lr": index}, "base": index == 0}
    return runs.make(
        root, name, sweep={**of, "seed": None, "mode": "grid", **sweep}, metrics=METRICS
    )


def end(run: layout.Run, value: float, how: str = "finished", attempt: int = 1) -> None:
    runs.tell(run, "attempt_started")
    place = [None, 3, value]
    curve = {"began": [None, 1], "bests": [place], "tail": [place], "source": "output.log"}
    os.makedirs(run.attempt(attempt))
    fs.publish_json(run.attempt(attempt, "exit.json"), {"primary": curve})
    runs.tell(run, ("attempt_ended", {"exit_code": 0}), (how, {"reason": "so it went"}))


def stamps(root: Path) -> dict[str, tuple[int, int]]:
    folder = root / "projects" / "p" / "sweeps" / "lr"
    seen = {path.name: path.stat() for path in folder.iterdir() if path.name != "lock"}
    return {name: (each.st_ino, each.st_mtime_ns) for name, each in seen.items()}


def table(root: Path) -> Any:
    return fs.read_json(str(root / "projects" / "p" / "sweeps" / "lr" / "table.json"))


def test_each_result_as_it_ends(tmp_path: Path) -> None:
    """The first alone, the table with the last; again and again changes nothing."""
    one, two = make(tmp_path, "a"), make(tmp_path, "b", 1)
    sweeps.record(one)
    assert stamps(tmp_path) == {}
    end(one, 90.0)
    sweeps.record(one)
    assert set(stamps(tmp_path)) == {"a.json"}
    end(two, 91.0, "failed")
    sweeps.record(two)
    before = stamps(tmp_path)
    assert set(before) == {"a.json", "b.json", "table.json", "table.txt"}
    for run in (one, two):
        sweeps.record(run)
    assert stamps(tmp_path) == before
    found = table(tmp_path)
    assert [(each["run"], each["state"]) for each in found["runs"]] == [
        ("a", "finished"),
        ("b", "failed"),
    ]
    assert found["runs"][0]["best"]["value"] == 90.0
    assert found["runs"][1]["reason"] == "so it went"


def test_a_run_that_is_resumed_later(tmp_path: Path) -> None:
    """The table stays while it runs, and is written anew when it has ended."""
    one, two = make(tmp_path, "a"), make(tmp_path, "b", 1)
    end(one, 90.0)
    end(two, 91.0, "failed")
    sweeps.record(two)
    runs.tell(two, "resumed")
    sweeps.record(one)
    assert table(tmp_path)["runs"][1]["state"] == "failed"
    end(two, 95.0, attempt=2)
    sweeps.record(two)
    assert table(tmp_path)["runs"][1]["state"] == "finished"
    assert table(tmp_path)["runs"][1]["best"]["value"] == 95.0


def test_a_repair_that_changed_the_experiment_is_told(tmp_path: Path) -> None:
    """Law 7."""
    run = make(tmp_path, "a", total=1)
    runs.tell(run, "attempt_started", ("attempt_ended", {"exit_code": 1}))
    runs.tell(run, ("repaired", {"class": "nan", "change": "lr 1 -> 0.5", "changes_science": True}))
    end(run, 90.0, attempt=2)
    sweeps.record(run)
    (kept,) = table(tmp_path)["runs"]
    assert kept["changed"] is True
    assert kept["repairs"][0]["change"] == "lr 1 -> 0.5"
    assert table(tmp_path)["points"][0]["n"] == 0


class Seen(NamedTuple):
    stamp: int
    state: str


def test_killed_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of the four files was the last: the watch writes those that are missing."""
    one, two = make(tmp_path, "a"), make(tmp_path, "b", 1)
    end(one, 90.0)
    end(two, 91.0)
    publish = fs.publish
    for left in range(4):
        for name in stamps(tmp_path) if left else ():
            os.unlink(tmp_path / "projects" / "p" / "sweeps" / "lr" / name)
        room = [left]

        def dies(path: str, content: bytes, *, room: list[int] = room, **more: Any) -> None:
            if room[0] == 0:
                raise OSError(errno.ENOSPC, "no space", path)
            room[0] -= 1
            publish(path, content, **more)

        net = sweeps.Net(str(tmp_path))
        known = {run: Seen(1, journal.published(run)["state"]) for run in (one, two)}
        monkeypatch.setattr(fs, "publish", dies)
        assert net.attend(known)
        monkeypatch.setattr(fs, "publish", publish)
        assert not net.attend(known)
        assert set(stamps(tmp_path)) == {"a.json", "b.json", "table.json", "table.txt"}


def test_runs_of_no_sweep_and_smoke_tests(tmp_path: Path) -> None:
    """They leave nothing; a name that leads elsewhere is none."""
    plain = runs.make(tmp_path, "plain")
    smoke = runs.make(tmp_path, "smoke", kind="smoke", sweep={"name": "lr"})
    odd = runs.make(tmp_path, "odd", sweep={"name": "../../x"})
    for run in (plain, smoke, odd):
        end(run, 1.0)
        sweeps.record(run)
    assert not (tmp_path / "projects" / "p" / "sweeps").exists()
    assert sweeps.answer(str(tmp_path), "p", None) == {"sweeps": {}}


def test_what_the_laptop_is_told(tmp_path: Path) -> None:
    """All runs of a sweep in one answer; of one that runs, what it has told so far."""
    one, two = make(tmp_path, "a"), make(tmp_path, "b", 1)
    end(one, 90.0)
    runs.tell(two, "attempt_started")
    os.makedirs(two.attempt(1))
    now = {"value": 50.0, "best": 51.0, "step": 7, "epoch": None, "name": "val_acc"}
    fs.publish_json(two.attempt(1, "heartbeat"), {"primary": now})
    found = sweeps.answer(str(tmp_path), "p", ["lr"])["sweeps"]["lr"]
    assert found["is_done"] is False
    assert found["runs"]["a"]["best"]["value"] == 90.0
    assert found["runs"]["b"]["state"] == "running"
    assert found["runs"]["b"]["now"]["best"] == 51.0
    assert sweeps.answer(str(tmp_path), "p", ["other"]) == {"sweeps": {}}
    only = sweeps.answer(str(tmp_path), "p", ["lr"], ["a"])["sweeps"]["lr"]["runs"]
    assert {run: told["points"] for run, told in only.items()} == {"a": [[None, 3, 90.0]]}


def test_a_full_disk_while_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result is written once there is room, also long before the table."""
    one, two = make(tmp_path, "a"), make(tmp_path, "b", 1)
    end(one, 90.0)
    known = {one: Seen(1, "finished"), two: Seen(1, "running")}
    net, publish = sweeps.Net(str(tmp_path)), fs.publish

    def full(path: str, content: bytes, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "no space", path)

    monkeypatch.setattr(fs, "publish", full)
    assert net.attend(known)
    monkeypatch.setattr(fs, "publish", publish)
    assert not net.attend(known)
    assert set(stamps(tmp_path)) == {"a.json"}


def test_a_run_that_was_moved_is_the_other_servers(tmp_path: Path) -> None:
    """It has ended here, and no result of it is told here."""
    one, two = make(tmp_path, "a"), make(tmp_path, "b", 1)
    end(one, 90.0)
    runs.tell(two, ("waiting", {"reason": "GPUs"}), ("moved", {"to": "gpu2"}))
    for run in (one, two):
        sweeps.record(run)
    assert [each["run"] for each in table(tmp_path)["runs"]] == ["a"]
    assert set(sweeps.answer(str(tmp_path), "p", None)["sweeps"]["lr"]["runs"]) == {"a"}


def test_a_run_whose_spec_is_just_being_written(tmp_path: Path) -> None:
    """The watch may see its folder first; that says nothing of its sweep."""
    run = layout.run(str(tmp_path), "p", "a")
    os.makedirs(run.folder)
    seen = post.Post(str(tmp_path))
    assert seen.sweeps({run: post.Known((0, 0), "", 0.0, False)}) == {run: {}}
    os.rmdir(run.folder)
    make(tmp_path, "a")
    assert seen.sweeps({run: post.Known((1, 1), "starting", 0.0, False)})[run]["name"] == "lr"


def test_a_watch_that_is_new_reads_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tables are newer than the results nothing is worked out anew."""
    one, two = make(tmp_path, "a"), make(tmp_path, "b", 1)
    for run, value in ((one, 90.0), (two, 91.0)):
        end(run, value)
        sweeps.record(run)
    made: list[str] = []
    tabulate = sweeps.tabulate
    monkeypatch.setattr(
        sweeps, "tabulate", lambda *words: made.append(words[2]) or tabulate(*words)
    )
    known = {run: Seen(1, "finished") for run in (one, two)}
    sweeps.Net(str(tmp_path)).attend(known)
    assert made == []
    table_txt = tmp_path / "projects" / "p" / "sweeps" / "lr" / "table.txt"
    os.utime(table_txt, (1, 1))
    sweeps.Net(str(tmp_path)).attend(known)
    assert made == ["lr"]
