"""What is told of a sweep: one message at its end, and nothing of it twice."""

from __future__ import annotations

from typing import Any

from overnight.node import messages, sweep_news
from overnight.node.messages import Ended, Limits
from overnight.node.sweep_news import Sweep

LIMITS = Limits(since=0.0, max_per_hour=3)
Ledger = dict[str, Any]
STATES = {"f": "failed", "d": "needs-decision", "s": "stopped"}


def describe(run: str) -> dict[str, Any]:
    told = {"run": run, "server": "gpu1", "state": STATES.get(run[0], "finished"), "class": "code"}
    return {**told, "summary": "KeyError", "next": [f"overnight explain {run}"]}


def swept(*runs: str, key: str = "1") -> list[Ended]:
    return [Ended(run, key, describe(run)["state"], 10.0, "lr") for run in runs]


def plain(*runs: str) -> list[Ended]:
    return [Ended(run, "1", describe(run)["state"], 10.0) for run in runs]


def after(
    ledger: Ledger, ended: list[Ended], now: float, sweep: Sweep, active: int | None = None
) -> Ledger:
    """`active`: runs of the project, those of the sweep where it is not told."""

    def event(name: str) -> dict[str, Any]:
        runs = {each.run: each.state for each in ended if each.sweep == name}
        told = {"type": "sweep", "sweep": name, "server": "gpu1", "total": sweep.total}
        return {**told, "runs": runs, "lines": ["  lr=1  91 (n 1)"]}

    known = messages.Sweeps({"lr": sweep}, event)
    running = sweep.active if active is None else active
    return messages.decide(ledger, ended, running, now, LIMITS, describe, known)


def titles(ledger: Ledger) -> list[str]:
    return [entry["message"]["title"] for entry in ledger.get("outbox") or []]


def test_one_message_when_the_last_has_ended() -> None:
    """A failure in between waits for it; the server that falls idle tells nothing again."""
    ledger = after({}, swept("a"), 100.0, Sweep(2, 3, 3))
    ledger = after(ledger, swept("a", "f1"), 200.0, Sweep(1, 3, 3))
    assert (titles(ledger), messages.waits(ledger)) == ([], False)
    ended = swept("a", "f1", "b")
    ledger = after(ledger, ended, 300.0, Sweep(0, 3, 3))
    assert (titles(ledger), messages.waits(ledger)) == ([], True)
    ledger = after(ledger, ended, 300.0 + sweep_news.SETTLE_S, Sweep(0, 3, 3))
    assert titles(ledger) == ["sweep lr on gpu1: done, 1 failed"]
    assert ledger["outbox"][0]["message"]["urgent"]
    for now in (400.0, 5000.0, 90_000.0):
        ledger = after(ledger, ended, now, Sweep(0, 3, 3))
    assert len(titles(ledger)) == 1
    assert not {**ledger, "outbox": []}["held"]
    assert not messages.waits({**ledger, "outbox": []})


def test_beside_other_runs() -> None:
    """The sweep is told when it is over; what else ends is told as ever, without its runs."""
    ended = swept("a", "b")
    ledger = after({}, ended, 100.0, Sweep(0, 2, 2), active=1)
    ledger = after(ledger, ended, 106.0, Sweep(0, 2, 2), active=1)
    assert titles(ledger) == ["sweep lr on gpu1: done"]
    assert not ledger["outbox"][0]["message"]["urgent"]
    ended += plain("train01")
    ledger = after(ledger, ended, 200.0, Sweep(0, 2, 2))
    ledger = after(ledger, ended, 206.0, Sweep(0, 2, 2))
    assert titles(ledger)[1:] == ["all done on gpu1"]
    assert "1 finished (train01)" in ledger["outbox"][1]["message"]["text"]


def test_all_at_the_same_moment_is_one_message() -> None:
    """A sweep, a failed run and a plain one."""
    ended = [*swept("a", "b"), *plain("f9", "train01")]
    ledger = after({}, ended, 100.0, Sweep(0, 2, 2))
    ledger = after(ledger, ended, 106.0, Sweep(0, 2, 2))
    (title,) = titles(ledger)
    assert title == "f9 on gpu1: failed"
    text = ledger["outbox"][0]["message"]["text"]
    assert "sweep lr on gpu1: done" in text
    assert "1 failed (f9), 1 finished (train01)" in text


def test_a_question_is_told_at_once() -> None:
    """It waits for a person, and the others go on."""
    ledger = after({}, swept("d1"), 100.0, Sweep(2, 3, 3))
    assert titles(ledger) == ["d1 on gpu1: needs a decision"]


