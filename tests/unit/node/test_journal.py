"""Events on the disk: whole, numbered, and folded into state.json."""

from __future__ import annotations

import json
import os
import resource
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.node import fs, journal, layout, states


@pytest.fixture
def run(tmp_path: Path) -> layout.Run:
    made = layout.run(str(tmp_path), "p", "r")
    os.makedirs(made.folder)
    return made


@pytest.fixture
def begun(run: layout.Run) -> layout.Run:
    journal.append(run, "created")
    return run


@pytest.fixture
def full_disk(begun: layout.Run) -> Iterator[None]:
    """Files may grow by ten bytes more: what is written is cut there, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = os.path.getsize(begun.file("events.jsonl"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_event_is_numbered_and_folded(run: layout.Run) -> None:
    """state.json is the fold, with the names of run and project."""
    journal.append(run, "created", clock=lambda: 7.0)
    state = journal.append(run, "failed", reason="x")
    assert [event["seq"] for event in journal.read(run)] == [1, 2]
    assert journal.read(run, after=1)[0]["reason"] == "x"
    assert fs.read_json(run.file("state.json")) == journal.shown(run, state)
    assert (state.state, state.created_at) == (states.FAILED, 7.0)


def test_a_condition_that_does_not_hold_adds_nothing(run: layout.Run) -> None:
    """The check and the append are one step."""
    journal.append(run, "created", when=lambda state: state.state == "")
    journal.append(run, "created", when=lambda state: state.state == "")
    assert len(journal.read(run)) == 1


def test_many_writers_at_once(run: layout.Run) -> None:
    """Every event gets its own number."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: journal.append(run, "supervised"), range(20)))
    assert [event["seq"] for event in journal.read(run)] == list(range(1, 21))


def test_a_journal_sees_what_others_append(run: layout.Run) -> None:
    """It reads on from where it stopped."""
    ours = journal.Journal(run)
    ours.append("created")
    journal.append(run, "stop_requested", by="somebody else")
    assert ours.state().stop == "somebody else"
    assert ours.append("stopped").seq == 3


@pytest.mark.usefixtures("full_disk")
def test_a_disk_that_fills_up_leaves_no_half_event(begun: layout.Run) -> None:
    """The write is refused as a whole, and what was there stays readable."""
    before = Path(begun.file("events.jsonl")).read_bytes()
    with pytest.raises(OSError):
        journal.append(begun, "failed", reason="a reason that is longer than ten bytes")
    assert Path(begun.file("events.jsonl")).read_bytes() == before


def test_a_torn_line_is_closed_and_passed_over(begun: layout.Run) -> None:
    """A crash in the middle of a line costs that line and no other."""
    with open(begun.file("events.jsonl"), "a") as events:
        events.write('{"seq": 2, "ty')
    assert journal.append(begun, "stopped").state == states.STOPPED
    assert [event["seq"] for event in journal.read(begun)] == [1, 2]


def test_a_damaged_state_is_folded_anew(begun: layout.Run) -> None:
    """state.json is a copy; after a power cut it may hold anything."""
    for content in (b"", b"[]", b"\0\0"):
        Path(begun.file("state.json")).write_bytes(content)
        assert journal.published(begun)["state"] == states.STARTING


def test_publish_brings_state_json_up_to_date(begun: layout.Run) -> None:
    """Where its writer was killed between the event and the copy."""
    path = Path(begun.file("state.json"))
    old = path.read_bytes()
    journal.append(begun, "stopped")
    path.write_bytes(old)
    journal.Journal(begun).publish()
    assert json.loads(path.read_bytes())["state"] == states.STOPPED


def test_a_clock_that_is_set_back_changes_no_order(begun: layout.Run) -> None:
    """Events have numbers; their times are for people."""
    begun_at = journal.state(begun).created_at
    journal.append(begun, "attempt_started", clock=lambda: begun_at - 3600, attempt=1)
    journal.append(begun, "attempt_ended", clock=lambda: begun_at - 7200, exit_code=0)
    state = journal.append(begun, "finished", clock=lambda: 0.0)
    assert (state.state, state.misfits) == (states.FINISHED, 0)


@settings(max_examples=20)
@given(st.lists(st.sampled_from([*states.TRANSITIONS, "unknown"]), max_size=12))
def test_reading_on_is_reading_all(kinds: list[str]) -> None:
    """Whatever comes, the incremental fold is the fold of the whole file."""
    with tempfile.TemporaryDirectory() as root:
        run = layout.run(root, "p", "r")
        os.makedirs(run.folder)
        ours = journal.Journal(run)
        for kind in kinds:
            journal.append(run, kind)
            ours.state()
        assert ours.state() == states.fold(journal.read(run))
