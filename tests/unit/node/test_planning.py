"""What becomes of the runs that wait: whose turn it is, and what they are told."""

from __future__ import annotations

import time
from typing import Any

import pytest

from overnight.node import cards, gpus, layout, owners, planning, states, waiting

A, B = "GPU-aaaa", "GPU-bbbb"
BOB = 100
NOON = time.strptime("2026-01-05 12:00", "%Y-%m-%d %H:%M")  # a Monday
NOW = 10_000.0


def card(index: int, uuid: str, *pids: int, mib: int = 24_000) -> gpus.Gpu:
    apps = tuple(gpus.App(uuid, pid, 3000) for pid in pids)
    return gpus.Gpu(index, uuid, "A10", mib, 4 + 3000 * len(pids), 0, apps)


def server(*found: gpus.Gpu, problem: str | None = None, cores: int = 2) -> planning.Server:
    sight = cards.Sight(
        gpus.Table(found, None, problem), {BOB: owners.Owner("bob", 5.0)}, sightings={}
    )
    return planning.Server(sight, cores, NOW, NOON)


TWO = server(card(0, A), card(1, B))


def active(name: str = "r", /, after: Any = None, ends_at: Any = None, **told: Any) -> Any:
    """A run that has just been launched; `told` are fields of its wish or of its state."""
    wish = {key: told.pop(key) for key in list(told) if key in waiting.Wish._fields}
    state = states.State(state=states.STARTING, created_at=1.0)._replace(**told).to_json()
    run = layout.run("/root", "p", name)
    return planning.Active(run, waiting.Wish(**wish), state, ends_at, after or {})


def going(name: str, *uuids: str, share: float = 1.0, **told: Any) -> Any:
    place = {"gpus": list(uuids), "share": share}
    return active(name, state=states.RUNNING, place=place, **told)


def planned(*runs: Any, on: planning.Server = TWO) -> dict[str, Any]:
    return {each.run.name: each for each in planning.plan(runs, on).actions}


def test_a_run_without_a_wish_gets_one_gpu_where_there_is_any() -> None:
    """And a CPU slot where there is none; processes that are known get one each."""
    assert planned(active(gpus=None))["r"][1:] == ((A,), 1.0, (0,))
    assert planned(active(gpus=None, processes=2))["r"].gpus == (A, B)
    assert planned(active(gpus=None), on=server())["r"].gpus == ()


def test_what_others_hold_is_not_given_away() -> None:
    """Neither the card of another run of ours nor that of a labmate."""
    assert planned(going("x", A), active(gpus=1))["r"].gpus == (B,)
    assert planned(active(gpus=1), on=server(card(0, A, BOB), card(1, B)))["r"].gpus == (B,)
    told = planned(active(gpus=2), on=server(card(0, A, BOB), card(1, B)))["r"]
    assert told == planning.Wait(told.run, "waiting for 2 free of 2 GPUs (used by bob)")


def test_a_run_of_before_there_were_places_holds_its_cards() -> None:
    """Its supervisor is of an older version, and still at work."""
    open_one = states.Attempt(1, 1.0, 0, "", None, [A])
    old = active("x", state=states.RUNNING, attempts=(open_one,))
    assert planned(old, active(gpus=1))["r"].gpus == (B,)


def test_small_runs_share_a_card_by_measured_memory() -> None:
    """As far as both fit with a margin; without a measurement nobody shares."""
    half: dict[str, Any] = {"gpus": 0.5, "memory_mib": 10_000}
    one = server(card(0, A))
    found = planned(active("a", **half), active("b", **half), on=one)
    assert [found[name][1:] for name in "ab"] == [((A,), 0.5, (0,))] * 2
    large = planned(active("a", **half), active("b", gpus=0.5, memory_mib=13_000), on=one)
    assert isinstance(large["b"], planning.Wait)
    blind = planned(active("a", **half), active("b", gpus=0.5), on=one)
    assert isinstance(blind["b"], planning.Wait)


def test_a_run_that_must_be_alone_wants_a_whole_card() -> None:
    """After an out-of-memory on a shared one."""
    found = planned(going("x", A, share=0.5, memory_mib=1), active(gpus=0.5, alone=True))
    assert found["r"][1:] == ((B,), 1.0, (1,))


