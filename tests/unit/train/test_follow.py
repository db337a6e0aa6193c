"""Following a server through a link that breaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from overnight.core import errors
from overnight.ports import Reply, Request
from overnight.train import follow


class Scripted:
    """A server that gives prepared answers; None stands for a broken link."""

    name = "gpu1"

    def __init__(self, answers: Sequence[Mapping[str, Any] | None]) -> None:
        self.answers = list(answers)
        self.asked: list[Mapping[str, Any]] = []

    def open(self) -> None:
        pass

    def call(self, request: Request, *, timeout_s: float = 30.0) -> Reply:
        self.asked.append(request.args)
        answer = self.answers.pop(0)
        if answer is None:
            raise errors.Unreachable("gpu1 cannot be reached")
        return Reply({"runs": [], "events": {}, "log": None, "time": 1.0, **answer})

    def call_many(self, requests: Iterable[Request], *, timeout_s: float = 30.0) -> Iterator[Reply]:
        return (self.call(each) for each in requests)

    def rsync(
        self, source: Path, files: Sequence[str], destination: str, *, link_dest: str | None
    ) -> bool:
        return False

    def attach_argv(self, session: str) -> list[str]:
        return []

    def close(self) -> None:
        pass


def follower(server: Scripted, said: list[str], **more: Any) -> follow.Follower:
    return follow.Follower(
        server=server, project="p", record=lambda _: None, say=said.append, cursors={}, **more
    )


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "FIRST_PAUSE_S", 0.001)


def test_the_cursor_moves_with_the_events() -> None:
    """The next question asks only for what comes after."""
    server = Scripted([{"events": {"a": [{"seq": 1}, {"seq": 2}]}}, {}])
    list(islice(follower(server, []).looks(), 2))
    assert server.asked[1]["cursors"] == {"a": 2}


def test_a_cut_link_is_said_once_and_survived() -> None:
    """Two failures, one line; then the server is back and nothing was lost (law 1)."""
    said: list[str] = []
    server = Scripted([None, None, {"events": {"a": [{"seq": 1}]}}])
    found = next(follower(server, said).looks())
    assert found.events == {"a": [{"seq": 1}]}
    assert len(said) == 2
    assert said[1] == "gpu1 is back"


def test_patience_has_an_end_where_one_is_given() -> None:
    """With a limit the error comes through, with its exit code."""
    server = Scripted([None] * 100)
    with pytest.raises(errors.Unreachable):
        next(follower(server, [], patience_s=0.0).looks())


def test_the_place_in_the_output_is_kept() -> None:
    """The next question goes on where the last answer ended."""
    log = {"attempt": 2, "start": 0, "offset": 77, "more": False}
    server = Scripted([{"log": log}, {"log": log}])
    list(islice(follower(server, [], place=follow.Place(run="a")).looks(), 2))
    assert server.asked[1]["log"] == {"run": "a", "attempt": 2, "offset": 77}
