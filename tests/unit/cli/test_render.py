"""What `status` says of things that are old: never that all is well."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.cli import render, status
from overnight.core import views


def server(age_s: float | None = 0.0, *, reachable: bool = True, **row: Any) -> views.ServerView:
    run = views.run_view({"run": "train01", "state": "running", "silent_s": 0.5, **row})
    return views.ServerView(name="gpu1", reachable=reachable, age_s=age_s, problem="", runs=(run,))


def test_a_run_that_gives_signs_of_life() -> None:
    """Nothing is said of them."""
    assert "sign of life" not in render.status([server()])
    assert render.brief([server()]).endswith("nothing needs you")


@pytest.mark.parametrize("state", ["starting", "queued", "running", "repairing"])
def test_a_run_without_a_sign_of_life(state: str) -> None:
    """Said with its age, and no time left is promised."""
    seen = server(state=state, silent_s=185.0, heartbeat={"time": 1.0, "eta_s": 60.0})
    assert "no sign of life for 3 min" in render.status([seen])
    assert "left" not in render.status([seen])
    assert render.brief([seen]).endswith("no sign of life: train01")


def test_a_run_that_has_ended_is_silent_for_good() -> None:
    """Whatever a row of before says."""
    assert "sign of life" not in render.status([server(state="finished", silent_s=900.0)])


@pytest.mark.parametrize(("age_s", "says"), [(7200.0, "2 h 00 min ago"), (None, "never")])
def test_a_view_that_is_old(age_s: float | None, says: str) -> None:
    """`status --cached` says how old it is, in both forms."""
    seen = server(age_s)
    assert f"as it was {says}" in render.status([seen])
    assert f"gpu1 as it was {says}" in render.brief([seen])
    assert "nothing needs you" not in render.brief([seen])


def test_a_server_that_is_away() -> None:
    """Its age is said once, and its silent run is not called silent."""
    seen = server(600.0, reachable=False, silent_s=300.0)
    assert "unreachable, last seen 10 min ago" in render.status([seen])
    assert "sign of life" not in render.status([seen])


def sweep_of(count: int, failed: int = 1) -> views.ServerView:
    """A server with so many runs of one sweep, and one run beside it."""
    rows = [
        {
            "run": f"abl-{n}",
            "state": "failed" if n < failed else "running" if n % 2 else "queued",
            "sweep": {"name": "abl"},
            "heartbeat": {"time": 1.0, "eta_s": 600.0 + n},
        }
        for n in range(count)
    ]
    runs = [*map(views.run_view, rows), views.run_view({"run": "train01", "state": "finished"})]
    return views.ServerView(name="gpu1", reachable=True, age_s=0.0, problem="", runs=tuple(runs))


def test_a_large_sweep_is_one_line() -> None:
    """With counts and the names of those that need a person; each run with --all."""
    lines = render.status([sweep_of(20)]).splitlines()
    assert len(lines) == 2
    assert lines[0] == "gpu1  sweep abl  10 running, 9 queued, 1 failed: abl-0"
    assert len(render.status([sweep_of(20)], every_run=True).splitlines()) == 21
    assert len(render.status([sweep_of(15)]).splitlines()) == 16
    assert "and 12 more" in render.status([sweep_of(20, failed=20)])


def test_brief_says_what_comes_next() -> None:
    """Sweeps are counted, and the next end is told."""
    assert render.brief([sweep_of(20)]).splitlines() == [
        "10 running, 9 queued, 1 finished, 1 failed (1 sweep); next end: abl-1 in 10 min",
        "look at: abl-0",
    ]


def test_a_run_that_asks_is_followed_by_what_to_type() -> None:
    """Where several ask, the report has them all."""
    assert status.asked([server()]) == ""
    asks = server(state="needs-decision")
    assert status.asked([server(), asks]) == "\n  next: overnight explain train01"
    assert status.asked([asks, asks]).endswith("train01   |   overnight report")


def test_since_when_a_server_is_away() -> None:
    """The first time that it was asked in vain is told."""
    seen = views.ServerView(
        name="gpu1", reachable=False, age_s=60.0, problem="no route", runs=(), away_since=0.0
    )
    assert f"unreachable since {render.clock(0.0)}, last seen 1 min ago: no route" in (
        render.status([seen])
    )


def test_a_moved_run_is_shown_once() -> None:
    """Where it is now; and until it has arrived, where it was, with the next command."""
    left = views.run_view({"run": "a", "state": "stopped", "moved_to": "gpu2"})
    here = views.run_view({"run": "a", "state": "queued"})
    source = views.ServerView(name="gpu1", reachable=True, age_s=0.0, problem="", runs=(left,))
    target = views.ServerView(name="gpu2", reachable=True, age_s=0.0, problem="", runs=(here,))
    both = views.without_twins([source, target])
    assert [[run.state for run in each.runs] for each in both] == [[], ["queued"]]
    (only,) = views.without_twins([source])
    assert only.runs[0].state == "moved"
    assert "not arrived on gpu2; next: overnight queue" in render.status([only])
    assert render.brief([only]).endswith("look at: a")


def test_a_run_that_waits_says_when_it_starts() -> None:
    """As its server thinks; nothing is promised for a server that is away."""
    seen = server(state="queued", starts_in_s=7800.0, reason="waiting for 1 free of 4 GPUs")
    assert "starts in 2 h 10 min  waiting for 1 free of 4 GPUs" in render.status([seen])
    away = server(600.0, reachable=False, state="queued", starts_in_s=7800.0)
    assert "starts in" not in render.status([away])


def test_a_curve_that_goes_bad_is_told_beside_the_run() -> None:
    """As long as it runs; a name from its output does not act."""
    told = [{"finding": "overfit", "at": 12, "sentence": "val\x1b[2J best 0.4 at epoch 12"}]
    seen = server(heartbeat={"time": 1.0, "flags": told})
    assert "overfit: val\\x1b[2J best 0.4 at epoch 12" in render.status([seen])
    assert seen.runs[0].to_json()["flags"] == told
    ended = server(state="finished", heartbeat={"time": 1.0, "flags": told})
    assert ended.runs[0].to_json()["flags"] == []
