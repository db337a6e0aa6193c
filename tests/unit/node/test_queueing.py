from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.node.queueing import (
    FAIR_STEP_S,
    Decision,
    Gpu,
    Host,
    Reservation,
    Running,
    Start,
    Waiting,
    decide,
    forecast,
    forecasting,
)

NOW = 1_000_000.0
HOUR = 3600.0


def host(name: str = "a", cards: int = 8, memory_mib: int | None = 80_000, slots: int = 0) -> Host:
    gpus = tuple(Gpu(f"GPU-{name}{n}", memory_mib) for n in range(cards))
    return Host(name, gpus, slots)


def wants(key: str, gpus: float, ago_s: float = 100.0, **more: object) -> Waiting:
    return Waiting(key, gpus, NOW - ago_s, **more)  # type: ignore[arg-type]


def runs(key: str, on: Host, cards: range, ends_in: float | None = HOUR, **more: object) -> Running:
    uuids = tuple(on.gpus[n].uuid for n in cards)
    ends_at = None if ends_in is None else NOW + ends_in
    return Running(key, on.name, uuids, ends_at=ends_at, **more)  # type: ignore[arg-type]


def started(decision: Decision) -> list[object]:
    return [start.key for start in decision.starts]


# -- order ------------------------------------------------------------------------------------


def test_the_higher_priority_goes_first_then_who_has_waited_longer() -> None:
    waiting = [wants("late", 1, 10), wants("early", 1, 20), wants("urgent", 1, 1, priority=1)]
    assert started(decide(waiting, [], [host(cards=1)], NOW)) == ["urgent"]
    assert started(decide(waiting[:2], [], [host(cards=1)], NOW)) == ["early"]


def test_a_sweep_does_not_keep_a_single_run_waiting_for_all_of_it() -> None:
    """Each further run of a sweep counts as queued a step later."""
    sweep = [wants(f"sweep{n}", 1, 2000, order=n) for n in range(100)]
    single = wants("single", 1, 2000 - 2.5 * FAIR_STEP_S)
    keys = started(decide([*sweep, single], [], [host(cards=4)], NOW))
    assert keys == ["sweep0", "sweep1", "sweep2", "single"]


def test_equal_runs_keep_the_order_they_came_in() -> None:
    waiting = [wants(key, 1) for key in "cab"]
    assert started(decide(waiting, [], [host(cards=2)], NOW)) == ["c", "a"]


def test_wide_gangs_of_one_turn_follow_each_other_but_not_those_of_the_next() -> None:
    """An empty server is used for all that need one, by runs queued on the same day."""
    a = host()
    midnight = 86400.0 * 11
    waiting = [
        Waiting("narrow", 1, midnight + HOUR, expected_s=HOUR),
        Waiting("wide", 8, midnight + 20 * HOUR, expected_s=HOUR),
    ]
    assert started(decide(waiting, [], [a], midnight + 30 * HOUR)) == ["wide"]
    tomorrow = [waiting[0], waiting[1]._replace(queued_at=midnight + 25 * HOUR)]
    assert started(decide(tomorrow, [], [a], midnight + 30 * HOUR)) == ["narrow"]


def test_a_promised_run_keeps_its_place_before_its_equals_only() -> None:
    waiting = [wants("narrow", 1, 10), wants("wide", 8, 20)]
    assert started(decide(waiting, [], [host()], NOW)) == ["wide"]
    assert started(decide(waiting, [], [host()], NOW, promised="narrow")) == ["narrow"]
    urgent = [waiting[0], waiting[1]._replace(priority=1)]
    assert started(decide(urgent, [], [host()], NOW, promised="narrow")) == ["wide"]


# -- where ------------------------------------------------------------------------------------


def test_a_gang_gets_the_cards_of_one_host() -> None:
    a, b = host("a", 3), host("b", 4)
    (start,) = decide([wants("gang", 4)], [], [a, b], NOW).starts
    assert start == Start("gang", "b", tuple(gpu.uuid for gpu in b.gpus))


