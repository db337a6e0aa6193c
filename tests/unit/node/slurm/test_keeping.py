"""What a look at runs costs a login node, and which events it may write."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overnight.node import fs, journal, layout, server, states
from overnight.node.slurm import asking, deciding, keeping, listing, polling, records

SPEC: dict[str, Any] = {"gpus": 0, "slurm": {"nodes": 1}}
JOBS = "7|PENDING|Resources||train01.ab\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> layout.Run:
    """Submitted as job 7. No watch is started, and nothing is remembered of other tests' runs."""
    monkeypatch.setattr(server, "ensure_watch", lambda root: False)
    monkeypatch.setattr(keeping, "_due", {})
    monkeypatch.setattr(keeping, "_heard", {})
    made = layout.run(str(tmp_path / "root"), "project", "train01")
    Path(made.folder).mkdir(parents=True)
    path = f"{tmp_path / 'programs'}:{os.environ['PATH']}"
    fs.publish_json(made.file("session.json"), {"PATH": path})
    journal.append(made, "created")
    records.write(made, records.Submission(1, "train01.ab", job="7"))
    return made


@pytest.fixture
def slurm(tmp_path: Path) -> Callable[..., None]:
    """Says what a command of Slurm's prints from now on."""
    folder = tmp_path / "programs"
    folder.mkdir()

    def say(name: str, text: str = "", more: str = "") -> None:
        script = (
            f"#!/bin/sh\necho {name} \"$@\" >> '{tmp_path}/asked'\n{more}\ncat <<'X'\n{text}X\n"
        )
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)

    say("squeue", JOBS)
    say("scancel")
    say("sacct", more="echo Slurm accounting storage is disabled >&2; exit 1")
    return say


def asked(run: layout.Run) -> list[str]:
    path = Path(run.root).parent / "asked"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def test_slurm_is_asked_once_for_many_looks(run: layout.Run, slurm: Callable[..., None]) -> None:
    for _ in range(5):
        keeping.see_to(run, SPEC)
    assert asked(run) == ["squeue"]
    row = keeping.shown(run, {"state": states.QUEUED})
    assert row["reason"] == "Slurm job 7 waits: no node is free for it (Resources)"
    assert row["slurm"] == {"job": "7", "state": "PENDING", "reason": "Resources", "nodes": ""}


def test_a_run_whose_job_lives_is_not_asked_for(
    run: layout.Run, slurm: Callable[..., None]
) -> None:
    """Its claim was seen just now."""
    records.claim(run, 1, records.Seat("7", 0, "n1"))
    keeping.see_to(run, SPEC)
    assert asked(run) == []


def test_a_wish_to_stop_is_seen_at_once(run: layout.Run, slurm: Callable[..., None]) -> None:
    keeping.see_to(run, SPEC)
    records.wish_stop(run, "ada", 0.0)
    keeping.see_to(run, SPEC)
    assert asked(run) == ["squeue", "scancel"]


def test_a_job_that_ended_is_closed_with_its_attempt(
    run: layout.Run, slurm: Callable[..., None]
) -> None:
    """The record of the attempt comes before the end of the run (law 2)."""
    journal.append(run, "attempt_started", variant=0, label="", gpus=[])
    folder = Path(run.attempt(1))
    folder.mkdir(parents=True)
    (folder / "exit").write_text("143\n")
    slurm("squeue", JOBS.replace("PENDING|Resources", "CANCELLED|None"))
    keeping.see_to(run, SPEC)
    state = journal.state(run)
    assert (state.state, state.reason) == (states.STOPPED, "Slurm job 7 was cancelled")
    assert state.attempts[0].signal == 15
    assert fs.read_json(str(folder / "exit.json"))["exit_code"] == 143
    assert records.read(run).is_done  # type: ignore[union-attr]


def test_a_slurm_that_is_away_ends_nothing(run: layout.Run, slurm: Callable[..., None]) -> None:
    slurm("squeue", more="echo Unable to contact slurm controller >&2; exit 1")
    slurm("scontrol", more="echo Unable to contact slurm controller >&2; exit 1")
    before = journal.state(run)
    keeping.see_to(run, SPEC)
    assert journal.state(run) == before
    assert polling.read(run.root).problem == "Unable to contact slurm controller"


def test_doubles_are_taken_back(run: layout.Run, slurm: Callable[..., None]) -> None:
    slurm("squeue", JOBS + "9|PENDING|None||train01.ab\n")
    keeping.see_to(run, SPEC)
    lines = (Path(run.root).parent / "asked").read_text().splitlines()
    assert lines[1:] == ["scancel 9"]


def test_the_pause_is_that_until_slurm_is_asked_next(
    run: layout.Run, slurm: Callable[..., None]
) -> None:
    keeping.see_to(run, SPEC)
    assert 0 < keeping.pause_s(run, deciding.Leave("it waits"), None) <= 2.0
    assert keeping.pause_s(run, deciding.Leave(), 1.0) == deciding.FRESH_S
    assert keeping.pause_s(run, deciding.Submit(), None) == 0.0


def test_an_answer_from_before_a_job_began_is_old(
    run: layout.Run, slurm: Callable[..., None]
) -> None:
    """The run's own signs of life say more; once they stop, Slurm's word counts."""
    records.claim(run, 1, records.Seat("7", 0, "n1"))
    polling.write(
        run.root, polling.asked(polling.Table(), ["7"], lambda _: asking.Said(JOBS), 0, 1000.0)
    )
    row = {"state": states.RUNNING, "attempts": [{"n": 1}]}
    beat = Path(run.attempt(1, "heartbeat"))
    beat.parent.mkdir(parents=True)
    beat.touch()
    assert "state" not in keeping.shown(run, row)
    os.utime(beat, (999.0, 999.0))
    assert keeping.shown(run, row)["state"] == states.QUEUED


def test_the_queue_shows_what_slurm_has(run: layout.Run, slurm: Callable[..., None]) -> None:
    assert listing.listed(run.root) == ([], [])
    fs.publish_json(run.file("spec.json"), {**SPEC, "gpus": 2, "queue": {"priority": 3}})
    keeping.see_to(run, SPEC)
    ((waits,), running) = listing.listed(run.root)
    assert running == []
    assert (waits["run"], waits["gpus"], waits["priority"]) == ("train01", 2.0, 3)
    assert waits["reason"] == "Slurm job 7 waits: no node is free for it (Resources)"
    journal.append(run, "attempt_started", variant=0, label="", gpus=[])
    slurm("squeue", JOBS.replace("PENDING|Resources", "RUNNING|None"))
    polling.ask_again_soon(run.root)
    keeping._due.clear()
    keeping.see_to(run, SPEC)
    (_, (runs,)) = listing.listed(run.root)
    assert runs["since"] == journal.state(run).attempts[0].started_at
