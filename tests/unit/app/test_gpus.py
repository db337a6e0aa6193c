"""Asking all servers for their GPUs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from overnight.app import Overnight, steering
from overnight.app.talk import Silent
from overnight.core import errors
from overnight.ports import Reply, Request

SETTINGS = """\
[servers.a]
quiet = "09:00-18:00"
[servers.b]
exclude = [1]
[servers.gone]
"""


class Somewhere:
    """As much of a server as this verb needs: it answers once the others have been asked too."""

    open_timeout_s = 30.0

    def __init__(self, name: str, together: threading.Barrier) -> None:
        self.name = name
        self.together = together
        self.asked: list[Request] = []

    def call(self, request: Request, *, timeout_s: float = 30.0) -> Reply:
        self.asked.append(request)
        self.together.wait(timeout=60)
        if self.name == "gone":
            raise errors.Unreachable("gone: no answer")
        return Reply({"problem": None, "gpus": [], "time": 1.0})

    def close(self) -> None:
        pass


@pytest.fixture
def servers(project: Path) -> Any:
    with (project / "overnight.toml").open("a") as settings:
        settings.write(SETTINGS)
    together = threading.Barrier(3)
    with Overnight(project, Silent()) as o:
        places: Any = {name: Somewhere(name, together) for name in ("a", "b", "gone")}
        o._servers = places
        yield o, places


def test_all_servers_are_asked_at_once(servers: Any) -> None:
    """Each with its own rules; one that is away has only a problem."""
    o, places = servers
    found = steering.gpus(o, None)
    assert list(found) == ["a", "b", "gone"]
    assert found["gone"] == {"problem": "gone: no answer", "gpus": []}
    sent = {name: place.asked[0].args["sharing"] for name, place in places.items()}
    assert [sent[name]["quiet"] for name in sent] == [["09:00-18:00"], [], []]
    assert [sent[name]["excluded"] for name in sent] == [[], ["1"], []]
