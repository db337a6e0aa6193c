"""What a search says while it goes on, and what a server's word means to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from overnight.app import search_record, search_trials, searching
from overnight.core import errors, search_space
from overnight.train import search
from overnight.train.search import Trial
from tests.unit.results import swept

SPACE = search_space.parse(["lr=0.001..1:log"])


def test_each_trial_is_said_when_it_begins_and_when_it_ends() -> None:
    """With the value that runs, not with all its digits; nothing is said twice."""
    old = Trial(number=0, params={"lr": 0.5}, state=search.COMPLETE, value=90.0)
    news = searching.News("s", SPACE, "max", [old])
    fresh = Trial(number=1, params={"lr": 0.0123456789})
    assert list(news.since([old, fresh])) == ["s-t001: lr=0.0123457"]
    assert list(news.since([old, fresh])) == []
    fresh.state, fresh.value = search.COMPLETE, 89.0
    assert list(news.since([old, fresh])) == ["s-t001: 89, best so far 90"]
    bad = Trial(number=2, params={"lr": 0.1}, state=search.FAILED, note="failed: KeyError")
    given_up = Trial(number=3, params={"lr": 0.1}, state=search.PRUNED, note="pruned")
    assert list(news.since([old, fresh, bad, given_up])) == [
        "s-t002: failed (failed: KeyError)",
        "s-t003: pruned",
    ]


def test_a_row_in_the_words_of_a_search() -> None:
    """Whole epochs are places, else steps; what is no number is none."""
    points = [[10, 1.0, 5.0], [20, 1.5, 6.0], [None, 2.5, 7.0], [30, None, None], [40, 3, 8.0]]
    row: dict[str, Any] = {**swept.told("a", 8.0, {"lr": 1}), "points": points}
    seen = search_trials.seen(row)
    assert (seen.state, seen.has_ended, seen.value) == ("finished", True, 8.0)
    assert list(seen.points) == [(1, 5.0), (20, 6.0), (3, 8.0)]
    assert not search_trials.seen({**row, "state": "running"}).has_ended


def test_the_record_is_whole_or_not_there(tmp_path: Path) -> None:
    """It comes back as it was; a damaged one is said so, and nothing is begun in its place."""
    record = search_record.Record(tmp_path, "s")
    assert record.read() == (None, [])
    trials = [Trial(number=0, params={"lr": 0.5}, points={1: 2.0}, of=3)]
    record.write({"space": 1}, trials)
    assert record.read() == ({"space": 1}, trials)
    record.path.write_text('{"definition": {}, "tri')
    with pytest.raises(errors.UsageError, match="cannot be read"):
        record.read()


def test_two_terminals(tmp_path: Path) -> None:
    """The second is refused: both would ask for the same trial."""
    one, two = (search_record.Record(tmp_path, "s") for _ in range(2))
    with one.alone(), pytest.raises(errors.UsageError, match="another terminal"), two.alone():
        pass
    with two.alone():
        pass
