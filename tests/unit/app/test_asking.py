"""Asking servers at once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from overnight.app import asking
from overnight.core import errors


class Named:
    """A server of which only the name matters here."""

    def __init__(self, name: str) -> None:
        self.name = name


def test_a_server_that_is_away_is_an_answer() -> None:
    """In the order of the servers."""

    def ask(server: Any) -> str:
        if server.name == "b":
            raise errors.Unreachable("b cannot be reached")
        return str(server.name)

    servers: list[Any] = [Named("a"), Named("b")]
    first, second = asking.at_once(servers, ask)
    assert first == "a"
    assert isinstance(second, errors.Unreachable)


def test_a_bug_is_raised() -> None:
    """Not taken for a server that is away."""

    def ask(server: Any) -> str:
        raise ZeroDivisionError

    servers: list[Any] = [Named("a")]
    with pytest.raises(ZeroDivisionError):
        asking.at_once(servers, ask)


def test_who_has_answered_is_told_while_another_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow one answers only once the others were shown."""
    monkeypatch.setattr(asking, "EARLY_S", 0.2)
    shown, told = threading.Event(), []

    def ask(server: Any) -> str:
        assert server.name != "slow" or shown.wait(10)
        return str(server.name)

    def waiting(answers: Any) -> None:
        told.append(list(answers))
        shown.set()

    servers: list[Any] = [Named("a"), Named("slow")]
    assert asking.at_once(servers, ask, waiting) == ["a", "slow"]
    assert told == [["a", None]]


def test_nobody_is_told_where_all_answer() -> None:
    """The usual case: one view, at once."""
    servers: list[Any] = [Named("a"), Named("b")]
    told: list[Any] = []
    assert asking.at_once(servers, lambda server: server.name, told.append) == ["a", "b"]
    assert told == []
