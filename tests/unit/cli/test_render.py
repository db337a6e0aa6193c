"""What `status` says of things that are old: never that all is well."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.cli import render
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
