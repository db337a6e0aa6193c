"""Who uses each GPU of a server that others use too, and when it is free."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.node import gpus, owners, sharing

A = "GPU-0a8f2b4c-1111-2222-3333-444455556666"
B = "GPU-9f00aa11-1111-2222-3333-444455556666"
NOON = time.strptime("2026-01-05 12:00", "%Y-%m-%d %H:%M")  # a Monday
MINE = {"project": "clip", "run": "train01", "share": 1.0, "mib": None}

BOB, EVE, OURS, OWN, HIDDEN = 100, 200, 300, 400, 500
OWNED = {
    BOB: owners.Owner("bob", 1000.0),
    EVE: owners.Owner("eve", None),
    OURS: owners.Owner("me", 2000.0, ours=True),
    OWN: owners.Owner("me", 3000.0),
    HIDDEN: owners.Owner(),
}


def app(pid: int, mib: int | None = 8000, *, graphics: bool = False) -> gpus.App:
    return gpus.App(A, pid, mib, graphics)


def table(*apps: gpus.App, **changes: Any) -> gpus.Table:
    """One GPU of 80 GB, with as much memory in use as its processes say."""
    used = 4 + sum(each.used_mib or 0 for each in apps)
    gpu = gpus.Gpu(0, A, "H100", 81559, used, 90 if apps else 0, apps)
    return gpus.Table((gpu._replace(**changes),))


def judged(
    found: gpus.Table,
    rules: sharing.Rules = sharing.Rules(),  # noqa: B008 - it is a value
    *,
    runs: tuple[Mapping[str, Any], ...] = (),
    before: Mapping[str, sharing.Sighting] | None = None,
    now: float = 5000.0,
    local: time.struct_time = NOON,
) -> sharing.Use:
    sightings = sharing.seen(before or {}, found, OWNED, rules, now)
    return sharing.judge(found, OWNED, {A: runs} if runs else {}, sightings, rules, local)[A]


# -- states -----------------------------------------------------------------------------------


def test_a_gpu_without_anybody_is_free() -> None:
    """At the first sample already: nobody was ever seen on it."""
    use = judged(table())
    assert (use.state, use.shareable, use.why, use.users) == ("free", True, "", ())


@pytest.mark.parametrize(
    ("pid", "user"),
    [
        (BOB, sharing.User("bob", BOB, 8000, 1000.0)),
        (EVE, sharing.User("eve", EVE, 8000, 5000.0)),
        (OWN, sharing.User("me", OWN, 8000, 3000.0)),
        (HIDDEN, sharing.User("?", HIDDEN, 8000, 5000.0)),
        (999, sharing.User("?", 999, 8000, 5000.0)),
    ],
)
def test_somebody_elses_process_is_told(pid: int, user: sharing.User) -> None:
    """Also one of ours that no run started, and one that cannot be seen; since it was first seen
    where it does not tell its age.
    """
    use = judged(table(app(pid)))
    assert (use.state, use.users, use.why) == ("other", (user,), f"used by {user.user}")
    assert not use.shareable


def test_a_process_without_memory_keeps_us_away() -> None:
    """It may be about to take some (law 6)."""
    assert judged(table(app(BOB, 0))).state == "other"
    assert judged(table(app(BOB, None))).state == "other"


def test_users_who_count_as_free_keep_nobody_away() -> None:
    """Neither their processes nor their memory nor what they compute."""
    rules = sharing.Rules(free_users=("bob",))
    assert judged(table(app(BOB, 8000)), rules).state == "free"
    assert judged(table(app(BOB, 8000), app(EVE)), rules).users[0].user == "eve"
    hidden = judged(table(app(BOB, 8000), memory_used_mib=20000), rules)
    assert (hidden.state, hidden.why) == (
        "other",
        "12000 MiB in use by processes that cannot be seen",
    )


def test_a_display_keeps_nobody_away() -> None:
    """A server that draws a login screen on every card; one that renders does keep us away."""
    assert judged(table(app(BOB, 40, graphics=True), utilization=0)).state == "free"
    assert judged(table(app(BOB, None, graphics=True), utilization=0)).state == "free"
    assert judged(table(app(BOB, 3000, graphics=True))).state == "other"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"memory_used_mib": 1024}, "other"),
        ({"memory_used_mib": 1023}, "free"),
        ({"memory_used_mib": 900, "memory_total_mib": 8192}, "other"),
        ({"memory_used_mib": None, "memory_total_mib": None}, "free"),
        ({"utilization": 20}, "other"),
        ({"utilization": 19}, "free"),
        ({"utilization": None}, "free"),
    ],
)
def test_memory_and_time_in_use_without_a_process(changes: dict[str, Any], state: str) -> None:
    """Processes in containers are not seen, and memory takes time to drain."""
    assert judged(table(**changes)).state == state


def test_the_limits_can_be_chosen() -> None:
    """By the rules of the server."""
    rules = sharing.Rules(idle_mib=100, idle_percent=50)
    assert judged(table(memory_used_mib=100), rules).state == "other"
    assert judged(table(utilization=49), rules).state == "free"


def test_a_gpu_of_ours_names_the_runs() -> None:
    """Whatever is on it; others who came later are told too."""
    use = judged(table(app(OURS, 70000)), runs=(MINE,))
    assert (use.state, use.runs, use.users, use.shareable) == ("ours", (MINE,), (), True)
    use = judged(table(app(OURS, 7000), app(BOB)), runs=(MINE,))
    assert (use.state, use.why, use.shareable) == ("ours", "used by bob", False)


def test_a_gpu_is_shared_while_its_memory_is_explained() -> None:
    """What a run of ours does not hold, somebody holds who cannot be seen."""
    use = judged(table(app(OURS, 7000), memory_used_mib=9000), runs=(MINE,))
    assert (use.state, use.shareable) == ("ours", False)
    told_not = judged(table(app(OURS, None), memory_used_mib=9000), runs=(MINE,))
    assert told_not.shareable


def test_a_run_that_ends_still_keeps_its_gpu() -> None:
    """Its lease is gone, its process is not; nobody rests for that."""
    use = judged(table(app(OURS, 3)))
    assert (use.state, use.shareable) == ("resting", False)
    after = sharing.seen({}, table(app(OURS, 3)), OWNED, sharing.Rules(), 5000.0)
    assert judged(table(), before=after, now=5000.1).state == "free"


@pytest.mark.parametrize("name", ["0", A, "GPU-0a8f"])
def test_an_excluded_gpu_is_not_offered(name: str) -> None:
    """By index, or by the beginning of its UUID; a run that is there already stays ours."""
    rules = sharing.Rules(excluded=(name,))
    assert judged(table(), rules).state == "excluded"
    use = judged(table(app(OURS)), rules, runs=(MINE,))
    assert (use.state, use.shareable) == ("ours", False)
    assert judged(table(), sharing.Rules(excluded=("1", "GPU-9"))).state == "free"


def test_what_the_driver_notes_is_the_reason() -> None:
    """Such as MIG mode."""
    use = judged(table(note=gpus.MIG_NOTE))
    assert (use.state, use.why) == ("excluded", gpus.MIG_NOTE)


def test_in_quiet_hours_nothing_is_free() -> None:
    """Until when is said; who is on the card is said before that, and ours stays ours."""
    rules = sharing.Rules(quiet=("sat 00:00-24:00", "mon-fri 09:00-18:00"))
    use = judged(table(), rules)
    assert (use.state, use.why, use.shareable) == ("quiet", "quiet hours until 18:00", False)
    assert judged(table(app(BOB)), rules).state == "other"
    assert judged(table(app(OURS)), rules, runs=(MINE,)).state == "ours"
    evening = time.strptime("2026-01-05 18:00", "%Y-%m-%d %H:%M")
    assert judged(table(), rules, local=evening).state == "free"


def test_what_cannot_be_seen_is_not_free() -> None:
    """A driver that answers half of the questions."""
    half = table()._replace(problem="nvidia-smi did not answer within 5 s")
    use = judged(half)
    assert (use.state, use.why) == ("unknown", "nvidia-smi did not answer within 5 s")
    assert judged(half, runs=(MINE,)).state == "ours"


# -- resting ----------------------------------------------------------------------------------


def sampled(
    samples: list[tuple[float, gpus.Table]], rules: sharing.Rules | None = None
) -> sharing.Use:
    """The use at the last of these (time, table); what was seen goes through JSON in between."""
    chosen = rules or sharing.Rules()
    found: dict[str, sharing.Sighting] = {}
    for at, each in samples:
        found = sharing.seen(found, each, OWNED, chosen, at)
        found = sharing.from_json(json.loads(json.dumps(sharing.to_json(found))))
    last = samples[-1][1]
    return sharing.judge(last, OWNED, {}, found, chosen, NOON)[A]


def every_2_s(begin: float, end: float) -> list[tuple[float, gpus.Table]]:
    """Samples of an empty GPU."""
    return [(begin + 2 * n, table()) for n in range(int((end - begin) / 2) + 1)]


def test_a_gpu_rests_after_somebody_was_seen_on_it() -> None:
    """Somebody whose script starts one process after the other keeps the GPU."""
    left = [(0.0, table(app(BOB)))]
    use = sampled(left + every_2_s(2, 20))
    assert (use.state, use.shareable) == ("resting", False)
    assert use.why == "used by bob until just now; 2 s more"
    assert sampled(left + every_2_s(2, 22)).state == "free"


def test_whoever_comes_back_starts_the_rest_anew() -> None:
    """And their stay, of which the beginning is told."""
    samples = [(0.0, table(app(EVE))), (2.0, table(app(EVE)))]
    assert sampled(samples).users[0].since == 0.0
    samples += [*every_2_s(4, 20), (22.0, table(app(EVE)))]
    assert sampled(samples).users[0].since == 22.0
    assert sampled(samples + every_2_s(24, 42)).state == "resting"
    assert sampled(samples + every_2_s(24, 44)).state == "free"


def test_only_what_was_looked_at_counts_as_rest() -> None:
    """Two looks a minute apart have not seen a minute."""
    samples = [(0.0, table(app(BOB))), (60.0, table()), (120.0, table())]
    assert sampled(samples).state == "resting"
    assert sampled([*samples, (180.0, table())]).state == "free"


def test_a_look_of_long_ago_says_nothing() -> None:
    """The present sample is enough then."""
    assert sampled([(0.0, table(app(BOB))), (3600.0, table())]).state == "free"


@pytest.mark.parametrize("jump_s", [-86400.0, 86400.0, -5.0, 5.0])
def test_a_clock_that_jumps_lets_nobody_rest_for_ever(jump_s: float) -> None:
    """Nor does it end a rest that has hardly begun by itself, unless it looks like long ago."""
    samples = [(1e6, table(app(BOB))), *every_2_s(1e6 + 2, 1e6 + 6)]
    after = every_2_s(1e6 + 8 + jump_s, 1e6 + 40 + jump_s)
    if jump_s < sharing.FORGET_S:
        assert sampled(samples + after[:1]).state == "resting"
    assert sampled(samples + after).state == "free"


def test_a_sample_that_saw_nothing_counts_for_nothing() -> None:
    """A driver that does not answer neither frees a GPU nor forgets who was on it."""
    blind = gpus.Table(problem="NVML: Unknown Error")
    before = sharing.seen({}, table(app(BOB)), OWNED, sharing.Rules(), 0.0)
    assert sharing.seen(before, blind, OWNED, sharing.Rules(), 2.0) == before


def test_no_rest_at_all_is_one_clean_sample() -> None:
    """`rest_s` 0."""
    rules = sharing.Rules(rest_s=0)
    stays = [(0.0, table(app(EVE))), (2.0, table(app(EVE)))]
    assert sampled(stays, rules).users[0].since == 0.0
    assert sampled([(0.0, table(app(BOB))), (2.0, table())], rules).state == "free"


def test_gpus_are_judged_apart() -> None:
    """One table, two GPUs, each with its own state."""
    two = gpus.Table((*table(app(BOB)).gpus, gpus.Gpu(1, B, "H100", 81559, 4, 0)))
    sightings = sharing.seen({}, two, OWNED, sharing.Rules(), 0.0)
    uses = sharing.judge(two, OWNED, {}, sightings, sharing.Rules(), NOON)
    assert [(use.index, use.state) for use in uses.values()] == [(0, "other"), (1, "free")]


# -- rules and state from files ---------------------------------------------------------------


def test_rules_are_read() -> None:
    """As the laptop writes them into a spec."""
    raw = {
        "free_users": ["bob"],
        "excluded": [2, "GPU-0a"],
        "quiet": "09:00-18:00",
        "idle_mib": 512,
        "idle_percent": 5,
        "rest_s": 60,
        "colour": "blue",
    }
    assert sharing.rules(raw) == sharing.Rules(
        ("bob",), ("2", "GPU-0a"), ("09:00-18:00",), 512, 5, 60.0
    )


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "rules",
        {"free_users": 5, "excluded": {"a": 1}, "quiet": ["always", 7, None]},
        {"idle_mib": "many", "idle_percent": None, "rest_s": True},
        {"idle_mib": -1, "idle_percent": float("nan"), "rest_s": float("inf")},
    ],
)
def test_rules_that_make_no_sense_are_the_default(raw: object) -> None:
    """Line by line."""
    assert sharing.rules(raw) == sharing.Rules()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([A, "at", "since", "who", "clean", "rested_s", "quiet", "idle_mib"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_a_file_says_something_is_judged(told: Any) -> None:
    """Damaged state neither stops us nor makes a GPU unusable for ever."""
    before = sharing.from_json({A: told})
    sharing.from_json(told)
    rules = sharing.rules(told)
    found = sharing.seen(before, table(), OWNED, rules, 1e6)
    state = sharing.judge(table(), OWNED, {}, found, rules, NOON)[A].state
    assert state in ("free", "resting", "quiet")