def test_whole_hosts_are_kept_for_wide_gangs() -> None:
    """The fullest host that has room."""
    a, b = host("a"), host("b")
    (start,) = decide([wants("x", 2)], [runs("r", b, range(5))], [a, b], NOW).starts
    assert start.host == "b"


def test_a_card_with_too_little_memory_is_not_suitable_and_a_large_one_is_spared() -> None:
    mixed = Host("m", (Gpu("large", 80_000), Gpu("small", 24_000), Gpu("tiny", 8_000)))
    (start,) = decide([wants("x", 1, memory_mib=20_000)], [], [mixed], NOW).starts
    assert start.gpus == ("small",)


def test_allowed_hosts_and_cards_bind_and_avoided_cards_only_while_there_are_others() -> None:
    a, b = host("a", 2), host("b", 2)
    allowed = frozenset({"GPU-b1"})
    (start,) = decide([wants("x", 1, allowed=allowed)], [], [a, b], NOW).starts
    assert start.gpus == ("GPU-b1",)
    (start,) = decide([wants("x", 1, hosts=frozenset({"b"}))], [], [a, b], NOW).starts
    assert start.host == "b"
    avoid = frozenset({"GPU-a0"})
    (start,) = decide([wants("x", 1, avoid=avoid)], [], [a], NOW).starts
    assert start.gpus == ("GPU-a1",)
    (start,) = decide([wants("x", 2, avoid=avoid)], [], [a], NOW).starts
    assert set(start.gpus) == {"GPU-a0", "GPU-a1"}


def test_runs_without_gpus_take_slots_and_wait_for_no_reservation() -> None:
    a = host("a", 1, slots=2)
    busy = [runs("r", a, range(1)), Running("cpu", "a", ())]
    decision = decide([wants("gpu", 1, 50), wants("c1", 0, 40), wants("c2", 0, 30)], busy, [a], NOW)
    assert decision.starts == (Start("c1", "a", ()),)


# -- sharing ----------------------------------------------------------------------------------


def test_small_runs_go_onto_a_shared_card_first() -> None:
    a = host("a", 2)
    half = runs("half", a, range(1, 2), share=0.5, memory_mib=10_000)
    (start,) = decide([wants("x", 0.5, memory_mib=10_000)], [half], [a], NOW).starts
    assert start.gpus == ("GPU-a1",)


@pytest.mark.parametrize(
    ("share", "memory_mib", "held_mib"),
    [(0.6, 10_000, 10_000), (0.5, 40_000, 33_000), (0.5, None, 10_000), (0.5, 10_000, None)],
    ids=["shares", "memory with its margin", "unknown memory", "unknown memory beside it"],
)
def test_a_card_is_not_shared_beyond_what_is_known_to_fit(
    share: float, memory_mib: int | None, held_mib: int | None
) -> None:
    a = host("a", 1)
    half = runs("half", a, range(1), share=0.5, memory_mib=held_mib)
    waiting = [wants("x", share, memory_mib=memory_mib)]
    assert decide(waiting, [half], [a], NOW).starts == ()
    assert decide(waiting, [], [a], NOW).starts


def test_a_small_run_that_needs_less_finds_room_where_a_larger_one_did_not() -> None:
    """Less memory, a smaller share or less time: each is asked anew, and more of it is not."""
    a = host("a", 1)
    half = runs("half", a, range(1), share=0.5, memory_mib=40_000)
    waiting = [
        wants("first", 0.5, 90, memory_mib=60_000, expected_s=60),
        wants("again", 0.5, 80, memory_mib=70_000, expected_s=60),
        wants("wider", 0.6, 70, memory_mib=10_000, expected_s=60),
        wants("less", 0.5, 60, memory_mib=10_000, expected_s=60),
    ]
    assert started(decide(waiting, [half], [a], NOW)) == ["less"]