def test_the_cards_that_are_allowed_and_suspected() -> None:
    """By index or UUID; a suspected one is taken only where there is no other."""
    assert planned(active(gpus=1, allowed=("1",)))["r"].gpus == (B,)
    assert planned(active(gpus=1, avoid=(A,)))["r"].gpus == (B,)
    assert planned(active(gpus=1, avoid=(A,)), on=server(card(0, A)))["r"].gpus == (A,)


@pytest.mark.parametrize(
    ("wish", "on", "reason"),
    [
        ({"gpus": 3}, TWO, "3 GPUs are wanted, and this server has 2"),
        ({"gpus": 1}, server(), "1 GPU is wanted, and this server has none"),
        (
            {"gpus": 2, "allowed": ("0",)},
            TWO,
            "2 GPUs are wanted, and this server has 1 that overnight.toml allows",
        ),
        (
            {"gpus": None, "processes": 4},
            TWO,
            "one for each process (--gpus N says otherwise): "
            "4 GPUs are wanted, and this server has 2",
        ),
    ],
)
def test_what_can_never_start_fails(wish: Any, on: Any, reason: str) -> None:
    """Waiting would not help."""
    told = planned(active(**wish), on=on)["r"]
    assert told == planning.Fail(told.run, reason)


def test_cards_that_cannot_be_seen_are_waited_for() -> None:
    """They may be there, and they may be in use."""
    blind = server(problem="nvidia-smi: no answer")
    told = planned(active("a", gpus=1), active("b", gpus=None), on=blind)
    for each in told.values():
        assert each[1:] == ("the GPUs cannot be seen now: nvidia-smi: no answer",)


def test_a_server_that_shows_no_gpu_any_more_is_waited_for() -> None:
    """Its driver is exchanged, maybe; whoever comes now is told at once."""
    waits = active("old", gpus=1, state=states.QUEUED)
    found = planned(waits, active("new", gpus=1), on=server())
    assert "old" not in found and isinstance(found["new"], planning.Fail)


def test_cpu_slots_are_counted() -> None:
    """As many as the server's settings say, else its cores, and at least four."""
    busy = [going(f"x{n}") for n in range(4)]
    told = planned(*busy, active(gpus=0))["r"]
    assert told.reason == "waiting for one of 4 CPU slots"
    assert planned(*busy, active(gpus=0), on=server(cores=8))["r"].gpus == ()
    assert planned(*busy, active(gpus=0, cpu_slots=5))["r"].gpus == ()


def test_a_limit_of_runs_at_once() -> None:
    """Of the sweep, or of the project; a smoke test is not held up by it."""
    told = planned(going("x", A, group="lr"), active(gpus=1, group="lr", max_concurrent=1))["r"]
    assert told.reason == "waiting: 1 of p lr at once are the limit"
    other = planned(going("x", A, group="lr"), active(gpus=1, max_concurrent=1))["r"]
    assert other.gpus == (B,)
    smoke = planned(going("x", A), active(gpus=1, max_concurrent=1, is_smoke=True))["r"]
    assert smoke.gpus == (B,)


def test_a_smoke_test_goes_first() -> None:
    """Somebody sits and waits for it."""
    one = server(card(0, A))
    found = planned(active("a", gpus=1, priority=99), active("b", gpus=1, is_smoke=True), on=one)
    assert isinstance(found["b"], planning.Grant) and isinstance(found["a"], planning.Wait)


def test_a_run_follows_others() -> None:
    """It starts when they have finished; when they end otherwise a person is asked."""
    waits = planned(active(after={"a": states.RUNNING, "b": states.FINISHED}))["r"]
    assert waits.reason == "waiting until a has finished"
    assert isinstance(planned(active(after={"a": states.FINISHED}))["r"], planning.Grant)
    asked = planned(active(after={"a": states.FAILED}))["r"]
    assert asked.reason == "it was to follow a, which is failed; start it all the same?"
    assert asked.answers == ["overnight resume a", "overnight resume r"]
    unbound = planned(active(after={"a": states.FAILED}, unbound=True))["r"]
    assert isinstance(unbound, planning.Grant)


