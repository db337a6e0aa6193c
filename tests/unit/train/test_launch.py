"""Launching many runs at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from overnight.core import errors, spec
from overnight.ports import Reply, Request
from overnight.train import launch


class Many:
    """A server with `launch_many`: takes each run once, refuses those called taken*."""

    name = "gpu1"

    def __init__(self) -> None:
        self.runs: dict[str, Any] = {}
        self.asked: list[Mapping[str, Any]] = []

    def call_many(self, requests: Iterable[Request], *, timeout_s: float = 30.0) -> Iterator[Reply]:
        for request in requests:
            assert request.verb == "launch_many"
            self.asked.append(request.args)
            yield Reply({"runs": [self.answer(each) for each in request.args["specs"]]})

    def answer(self, wire: Mapping[str, Any]) -> dict[str, Any]:
        name = wire["run"]
        if name.startswith("taken"):
            told = {"code": "name_taken", "message": "another run's", "hint": "another name"}
            return {"run": name, "error": told}
        if name.startswith("odd"):
            return {"run": name, "error": {"code": "disk_full", "message": "no space"}}
        existed = name in self.runs
        self.runs[name] = wire
        return {"run": name, "state": "queued", "existed": existed}


def run(name: str, **more: Any) -> spec.RunSpec:
    variant = {"argv": ["true"], "files": more}
    return spec.RunSpec(project="p", run=name, snapshot="s", variants=[variant])


def test_each_run_has_its_answer() -> None:
    """In their order; a second time they exist; one that is refused keeps no other back."""
    server: Any = Many()
    wanted = [run("a"), run("taken"), run("b"), run("odd")]
    first = launch.launch_many(server, wanted, {"TOKEN": "x"}, {"url": "u"})
    assert [(each.run, each.state, each.existed) for each in first] == [
        ("a", "queued", False),
        ("taken", "", False),
        ("b", "queued", False),
        ("odd", "", False),
    ]
    taken, odd = first[1].error, first[3].error
    assert isinstance(taken, errors.NameTaken)
    assert (taken.message, taken.hint) == ("another run's", "another name")
    assert isinstance(odd, errors.ServerError)
    assert odd.code == "disk_full"
    again = launch.launch_many(server, wanted, {})
    assert [each.existed for each in again] == [True, False, True, False]
    assert server.asked[0]["secrets"] == {"TOKEN": "x"}
    assert server.asked[0]["notify"] == {"url": "u"}


@pytest.mark.parametrize(
    ("runs", "requests"),
    [
        ([], 0),
        ([run(f"r{n}") for n in range(launch.MANY_RUNS + 1)], 2),
        ([run(f"r{n}", file="x" * (launch.MANY_BYTES // 2)) for n in range(5)], 5),
    ],
    ids=["none", "many", "large"],
)
def test_requests_stay_small(runs: list[spec.RunSpec], requests: int) -> None:
    """However many runs there are, and however large the files that they carry."""
    server: Any = Many()
    answers = launch.launch_many(server, runs, {})
    assert [each.run for each in answers] == [each.run for each in runs]
    assert len(server.asked) == requests