def test_a_whole_card_is_never_a_shared_one() -> None:
    a = host("a", 1)
    small = runs("small", a, range(1), share=0.1, memory_mib=100)
    assert decide([wants("x", 1, memory_mib=100)], [small], [a], NOW).starts == ()


# -- reservations -----------------------------------------------------------------------------


def test_the_first_that_has_to_wait_gets_a_reservation_that_nobody_delays() -> None:
    """Who ends before may pass; who does not, or whose end nobody knows, may not."""
    a = host()
    busy = [runs("r", a, range(4), HOUR)]
    waiting = [
        wants("wide", 8, 90, expected_s=HOUR),
        wants("unknown", 1, 80),
        wants("long", 1, 70, expected_s=HOUR + 1),
        wants("short", 1, 60, expected_s=HOUR),
    ]
    decision = decide(waiting, busy, [a], NOW)
    assert started(decision) == ["short"]
    assert decision.reserved == Reservation("wide", "a", NOW + HOUR)


def test_cards_that_the_reservation_does_not_need_are_free_to_all() -> None:
    a = host()
    busy = [runs("r", a, range(3), HOUR), runs("s", a, range(3, 5), 9 * HOUR)]
    waiting = [wants("gang", 4, 90), wants("x", 1, 80), wants("y", 1, 70), wants("z", 1, 60)]
    decision = decide(waiting, busy, [a], NOW)
    assert decision.reserved == Reservation("gang", "a", NOW + HOUR)
    assert started(decision) == ["x", "y"]


def test_a_card_that_does_not_suit_the_reservation_is_free_to_all() -> None:
    a = Host("m", (Gpu("large", 80_000), Gpu("small", 24_000)))
    busy = [Running("r", "m", ("large",), ends_at=NOW + HOUR)]
    decision = decide([wants("big", 1, memory_mib=50_000), wants("x", 1, 1)], busy, [a], NOW)
    assert decision.reserved == Reservation("big", "m", NOW + HOUR)
    assert decision.starts == (Start("x", "m", ("small",)),)


def test_who_passes_leaves_the_cards_that_are_held_where_it_can() -> None:
    """Else it would find no place where there is one."""
    a = Host("m", (Gpu("large", 80_000), Gpu("other", 80_000), Gpu("small", 24_000)))
    busy = [Running("r", "m", ("large",), ends_at=NOW + HOUR)]
    decision = decide([wants("big", 2, memory_mib=50_000), wants("x", 1, 1)], busy, [a], NOW)
    assert decision.starts == (Start("x", "m", ("small",)),)


def test_a_late_run_goes_on_for_half_as_long_again_as_it_has_run() -> None:
    a = host("a", 1)
    late = runs("r", a, range(1), -HOUR, began_at=NOW - 4 * HOUR)
    assert decide([wants("x", 1)], [late], [a], NOW).reserved == Reservation(
        "x", "a", NOW + 2 * HOUR
    )


@pytest.mark.parametrize(("ends_in", "expected_in"), [(-2 * HOUR, 2 * HOUR), (None, 24 * HOUR)])
def test_ends_that_nobody_knows_are_assumed(ends_in: float | None, expected_in: float) -> None:
    """As late again, or a day."""
    a = host("a", 1)
    decision = decide([wants("x", 1)], [runs("r", a, range(1), ends_in)], [a], NOW)
    assert decision.reserved == Reservation("x", "a", NOW + expected_in)


def test_runs_over_their_limit_hold_nobody_up_and_reserve_nothing() -> None:
    a = host("a", 2)
    busy = [runs("r", a, range(1), group="g")]
    limited = wants("limited", 1, 90, group="g", limit=1)
    decision = decide([limited, wants("x", 1)], busy, [a], NOW, explain=["limited"])
    assert (started(decision), decision.reserved) == (["x"], None)
    assert decision.why == {"limited": "1 of g run already"}