def test_a_run_that_was_stopped_while_it_waited() -> None:
    """It never starts."""
    told = planned(active(stop="overnight stop"))["r"]
    assert told == planning.Stop(told.run, "overnight stop")


def test_a_run_that_waits_already_is_not_told_again() -> None:
    """Its events would grow with every look."""
    assert planned(active(state=states.QUEUED, gpus=1), going("x", A, B)) == {}


def test_a_repaired_run_rests_before_it_is_tried_again() -> None:
    """As long as its back-off says, also one that has left its cards."""
    told = planned(active(state=states.REPAIRING, not_before=NOW + 60.0, gpus=1))["r"]
    assert told.reason == "pausing before it is tried again"
    assert isinstance(planned(active(not_before=NOW - 1.0, gpus=1))["r"], planning.Grant)


def test_a_run_in_somebodys_way_does_not_wait_for_ever() -> None:
    """Six hours after it made room it fails, and says why."""
    moved = {"class": "gpu_contention", "at": 0.0, "attempt": 1}
    told = planned(active(state=states.QUEUED, repairs=(moved,), gpus=1), going("x", A, B))
    assert told == {}
    late = TWO._replace(now=7 * 3600.0)
    (over,) = planned(
        active(state=states.QUEUED, repairs=(moved,), gpus=1), going("x", A, B), on=late
    ).values()
    assert over.reason == "waiting for free GPUs, for 6 h already"


def test_for_whom_cards_are_held() -> None:
    """The first that has to wait; it keeps them when a wider run comes later."""
    narrow = active("narrow", state=states.QUEUED, gpus=1, created_at=1.0)
    wide = active("wide", state=states.QUEUED, gpus=2, created_at=2.0)
    busy = [going("x", A, ends_at=NOW + 60.0), going("y", B, ends_at=NOW + 90.0)]
    assert planning.plan([*busy, narrow], TWO).promised == narrow.run
    kept = TWO._replace(promised=narrow.run)
    assert planning.plan([*busy, narrow, wide], kept).promised == narrow.run
    assert planning.plan([*busy, narrow, wide], TWO).promised == wide.run


def test_quiet_hours_are_told() -> None:
    """Nothing starts in them, by the server's clock."""
    told = planned(active(gpus=1, sharing={"quiet": ["09:00-18:00"]}))["r"]
    assert told.reason == "waiting for 1 free of 2 GPUs (quiet hours until 18:00)"


def test_when_a_follower_will_start_is_foretold() -> None:
    """At the end of the run that it follows; without a word where that has failed."""
    first = going("x", A, ends_at=NOW + 500.0)
    after = active("r", state=states.QUEUED, gpus=1, after={"x": states.RUNNING, "w": "finished"})
    assert planning.Planning([first, after], TWO).forecast() == {after.run: NOW + 500.0}
    lost = active("r", state=states.QUEUED, gpus=1, after={"x": states.FAILED})
    assert planning.Planning([lost], TWO).forecast() == {lost.run: None}


def test_runs_that_follow_others_stand_last_in_the_line() -> None:
    """Whatever their priority, which counts once they may start."""
    after = active("a", gpus=1, priority=5, after={"x": states.RUNNING})
    may = active("b", gpus=1, priority=5, after={"x": states.FINISHED})
    assert planning.Planning([after, active("c", gpus=1), may], TWO).line() == [
        may,
        active("c", gpus=1),
        after,
    ]


def test_when_it_will_start_is_foretold() -> None:
    """When the run that holds the card is expected to end."""
    runs = [going("x", A, B, ends_at=NOW + 500.0), active(state=states.QUEUED, gpus=1)]
    found = planning.Planning(runs, TWO).forecast()
    assert found == {runs[1].run: NOW + 500.0}


def test_cards_that_are_excluded_will_never_do() -> None:
    """A run says for good which ones it may use; it is told so instead of waiting for ever."""
    rules = {"excluded": ["1"]}
    told = planned(active(gpus=2, sharing=rules))["r"]
    assert told == planning.Fail(
        told.run, "2 GPUs are wanted, and this server has 1 that overnight.toml allows"
    )
    assert planned(active(gpus=1, sharing=rules))["r"].gpus == (A,)
