"""Moving queued runs: only for a gain, and never to and fro."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.core import balancing
from overnight.core.placement import Offer, Wanted

NOW = 1_000_000.0


def cards(number: int) -> list[dict[str, Any]]:
    return [
        {"uuid": f"GPU-{n}", "index": n, "memory_mib": 80_000, "state": "free"}
        for n in range(number)
    ]


def waiting(run: str, starts_at: float | None, **more: Any) -> dict[str, Any]:
    return {
        "project": "p",
        "run": run,
        "gpus": 1.0,
        "memory_mib": None,
        "expected_s": 3600.0,
        "starts_at": starts_at,
        **more,
    }


def running(ends_at: float | None, gpu: str = "GPU-0") -> dict[str, Any]:
    return {"project": "p", "run": "r", "gpus": [gpu], "share": 1.0, "ends_at": ends_at}


def candidate(run: str, at: str = "a", **more: Any) -> Wanted:
    return Wanted(key=run, gpus=1, expected_s=3600.0, waits_at=at, **more)


def test_a_run_goes_where_it_starts_at_once() -> None:
    """One waits on a full server, another server is empty."""
    full = Offer(
        server="a",
        cards=cards(1),
        running=[running(NOW + 7200)],
        waiting=[waiting("w", NOW + 7200)],
    )
    moves = balancing.balance([candidate("w")], [full, Offer(server="b", cards=cards(1))], NOW)
    assert [(each.run, each.source, each.target) for each in moves] == [("w", "a", "b")]
    assert moves[0].why == "starts now instead of in 2 h 00 min"


def test_a_small_gain_moves_nothing() -> None:
    """A run that starts in half a minute stays."""
    soon = Offer(
        server="a", cards=cards(1), running=[running(NOW + 30)], waiting=[waiting("w", NOW + 30)]
    )
    assert not balancing.balance([candidate("w")], [soon, Offer(server="b", cards=cards(1))], NOW)


def test_an_unknown_start_elsewhere_is_no_reason() -> None:
    """Where both are unknown it stays; a known start beats an unknown one."""
    unknown = Offer(
        server="a", cards=cards(1), running=[running(None)], waiting=[waiting("w", None)]
    )
    other = Offer(server="b", cards=cards(1), running=[running(None)])
    assert not balancing.balance([candidate("w")], [unknown, other], NOW)
    free_soon = Offer(server="c", cards=cards(1), running=[running(NOW + 600)])
    moves = balancing.balance([candidate("w")], [unknown, other, free_soon], NOW)
    assert [(each.target, each.why) for each in moves] == [
        ("c", "starts in 10 min, there nobody knows when")
    ]


def test_the_rest_of_a_long_line_is_shared_out() -> None:
    """Six wait for one GPU; of two free ones elsewhere each takes a share of the line."""
    line = [waiting(str(n), NOW + 3600.0 * (n + 1)) for n in range(6)]
    full = Offer(server="a", cards=cards(1), running=[running(NOW + 3600)], waiting=line)
    offers = [full, Offer(server="b", cards=cards(2))]
    moves = balancing.balance([candidate(str(n)) for n in range(6)], offers, NOW)
    assert sorted(each.run for each in moves) == ["0", "1", "3", "4"]
    assert {each.target for each in moves} == {"b"}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"state": "queued", "attempts": []}, ""),
        ({"state": "running", "attempts": []}, "is running"),
        ({"state": "queued", "attempts": [{"n": 1}]}, "has started before"),
        ({"state": "queued", "queue": {"pinned": True}}, "its server was chosen with --server"),
        ({"state": "queued", "queue": {"after": ["x"]}}, "waits for other runs there"),
        (
            {"state": "queued", "queue": {"group": "s", "max_concurrent": 2}},
            "its sweep limits how many run at once on each server",
        ),
    ],
)
def test_some_runs_stay_where_they_are(row: dict[str, Any], why: str) -> None:
    """What may not be moved, and why."""
    assert balancing.immovable(row) == why


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(60.0, 1e5)), max_size=12),
    st.lists(st.integers(0, 4), min_size=3, max_size=3),
)
def test_asked_again_nothing_moves_back(runs: list[tuple[int, float]], sizes: list[int]) -> None:
    """After the moves were made, the same question moves no run back to where it came from."""
    names = ("a", "b", "c")
    offers = {
        name: Offer(server=name, cards=cards(n)) for name, n in zip(names, sizes, strict=True)
    }
    wants = []
    for number, (at, expected_s) in enumerate(runs):
        offer = offers[names[at]]
        listed = [*offer.waiting, waiting(str(number), None, expected_s=expected_s)]
        offers[names[at]] = replace(offer, waiting=listed)
        wants.append(replace(candidate(str(number), names[at]), expected_s=expected_s))
    first = balancing.balance(wants, list(offers.values()), NOW)
    went = {each.run: each for each in first}
    after = {name: replace(offer, waiting=[]) for name, offer in offers.items()}
    moved = []
    for want in wants:
        at = went[want.key].target if want.key in went else str(want.waits_at)
        told = waiting(want.key, None, expected_s=want.expected_s)
        after[at] = replace(after[at], waiting=[*after[at].waiting, told])
        moved.append(replace(want, waits_at=at))
    for again in balancing.balance(moved, list(after.values()), NOW):
        assert again.run not in went or again.target != went[again.run].source
