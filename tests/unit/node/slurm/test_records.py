"""A run's records of its jobs: who has claimed it, and who wants it to end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from overnight.node import layout
from overnight.node.slurm import records

FIRST = records.Seat("7", 0, "n1")


@pytest.fixture
def run(tmp_path: Path) -> layout.Run:
    made = layout.run(str(tmp_path), "project", "train01")
    Path(made.folder).mkdir(parents=True)
    return made


def test_one_of_many_jobs_gets_the_run(run: layout.Run) -> None:
    """They start on as many nodes at once and share nothing but the disk."""
    seats = [records.Seat(str(number), 0, f"n{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda seat: records.claim(run, 1, seat), seats))
    assert won.count(True) == 1
    assert records.owner_of(run, 1) == seats[won.index(True)]
    left = [path.name for path in Path(records.folder(run, "claims")).iterdir()]
    assert left == ["1"]


def test_a_job_that_was_restarted_takes_its_claim_anew(run: layout.Run) -> None:
    """The process of its earlier start finds out and may not take it back."""
    again = FIRST._replace(restart=1, node="n2")
    assert records.claim(run, 1, FIRST)
    assert records.holds(run, 1, FIRST)
    assert records.claim(run, 1, again)
    assert records.owner_of(run, 1) == again
    assert not records.holds(run, 1, FIRST)
    assert not records.claim(run, 1, FIRST)


def test_a_later_submission_ends_the_right_of_the_one_before(run: layout.Run) -> None:
    assert records.claim(run, 1, FIRST)
    assert records.claim(run, 2, records.Seat("8", 0, "n2"))
    assert not records.holds(run, 1, FIRST)


def test_the_seat_is_what_slurm_says_in_the_environment() -> None:
    assert records.seat_of({"SLURM_JOB_ID": "7"}, "n1") == FIRST
    element = {"SLURM_JOB_ID": "12", "SLURM_ARRAY_JOB_ID": "9", "SLURM_ARRAY_TASK_ID": "3"}
    element["SLURM_RESTART_COUNT"] = "2"
    assert records.seat_of(element, "n1") == records.Seat("9_3", 2, "n1")
    with pytest.raises(KeyError):
        records.seat_of({}, "n1")


def test_a_submission_is_read_as_it_was_written(run: layout.Run) -> None:
    """Also by a later version that knows more, and none where the file was cut."""
    made = records.Submission(
        2, "train01.ab", job="7", element=3, barren=1, asking=["b", 1, 2, "h"]
    )
    records.write(run, made)
    assert records.read(run) == made
    path = Path(records.folder(run, "submission.json"))
    path.write_text('{"n": 1, "name": "x.y", "later": true}')
    assert records.read(run) == records.Submission(1, "x.y")
    path.write_text('{"n": 1, "na')
    assert records.read(run) is None


def test_the_first_wish_to_stop_counts(run: layout.Run) -> None:
    assert records.stop_wish(run) is None
    records.wish_stop(run, "ada", 1.0)
    records.wish_stop(run, "bob", 2.0)
    assert records.stop_wish(run) == {"by": "ada", "at": 1.0}
    records.forget_stop(run)
    records.forget_stop(run)
    assert records.stop_wish(run) is None


def test_names_are_told_apart_and_short(run: layout.Run) -> None:
    long = run._replace(name="x" * 64)
    first, second = records.new_name(long), records.new_name(long)
    assert first != second
    assert len(first) <= 64
    assert records.new_name(run).startswith("train01.")
