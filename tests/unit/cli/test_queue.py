"""How the queue looks."""

from __future__ import annotations

from typing import Any

from overnight.app.queue import Queues
from overnight.cli import queue
from overnight.core.placement import Offer

NOW = 1_000_000.0


def card(state: str) -> dict[str, Any]:
    return {"uuid": f"GPU-{state}", "state": state}


def waiting(run: str, **more: Any) -> dict[str, Any]:
    return {"project": "p", "run": run, "gpus": 1, "priority": 0, "starts_at": None, **more}


def queues(*offers: Offer) -> Queues:
    return Queues(project="p", offers=offers)


def test_what_waits_and_what_is_there() -> None:
    """In order, other projects marked, times by a clock that is two hours ahead."""
    busy = Offer(
        server="gpu1",
        cards=[card("free"), card("ours"), card("other")],
        running=[{"run": "r", "gpus": ["GPU-ours"]}],
        waiting=[
            waiting("a", gpus=2, priority=5, starts_at=NOW + 7200 + 7800, reason="waiting for 2"),
            waiting("b", project="q", gpus=0.5),
            waiting("c", gpus=0, starts_at=NOW + 7200),
        ],
        clock_offset_s=7200.0,
    )
    away = Offer(server="gpu2", reachable=False, problem="no route to host")
    assert queue.shown(queues(busy, away), NOW).splitlines() == [
        "gpu1  1.  a    2 GPUs   priority 5  in 2 h 10 min  waiting for 2",
        "      2.  q/b  0.5 GPU              start not known",
        "      3.  c    CPU                  starts now",
        "",
        "gpu1  1 free, 1 ours, 1 other of 3 GPUs; 1 running, 3 waiting",
        "gpu2  unreachable: no route to host",
    ]


def test_nothing_waits() -> None:
    """Servers without GPUs, and one whose driver does not answer."""
    none, ill = Offer(server="a", slots=4), Offer(server="b", problem="nvidia-smi hangs")
    assert queue.shown(queues(none, ill), NOW).splitlines() == [
        "nothing waits",
        "",
        "a  no GPUs, 4 CPU slots; no runs",
        "b  the GPUs cannot be seen: nvidia-smi hangs; no runs",
    ]


def test_nothing_is_said_of_servers_that_do_not_answer() -> None:
    """Nobody knows what waits there."""
    here, away = Offer(server="a"), Offer(server="b", reachable=False, problem="no route")
    told = queue.shown(queues(here, away), NOW)
    assert told.startswith("nothing waits on the servers that answer\n")
    assert queue.shown(queues(away), NOW).startswith("no server answers\n")


def test_text_from_servers_is_made_harmless() -> None:
    """A reason may hold what a terminal would obey."""
    evil = Offer(server="a", waiting=[waiting("x", reason="\x1b[2Jgone\nnext")])
    assert "\x1b" not in queue.shown(queues(evil), NOW)
    assert len(queue.shown(queues(evil), NOW).splitlines()) == 3


def test_json_has_our_clock() -> None:
    """Times of all servers can be compared."""
    offer = Offer(server="a", waiting=[waiting("x", starts_at=NOW + 60)], clock_offset_s=60.0)
    (server,) = queues(offer).to_json()["servers"]
    assert server["waiting"][0]["starts_at"] == NOW
    assert server["waiting"][0]["mine"] is True