def test_a_limit_counts_what_is_started_now() -> None:
    waiting = [wants(f"g{n}", 1, 90 - n, group="g", limit=2) for n in range(4)]
    assert started(decide(waiting, [], [host()], NOW)) == ["g0", "g1"]


def test_runs_that_no_host_can_serve_hold_nobody_up() -> None:
    decision = decide([wants("x9", 9, 90), wants("x", 8)], [], [host()], NOW, explain=["x9"])
    assert (started(decision), decision.reserved) == (["x"], None)
    assert decision.why == {"x9": "no server has such GPUs"}


def test_why_tells_who_is_next_and_who_is_behind() -> None:
    a = host("a", 1)
    waiting = [wants("first", 1, 20), wants("second", 1, 10)]
    decision = decide(waiting, [runs("r", a, range(1))], [a], NOW, explain=["first", "second"])
    assert decision.why == {"first": "next on a", "second": "others come first"}


def test_among_many_servers_a_second_gang_has_cards_held_too() -> None:
    """Or single GPUs would be taken one by one for ever; on another server than the first."""
    hosts = [host(name) for name in "abcd"]
    busy = [runs(f"r{each.name}", each, range(7), HOUR * (5 - n)) for n, each in enumerate(hosts)]
    gangs = [wants("g1", 8, 90), wants("g2", 8, 80)]
    narrow = [wants(f"n{n}", 1, 70 - n, expected_s=100 * HOUR) for n in range(4)]
    decision = decide([*gangs, *narrow], busy, hosts, NOW)
    assert decision.reserved == Reservation("g1", "d", NOW + 2 * HOUR)
    assert {start.host for start in decision.starts} == {"a", "b"}


def test_nothing_at_all_is_no_decision() -> None:
    assert decide([], [], [], NOW) == Decision()
    assert decide([wants("x", 1)], [], [], NOW) == Decision()


# -- forecast ---------------------------------------------------------------------------------


def test_the_forecast_plays_the_line_forward() -> None:
    a = host("a", 1)
    waiting = [wants(f"x{n}", 1, 90 - n, expected_s=HOUR) for n in range(3)]
    expected = {f"x{n}": NOW + HOUR * (n + 2) for n in range(3)}
    assert forecast(waiting, [runs("r", a, range(1), 2 * HOUR)], [a], NOW) == expected


def test_the_forecast_knows_what_it_cannot_know() -> None:
    """Behind a run without an estimate, and where no host can serve the run."""
    a = host("a", 1)
    waiting = [wants("open", 1, 90), wants("after", 1, 80), wants("never", 2, 70)]
    found = forecast(waiting, [runs("r", a, range(1))], [a], NOW)
    assert found == {"open": NOW + HOUR, "after": None, "never": None}
    assert forecast(waiting[:1], [runs("r", a, range(1), None)], [a], NOW) == {"open": None}


def test_a_run_that_follows_others_is_foretold_for_their_end() -> None:
    """In a chain as well; not where nobody knows their end, and not where they never end here."""
    a = host("a", 2)
    second = wants("second", 1, 90, expected_s=HOUR)._replace(after=frozenset({"r"}))
    third = wants("third", 1, 95, expected_s=HOUR)._replace(after=frozenset({"second", "r"}))
    lost = wants("lost", 1, 99)._replace(after=frozenset({"elsewhere"}))
    going = runs("r", a, range(1), 2 * HOUR)
    found = forecast([third, second, lost], [going], [a], NOW)
    assert found == {"third": NOW + 3 * HOUR, "second": NOW + 2 * HOUR, "lost": None}
    unsure = going._replace(ends_at=None)
    assert forecast([third, second], [unsure], [a], NOW) == {"third": None, "second": None}


