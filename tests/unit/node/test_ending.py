"""The record of an attempt's end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from overnight.node import ending, fs, journal, states, supervise
from tests.unit.node import runs

RECORD: dict[str, Any] = {
    "exit_code": 143,
    "signal": 15,
    "cause": None,
    "position": [3, 0],
    "progress": {"epoch": 3},
}


class Follower:
    """Of an attempt of which nothing is left to be seen."""

    number = 1

    def __init__(self, folder: str) -> None:
        self.folder = folder


def test_a_record_that_is_there_already_is_told_as_it_is(tmp_path: Path, monkeypatch: Any) -> None:
    """After a power cut the shim's exit code may be gone, while the record of it is not."""
    run = runs.make(tmp_path)
    runs.tell(run, "attempt_started")
    folder = Path(run.attempt(1))
    folder.mkdir(parents=True)
    fs.publish_json(str(folder / "exit.json"), RECORD)
    monkeypatch.setattr(supervise.wake, "Wake", lambda: None)

    supervise.Supervisor(run).record(Follower(str(folder)), "reboot")  # type: ignore[arg-type]

    state = journal.state(run)
    assert state.state == states.REPAIRING
    assert state.attempts[-1].exit_code == 143
    assert fs.read_json(str(folder / "exit.json")) == RECORD


def test_half_a_record_is_none(tmp_path: Path) -> None:
    """What lacks a field, or is no record at all, is made anew."""
    (tmp_path / "exit.json").write_text('{"exit_code": 0}')
    assert ending.known(str(tmp_path)) is None
    (tmp_path / "exit.json").write_text("[]")
    assert ending.known(str(tmp_path)) is None