def test_a_question_that_is_still_open_at_the_end() -> None:
    """The others have ended: the sweep is told with what waits for a person."""
    ledger = after({}, swept("d1"), 100.0, Sweep(1, 2, 2))
    ledger = after(ledger, swept("d1", "a"), 200.0, Sweep(0, 2, 2))
    ledger = after(ledger, swept("d1", "a"), 206.0, Sweep(0, 2, 2))
    assert titles(ledger) == ["d1 on gpu1: needs a decision", "sweep lr on gpu1: done, 1 undecided"]


def test_a_sweep_that_only_fails_is_told_early() -> None:
    """Else the whole night goes by; its runs are named again by the sweep's own message only."""
    ledger = after({}, swept("f1", "f2"), 100.0, Sweep(5, 7, 7))
    assert titles(ledger) == []
    ledger = after(ledger, swept("f1", "f2", "f3"), 110.0, Sweep(4, 7, 7))
    assert titles(ledger) == ["3 runs on gpu1 need you"]
    ledger = after(ledger, swept("f1", "f2", "f3", "f4"), 120.0, Sweep(3, 7, 7))
    assert len(titles(ledger)) == 1


def test_one_that_finished_shows_that_it_can() -> None:
    """Then failures wait for the end."""
    ledger = after({}, swept("a", "f1", "f2", "f3", "f4"), 100.0, Sweep(2, 7, 7))
    assert titles(ledger) == []


def test_all_failed_at_the_end() -> None:
    """The sweep's message says it, and nothing else does."""
    ended = swept("f1", "f2", "f3")
    ledger = after({}, ended, 100.0, Sweep(0, 3, 3))
    ledger = after(ledger, ended, 106.0, Sweep(0, 3, 3))
    assert titles(ledger) == ["sweep lr on gpu1: done, 3 failed"]
    assert ledger["outbox"][0]["message"]["text"].count("f1") == 0


def test_the_rest_is_elsewhere() -> None:
    """Or on its way here: it is told a little later, with how many of how many."""
    ended = swept("a", "b")
    ledger = after({}, ended, 100.0, Sweep(0, 2, 5))
    ledger = after(ledger, ended, 130.0, Sweep(0, 2, 5))
    assert titles(ledger) == []
    ledger = after(ledger, ended, 100.0 + sweep_news.INCOMPLETE_S, Sweep(0, 2, 5))
    assert titles(ledger) == ["sweep lr: 2 of 5 runs have ended on gpu1"]


def test_a_search_that_thinks_between_trials() -> None:
    """Minutes without a run are no end; hours are, the laptop is away."""
    search = Sweep(0, 2, 20, is_search=True)
    ledger = after({}, swept("a", "b"), 100.0, search)
    ledger = after(ledger, swept("a", "b"), 400.0, search)
    assert (titles(ledger), messages.waits(ledger)) == ([], True)
    failed = [*swept("a", "b"), *plain("f1")]
    assert titles(after(ledger, failed, 401.0, search, active=1)) == ["f1 on gpu1: failed"]
    ledger = after(ledger, swept("a", "b"), 100.0 + sweep_news.SEARCH_S, search)
    assert titles(ledger) == ["sweep lr: 2 of 20 runs have ended on gpu1"]


def test_stopped_by_hand() -> None:
    """Whoever stopped the sweep knows."""
    ended = swept("s1", "s2")
    ledger = after({}, ended, 100.0, Sweep(0, 2, 2))
    ledger = after(ledger, ended, 106.0, Sweep(0, 2, 2))
    assert titles(ledger) == []
    assert not messages.waits(ledger)


def test_a_run_is_resumed_and_ends_again() -> None:
    """That is news: the table has changed."""
    ended = swept("a", "f1")
    ledger = after({}, ended, 100.0, Sweep(0, 2, 2))
    ledger = after(ledger, ended, 106.0, Sweep(0, 2, 2))
    again = [*swept("a"), Ended("f1", "2", "finished", 500.0, "lr")]
    ledger = after(ledger, again, 500.0, Sweep(0, 2, 2))
    ledger = after(ledger, again, 506.0, Sweep(0, 2, 2))
    assert titles(ledger) == ["sweep lr on gpu1: done, 1 failed", "sweep lr on gpu1: done"]


def test_beyond_the_limit_it_waits() -> None:
    """At most so many messages in an hour, and none is lost."""
    full = {"sent_at": [90.0, 91.0, 92.0]}
    ledger = after(full, swept("a", "b"), 100.0, Sweep(0, 2, 2))
    ledger = after(ledger, swept("a", "b"), 200.0, Sweep(0, 2, 2))
    assert (titles(ledger), messages.waits(ledger)) == ([], True)
    ledger = after(ledger, swept("a", "b"), 92.0 + messages.HOUR_S, Sweep(0, 2, 2))
    assert titles(ledger) == ["sweep lr on gpu1: done"]
