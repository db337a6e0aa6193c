"""What is told to a person, and when: silence while all is well, and each ending once."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.node import messages, notify
from overnight.node.messages import Ended, Limits

LIMITS = Limits(since=0.0, max_per_hour=3)
Ledger = dict[str, Any]


def describe(run: str) -> dict[str, Any]:
    state = {"f": "failed", "d": "needs-decision", "s": "stopped"}.get(run[0], "finished")
    told = {"run": run, "server": "gpu1", "state": state, "class": "code", "summary": "KeyError"}
    return {**told, "next": [f"overnight explain {run}"]}


def ended(*runs: str, key: str = "1") -> list[Ended]:
    return [Ended(run, key, describe(run)["state"], 10.0) for run in runs]


def after(ledger: Ledger, runs: list[Ended], active: int, now: float) -> Ledger:
    return messages.decide(ledger, runs, active, now, LIMITS, describe)


def settle(ledger: Ledger, runs: list[Ended], now: float) -> Ledger:
    """The rounds after the last active run has ended."""
    ledger = after(ledger, runs, 0, now)
    return after(ledger, runs, 0, now + messages.SETTLE_S)


def texts(ledger: Ledger) -> list[str]:
    return [entry["message"]["text"] for entry in ledger.get("outbox") or []]


def titles(ledger: Ledger) -> list[str]:
    return [entry["message"]["title"] for entry in ledger.get("outbox") or []]


def test_a_failure_is_told_at_once() -> None:
    """Run, server, state, class, summary and what to type."""
    ledger = after({}, ended("f1"), 2, 100.0)
    assert texts(ledger) == [
        "f1 on gpu1: failed (code)\nKeyError\nnext: overnight explain f1",
    ]
    assert ledger["outbox"][0]["message"]["urgent"]


def test_a_run_that_finishes_beside_others_is_silent() -> None:
    """Law 10."""
    ledger = after({}, ended("a", "s1"), 1, 100.0)
    assert texts(ledger) == []
    assert not messages.waits(ledger)


def test_the_last_one_is_told_with_all_that_ended_before() -> None:
    """One message, once nothing has been active for a moment."""
    ledger = after({}, ended("a"), 1, 100.0)
    ledger = after(ledger, ended("a", "b", "s1"), 0, 200.0)
    assert (texts(ledger), messages.waits(ledger)) == ([], True)
    ledger = after(ledger, ended("a", "b", "s1"), 0, 200.0 + messages.SETTLE_S)
    assert titles(ledger) == ["all done on gpu1"]
    assert "2 finished (a b), 1 stopped (s1)" in texts(ledger)[0]
    assert not ledger["outbox"][0]["message"]["urgent"]


def test_the_next_run_of_a_script_comes_in_time() -> None:
    """Between two runs nothing is active for a moment; that is not all."""
    ledger = after({}, ended("a"), 0, 100.0)
    ledger = after(ledger, ended("a"), 1, 101.0)
    assert texts(after(ledger, ended("a"), 1, 900.0)) == []


def test_the_last_one_fails() -> None:
    """One message, not one for the failure and one for the end."""
    ledger = settle({}, ended("f1"), 100.0)
    assert titles(ledger) == ["f1 on gpu1: failed"]
    assert "nothing is active" not in texts(ledger)[0]
    ledger = settle(ledger, ended("f1"), 500.0)
    assert len(texts(ledger)) == 1


def test_runs_that_were_stopped_by_hand_are_nobodys_news() -> None:
    """Whoever stopped them knows."""
    ledger = settle({}, ended("s1"), 100.0)
    assert texts(ledger) == []
    assert not messages.waits(ledger)


def test_each_ending_is_told_once() -> None:
    """The ledger remembers over any number of rounds; a new ending of the same run is news."""
    ledger = after({}, ended("f1"), 1, 100.0)
    for now in (101.0, 5000.0):
        ledger = after(ledger, ended("f1"), 1, now)
    assert len(texts(ledger)) == 1
    assert len(texts(after(ledger, ended("f1", key="2"), 1, 6000.0))) == 2


def test_what_ended_before_messages_were_wanted_is_old() -> None:
    """Else the first message would be about last year."""
    limits = Limits(since=11.0, max_per_hour=3)
    ledger = messages.decide({}, ended("f1", "a"), 0, 100.0, limits, describe)
    assert (texts(ledger), messages.waits(ledger)) == ([], False)


def test_smoke_tests_are_nobodys_business() -> None:
    """`describe` says None of them."""
    ledger = messages.decide({}, ended("f1"), 0, 100.0, LIMITS, lambda _: None)
    assert (texts(ledger), messages.waits(ledger)) == ([], False)


def test_beyond_the_limit_things_are_summed_up() -> None:
    """Three in an hour; the others come in one message when the first is an hour old."""
    ledger: Ledger = {}
    runs: list[Ended] = []
    for number in range(6):
        runs += ended(f"f{number}")
        ledger = after(ledger, runs, 1, 100.0 + number)
    assert len(texts(ledger)) == 3
    assert messages.waits(ledger)
    ledger = after(ledger, runs, 1, 101.0 + messages.HOUR_S)
    assert titles(ledger)[3:] == ["3 runs on gpu1 need you"]
    assert all(f"f{number}" in texts(ledger)[3] for number in (3, 4, 5))


def test_what_is_held_leaves_also_when_nothing_is_active_any_more() -> None:
    """The watch stays for it."""
    ledger: Ledger = {"sent_at": [99.0] * 3}
    ledger = settle(ledger, ended("f1"), 100.0)
    assert (texts(ledger), messages.waits(ledger)) == ([], True)
    assert len(texts(settle(ledger, ended("f1"), 100.0 + messages.HOUR_S))) == 1


@pytest.mark.parametrize("jump_s", [-1e6, 1e6])
def test_the_clock_is_set(jump_s: float) -> None:
    """Back or forth: nothing is held for ever, and nothing told twice."""
    ledger = after({"sent_at": [99.0, 99.5, 99.9]}, ended("f1"), 1, 100.0)
    ledger = after(ledger, ended("f1"), 1, 100.0 + jump_s)
    assert len(texts(ledger)) == 1
    assert messages.is_due({"next_at": 100.0}, 100.0 + jump_s)


def test_many_failures_make_one_message_of_bounded_length() -> None:
    """Fifty runs that meet the same full disk."""
    ledger = after({}, ended(*(f"f{n:02d}" for n in range(50))), 1, 100.0)
    assert "and 40 more: overnight incidents" in texts(ledger)[0]
    assert len(texts(ledger)[0]) <= notify.LONGEST_TEXT


# -- the outbox -------------------------------------------------------------------------------


def tries(results: list[str]) -> tuple[int, Ledger]:
    """How often it is tried while the service answers like this, and the ledger after that."""
    ledger = after({}, ended("f1"), 1, 100.0)
    now, count = 100.0, 0
    while messages.waits(ledger) and count < 20:
        ledger, entry = messages.claimed(ledger, now)
        if entry is not None:
            outcome = notify.Outcome(results[min(count, len(results) - 1)], "HTTP 500")
            ledger = messages.settled(ledger, entry["number"], outcome, now)
            count += 1
        now += 1.0 + messages.BACKOFF_S[-1]
    return count, ledger


@pytest.mark.parametrize(
    ("results", "times", "is_problem"),
    [
        (["sent"], 1, False),
        (["again", "sent"], 2, False),
        (["again"], 4, True),
        (["unsure"], 2, True),
        (["refused"], 1, True),
    ],
)
def test_a_few_tries(results: list[str], times: int, is_problem: bool) -> None:
    """More for a service that is down than for one that may have had the message already."""
    count, ledger = tries(results)
    assert count == times
    assert bool(ledger["problem"]) is is_problem
    assert not ledger["outbox"]


def test_a_try_is_counted_before_it_is_made() -> None:
    """A sender that is killed each time comes to an end too."""
    ledger = after({}, ended("f1"), 1, 100.0)
    now, count = 100.0, 0
    while ledger["outbox"] and count < 20:
        ledger, entry = messages.claimed(ledger, now)
        count += entry is not None
        now += 1.0 + messages.BACKOFF_S[-1]
    assert count == 4
    assert ledger["problem"]["text"] == "no answer in time"


def test_between_two_tries_time_passes() -> None:
    """Longer each time."""
    ledger, entry = messages.claimed(after({}, ended("f1"), 1, 100.0), 100.0)
    assert entry is not None
    assert messages.claimed(ledger, 100.0 + messages.BACKOFF_S[0] - 1)[1] is None
    ledger, entry = messages.claimed(ledger, 100.0 + messages.BACKOFF_S[0])
    assert entry is not None
    assert entry["next_at"] == 100.0 + messages.BACKOFF_S[0] + messages.BACKOFF_S[1]
