"""Incidents from events: what was seen, what was done, and how it ended."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.core import incidents

OOM = {"class": "cuda_oom", "confidence": 0.98, "facts": {"summary": "2 GiB asked"}}


def told(*kinds: Any) -> list[incidents.Incident]:
    """The incidents of a run with these events, each a type or (type, details)."""
    events = []
    for number, each in enumerate(kinds, 1):
        kind, details = (each, {}) if isinstance(each, str) else each
        events.append({"seq": number, "time": 100.0 + number, "type": kind, **details})
    return incidents.of_run("a", events)


def test_a_run_without_failures() -> None:
    """Nothing to tell."""
    assert told("created", "attempt_started", "attempt_ended", "finished") == []


def test_a_repair() -> None:
    """Out of memory, a smaller batch, and on."""
    repaired = ("repaired", {"change": "batch 64 -> 32 x 2"})
    (found,) = told("attempt_started", ("diagnosed", OOM), repaired, "waiting", "attempt_started")
    assert (found.attempt, found.kind, found.confidence) == (1, "cuda_oom", 0.98)
    assert (found.summary, found.repair) == ("2 GiB asked", "batch 64 -> 32 x 2")
    assert (found.ended, found.at) == ("went on", 102.0)


@pytest.mark.parametrize(
    ("events", "ended"),
    [
        ([], "under way"),
        (["repaired"], "under way"),
        (["failed"], "failed"),
        (["decision_needed"], "waits"),
        (["stop_requested", "stopped"], "stopped"),
        (["repaired", "attempt_started", "failed"], "went on"),
        (["failed", "resumed", "attempt_started"], "resumed"),
        (["decision_needed", "resumed"], "resumed"),
    ],
)
def test_how_it_ended(events: list[str], ended: str) -> None:
    """By itself, by a person, or not at all."""
    assert told("attempt_started", ("diagnosed", OOM), *events)[0].ended == ended


def test_a_failure_that_was_not_diagnosed() -> None:
    """Such as a data folder that is missing: its reason is the summary."""
    (found,) = told("created", ("failed", {"reason": "no data"}))
    assert (found.kind, found.summary, found.ended, found.attempt) == (None, "no data", "failed", 0)


def test_a_second_failure_is_another_incident() -> None:
    """Each attempt's own, oldest first; an end by the limits is no third one."""
    one = ["attempt_started", ("diagnosed", OOM)]
    found = told(*one, "repaired", *one, ("failed", {"reason": "no progress"}))
    assert [(each.attempt, each.ended) for each in found] == [(1, "went on"), (2, "failed")]


def test_a_run_that_finishes_after_a_person_resumed_it() -> None:
    """The incident stays what it was."""
    found = told("attempt_started", ("diagnosed", OOM), "failed", "resumed", "finished")
    assert [each.ended for each in found] == ["resumed"]


def test_events_of_an_older_node() -> None:
    """Fields that are missing cost nothing."""
    (found,) = told("diagnosed")
    assert (found.kind, found.confidence, found.summary) == ("unknown", None, "")
    assert found.to_json()["class"] == "unknown"