def test_far_down_a_long_line_the_forecast_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking when ten thousand runs start takes no longer than asking for a thousand."""
    monkeypatch.setattr(forecasting, "MOST_LOOKS", 100)
    waiting = [wants(f"x{n}", 1, 90 - n, expected_s=HOUR) for n in range(40)]
    found = forecast(waiting, [], [host("a", 1)], NOW)
    known = [key for key, at in found.items() if at is not None]
    assert known == ["x0", "x1", "x2"]


# -- properties -------------------------------------------------------------------------------

LABS = settings(max_examples=60, deadline=None)
NAMES = ("a", "b", "c")
HOSTS = st.lists(st.sampled_from(NAMES), unique=True, min_size=1).flatmap(
    lambda names: st.tuples(
        *(
            st.builds(
                host,
                st.just(name),
                st.integers(0, 5),
                st.sampled_from([None, 24_000, 80_000]),
                st.integers(0, 2),
            )
            for name in names
        )
    )
)
UUIDS = [f"GPU-{name}{n}" for name in NAMES for n in range(5)]
WAITING = st.lists(
    st.builds(
        Waiting,
        key=st.integers(),
        gpus=st.sampled_from([0, 0.25, 0.5, 0.75, 1, 1, 2, 3, 4]),
        queued_at=st.floats(NOW - 1e6, NOW),
        priority=st.integers(0, 1),
        order=st.integers(0, 3),
        expected_s=st.none() | st.floats(1, 1e5),
        memory_mib=st.none() | st.integers(1000, 90_000),
        allowed=st.none() | st.frozensets(st.sampled_from(UUIDS), max_size=8),
        avoid=st.frozensets(st.sampled_from(UUIDS), max_size=3),
        group=st.sampled_from(["", "g"]),
        limit=st.none() | st.integers(0, 2),
        hosts=st.none() | st.frozensets(st.sampled_from(NAMES)),
    ),
    max_size=8,
    unique_by=lambda run: run.key,
)


def play(waiting: list[Waiting], hosts: tuple[Host, ...]) -> tuple[list[Running], list[Waiting]]:
    """Two decisions, the second with what the first has started: what runs, what waits."""
    running: list[Running] = []
    for _ in range(2):
        by_key = {run.key: run for run in waiting}
        for start in decide(waiting, running, hosts, NOW).starts:
            run = by_key.pop(start.key)
            share = min(1.0, run.gpus) or 1.0
            ends_at = None if run.expected_s is None else NOW + run.expected_s
            running.append(
                Running(run.key, start.host, start.gpus, share, run.memory_mib, ends_at, run.group)
            )
        waiting = list(by_key.values())
    return running, waiting


@LABS
@given(WAITING, HOSTS)
def test_what_starts_is_what_was_asked_for(waiting: list[Waiting], hosts: tuple[Host, ...]) -> None:
    """Width, one host, suitable cards, no card beyond its shares and memory, slots and limits."""
    asked = {run.key: run for run in waiting}
    cards = {(each.name, gpu.uuid): gpu for each in hosts for gpu in each.gpus}
    running, _ = play(waiting, hosts)
    on_card: defaultdict[tuple[str, str], list[Running]] = defaultdict(list)
    for run in running:
        wanted = asked[run.key]
        assert len(set(run.gpus)) == len(run.gpus) == -(-wanted.gpus // 1)
        assert wanted.hosts is None or run.host in wanted.hosts
        for uuid in run.gpus:
            memory_mib = cards[run.host, uuid].memory_mib
            assert wanted.allowed is None or uuid in wanted.allowed
            assert memory_mib is None or (wanted.memory_mib or 0) <= memory_mib
            on_card[run.host, uuid].append(run)
    for card, together in on_card.items():
        assert sum(run.share for run in together) <= 1
        if len(together) > 1:
            held_mib = sum(run.memory_mib or 0 for run in together)
            assert all(run.memory_mib for run in together)
            assert 1.1 * held_mib <= (cards[card].memory_mib or 0)
    for each in hosts:
        assert sum(run.host == each.name and not run.gpus for run in running) <= each.slots


@LABS
@given(WAITING, HOSTS)
def test_limits_hold_for_whoever_has_one(waiting: list[Waiting], hosts: tuple[Host, ...]) -> None:
    """A run with a limit is not started while as many of its group run."""
    running, _ = play(waiting, hosts)
    limits = {run.key: run.limit for run in waiting}
    before: defaultdict[str, int] = defaultdict(int)
    for run in running:
        limit = limits[run.key]
        assert limit is None or before[run.group] < limit
        before[run.group] += 1


@LABS
@given(WAITING, HOSTS)
def test_the_same_question_has_the_same_answer(
    waiting: list[Waiting], hosts: tuple[Host, ...]
) -> None:
    assert decide(waiting, [], hosts, NOW) == decide(iter(waiting), iter(()), iter(hosts), NOW)


@LABS
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1e6)), max_size=12), st.integers(1, 8))
def test_of_equal_runs_none_passes_one_of_higher_priority(
    lines: list[tuple[int, float]], cards: int
) -> None:
    waiting = [
        wants(f"x{n}", 1, ago_s, priority=priority, expected_s=HOUR)
        for n, (priority, ago_s) in enumerate(lines)
    ]
    first = set(started(decide(waiting, [], [host(cards=cards)], NOW)))
    behind = [run.priority for run in waiting if run.key not in first]
    assert all(run.priority >= max(behind, default=0) for run in waiting if run.key in first)


@LABS
@given(
    st.lists(st.tuples(st.sampled_from([1, 2, 4, 8]), st.floats(60, 1e5)), max_size=20),
    st.integers(1, 3),
)
def test_no_run_is_starved_by_narrow_ones_that_never_stop_coming(
    lines: list[tuple[int, float]], servers: int
) -> None:
    """A gang starts within the longest run, though a new narrow run waits at every moment."""
    hosts = [host(name) for name in NAMES[:servers]]
    running = [
        Running((name.name, n), name.name, (gpu.uuid,), ends_at=NOW + 1000.0 * (n + 1))
        for name in hosts
        for n, gpu in enumerate(name.gpus)
    ]
    gang = wants("gang", 8, 1e6, expected_s=HOUR)
    now, promised = NOW, None
    for step in range(1000):
        stream = [
            Waiting((step, n), gpus, now, expected_s=lasts_s)
            for n, (gpus, lasts_s) in enumerate(lines)
        ]
        decision = decide([gang, *stream], running, hosts, now, promised)
        if "gang" in started(decision):
            break
        promised = decision.reserved and decision.reserved.key
        by_key = {run.key: run for run in stream}
        for start in decision.starts:
            ends_at = now + (by_key[start.key].expected_s or 0)
            running.append(Running(start.key, start.host, start.gpus, ends_at=ends_at))
        now = min(run.ends_at or 0 for run in running)
        running = [run for run in running if (run.ends_at or 0) > now]
    assert now <= NOW + 8000


@LABS
@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2, 4, 8]), st.floats(60, 1e5), st.floats(0, 1e5)), max_size=12
    )
)
def test_with_true_estimates_and_no_arrivals_runs_start_when_forecast(
    lines: list[tuple[int, float, float]],
) -> None:
    """The forecast, and deciding again at each end, agree."""
    hosts = [host("a"), host("b")]
    left = {
        n: Waiting(n, gpus, NOW - ago_s, expected_s=lasts_s)
        for n, (gpus, lasts_s, ago_s) in enumerate(lines)
    }
    expected = forecast(left.values(), [], hosts, NOW)
    running: list[Running] = []
    now, promised = NOW, None
    begins = {}
    while left:
        decision = decide(left.values(), running, hosts, now, promised)
        promised = decision.reserved.key if decision.reserved else None
        for start in decision.starts:
            begins[start.key] = now
            ends_at = now + (left.pop(start.key).expected_s or 0)
            running.append(Running(start.key, start.host, start.gpus, ends_at=ends_at))
        now = min(run.ends_at or 0 for run in running)
        running = [run for run in running if (run.ends_at or 0) > now]
    assert begins == expected
