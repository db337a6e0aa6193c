"""Where runs go: the server where each would end first."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.core.placement import Offer, Placement, Wanted, place

NOW = 1_000_000.0


def cards(number: int, memory_mib: int = 80_000, state: str = "free") -> list[dict[str, Any]]:
    return [
        {"uuid": f"GPU-{n}", "index": n, "memory_mib": memory_mib, "state": state}
        for n in range(number)
    ]


def wanted(key: str = "a", gpus: float | None = 1, **more: Any) -> Wanted:
    return Wanted(key=key, gpus=gpus, **{"expected_s": 3600.0, **more})


def running(gpus: list[str], ends_at: float | None = NOW + 600, **more: Any) -> dict[str, Any]:
    return {"project": "p", "run": "r", "gpus": gpus, "share": 1.0, "ends_at": ends_at, **more}


def only(wants: Wanted, *offers: Offer) -> Placement:
    return place([wants], offers, NOW)[0]


def test_a_free_gpu_is_taken_at_once() -> None:
    """The server with a free GPU wins over one that is full."""
    full = Offer(server="gpu1", cards=cards(1), running=[running(["GPU-0"])])
    found = only(wanted(), full, Offer(server="gpu2", cards=cards(3)))
    assert (found.server, found.starts_at, found.ends_at) == ("gpu2", NOW, NOW + 3600)
    assert found.why.startswith("3 GPUs free")


def test_a_fast_server_is_worth_waiting_for() -> None:
    """What counts is the end: 10 min of waiting against half the time of an hour."""
    fast = Offer(server="fast", cards=cards(1), running=[running(["GPU-0"])], speed=2.0)
    found = only(wanted(), fast, Offer(server="slow", cards=cards(1)))
    assert (found.server, found.starts_at, found.ends_at) == ("fast", NOW + 600, NOW + 2400)
    assert "slow: 1 GPU free" in found.why


def test_many_runs_are_balanced() -> None:
    """Each placement counts as load before the next."""
    offers = [Offer(server=name, cards=cards(4)) for name in ("a", "b", "c")]
    found = place([wanted(str(n)) for n in range(24)], offers, NOW)
    assert [sum(each.server == s for each in found) for s in "abc"] == [8, 8, 8]
    assert [each.starts_at for each in found] == [NOW] * 12 + [NOW + 3600] * 12


def test_the_queue_there_counts() -> None:
    """Runs that wait there already come first."""
    waits = {"project": "p", "run": "w", "gpus": 1.0, "memory_mib": None, "expected_s": 7200.0}
    queued = Offer(server="a", cards=cards(1), waiting=[waits])
    later = Offer(server="b", cards=cards(1), running=[running(["GPU-0"], NOW + 3600)])
    assert only(wanted(), queued, later).server == "b"
    assert only(wanted(), queued).starts_at == NOW + 7200


def test_memory_decides_what_suits() -> None:
    """Of different cards those with too little memory are not for it."""
    small, big = Offer(server="s", cards=cards(4, 24_000)), Offer(server="b", cards=cards(1))
    assert only(wanted(memory_mib=40_000), small, big).server == "b"
    assert only(wanted(memory_mib=90_000), small, big).why == (
        "no server suits: s has 0 GPUs with 90000 MiB; b has 0 GPUs with 90000 MiB"
    )


def test_a_server_without_the_data_does_not_suit() -> None:
    """And says which link it lacks."""
    offers = [Offer(server="a", cards=cards(1), missing_links=frozenset(["/data/x"]))]
    found = only(wanted(links={"data": "/data/x"}), *offers)
    assert found.server is None
    assert found.why == "no server suits: a lacks data (/data/x)"
    assert only(wanted(links={"data": "/data/y"}), *offers).server == "a"


def test_each_server_says_why_it_does_not_suit() -> None:
    """Dead, not allowed, too few cards, a driver that does not answer."""
    offers = [
        Offer(server="dead", reachable=False),
        Offer(server="other", cards=cards(8)),
        Offer(server="few", cards=cards(2) + cards(2, state="excluded")),
        Offer(server="ill", problem="nvidia-smi did not answer within 5 s"),
        Offer(server="none"),
    ]
    allowed = frozenset(["dead", "few", "ill", "none"])
    assert only(wanted(gpus=4, servers=allowed), *offers).why == (
        "no server suits: dead cannot be reached; other not allowed; "
        "few has 2 GPUs that we may use; ill nvidia-smi did not answer within 5 s; "
        "none has no GPU that we may use"
    )
    assert only(wanted()).why == "no server is configured"


def test_the_code_that_is_there_breaks_a_tie() -> None:
    """A transfer costs a little, and no more than that."""
    offers = [
        Offer(server="a", cards=cards(1)),
        Offer(server="b", cards=cards(1), snapshots=frozenset(["s1"])),
    ]
    first, second = place([wanted("1", snapshot="s1"), wanted("2", snapshot="s1")], offers, NOW)
    assert (first.server, second.server) == ("b", "a")
    assert first.why == "1 GPU free; the code is there"


def test_clocks_of_servers_may_differ_by_hours() -> None:
    """Times of an answer are by the server's clock, those of a placement by ours."""
    ahead = Offer(
        server="a",
        cards=cards(1),
        running=[running(["GPU-0"], NOW + 7200 + 600)],
        clock_offset_s=7200.0,
    )
    assert only(wanted(), ahead).starts_at == NOW + 600


def test_an_end_that_nobody_knows_is_told_as_unknown() -> None:
    """A labmate's GPU, or a run without an estimate: placed last, and without a time."""
    foreign = Offer(server="a", cards=cards(2, state="other"))
    busy = Offer(server="b", cards=cards(1), running=[running(["GPU-0"])])
    assert only(wanted(), foreign, busy).server == "b"
    found = only(wanted(), foreign)
    assert (found.server, found.starts_at, found.ends_at) == ("a", None, None)
    assert "nobody knows" in found.why


def test_runs_share_a_card_by_memory() -> None:
    """Half a card each; a third finds no room until one has ended."""
    offers = [Offer(server="a", cards=cards(1, 24_000))]
    wants = [wanted(str(n), gpus=0.5, memory_mib=8000) for n in range(3)]
    assert [each.starts_at for each in place(wants, offers, NOW)] == [NOW, NOW, NOW + 3600]
    unknown = [wanted(str(n), gpus=0.5) for n in range(2)]
    assert [each.starts_at for each in place(unknown, offers, NOW)] == [NOW, NOW + 3600]


def test_a_run_of_no_stated_gpus_prefers_a_gpu() -> None:
    """`gpus` None is one where there is any; a CPU slot only where there is none anywhere."""
    cpu = Offer(server="cpu", slots=2)
    busy = Offer(server="gpu", cards=cards(1), running=[running(["GPU-0"])])
    assert only(wanted(gpus=None), cpu, busy).server == "gpu"
    found = only(wanted(gpus=None), cpu)
    assert (found.server, found.why) == ("cpu", "a CPU slot free")
    assert only(wanted(gpus=0), busy).why == "no server suits: gpu takes no runs without a GPU"


def test_a_launcher_of_many_processes_wants_a_gpu_for_each() -> None:
    """`gpus` None with four processes is four GPUs where there are any."""
    few, many = Offer(server="few", cards=cards(2)), Offer(server="many", cards=cards(4))
    assert only(wanted(gpus=None, processes=4), few, many).server == "many"


def test_cards_that_cannot_be_seen_are_no_cpu_slots() -> None:
    """A driver that does not answer hides GPUs; the run is not sent there to run without."""
    ill = Offer(server="ill", slots=8, problem="nvidia-smi hangs")
    assert only(wanted(gpus=None), ill).server is None


servers = st.lists(
    st.builds(
        lambda number, memory_mib, speed, slots: (number, memory_mib, speed, slots),
        st.integers(0, 8),
        st.sampled_from([11_000, 24_000, 80_000]),
        st.floats(0.25, 4.0),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=5,
)
wants = st.lists(
    st.tuples(
        st.sampled_from([None, 0, 0.25, 0.5, 1, 2, 4, 8]),
        st.sampled_from([None, 2000, 20_000, 70_000]),
        st.one_of(st.none(), st.floats(1.0, 1e6)),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(servers, wants)
def test_no_gpu_is_promised_twice(
    made: list[tuple[int, int, float, int]], asked: list[tuple[Any, Any, Any]]
) -> None:
    """At no moment do the runs that were placed hold more whole GPUs than there are."""
    offers = [
        Offer(server=f"s{n}", cards=cards(number, mib), speed=speed, slots=slots)
        for n, (number, mib, speed, slots) in enumerate(made)
    ]
    named = [
        Wanted(key=str(n), gpus=gpus, memory_mib=mib, expected_s=s)
        for n, (gpus, mib, s) in enumerate(asked)
    ]
    found = place(named, offers, NOW)
    assert [each.key for each in found] == [each.key for each in named]
    for offer in offers:
        total = len(offer.cards)
        held = [
            (each, float(want.gpus if want.gpus is not None else 1))
            for want, each in zip(named, found, strict=True)
            if each.server == offer.server and each.starts_at is not None and total
        ]
        for moment, _ in held:
            at = moment.starts_at
            together = [
                number
                for each, number in held
                if each.starts_at <= at and (each.ends_at is None or each.ends_at > at + 1e-6)  # type: ignore[operator]
            ]
            assert sum(together) <= total + 1e-6
    for want, each in zip(named, found, strict=True):
        assert (each.server is not None) or each.why.startswith("no server suits")
        assert each.starts_at is None or each.starts_at >= NOW
        if want.expected_s is None:
            assert each.ends_at is None


def test_a_thousand_runs_over_twenty_servers() -> None:
    """What a sweep of that size asks is answered; `overnight sweep` waits for it."""
    offers = [Offer(server=f"s{n}", cards=cards(8), speed=1 + n / 20) for n in range(20)]
    asked = [wanted(str(n), gpus=(1, 2, 4, 8)[n % 4]) for n in range(1000)]
    began = time.perf_counter()
    found = place(asked, offers, NOW)
    print(f"{time.perf_counter() - began:.3f} s")
    assert all(each.server for each in found)


def test_a_cluster_is_for_what_finds_no_room_soon() -> None:
    """How long Slurm lets wait nobody knows; it takes what others would begin much later."""
    busy = Offer(server="gpu1", cards=cards(2), running=[running(["GPU-0"], NOW + 10 * 3600)])
    cluster = Offer(server="cluster", is_cluster=True)
    found = place([wanted(str(n)) for n in range(4)], [cluster, busy], NOW)
    assert [each.server for each in found] == ["gpu1", "gpu1", "cluster", "cluster"]
    assert found[2].starts_at is None
    assert found[2].why.startswith("Slurm says when")
    assert only(wanted(gpus=8), cluster).server == "cluster"
    assert only(wanted(gpus=None), cluster, Offer(server="cpu", slots=4)).server == "cluster"
