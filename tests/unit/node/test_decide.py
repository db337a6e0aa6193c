"""The decisions after an attempt: which repair, and when none."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.node import decide, states

VARIANTS = [
    {"argv": ["t", "64"], "label": "batch 64", "changes_science": False},
    {"argv": ["t", "32"], "label": "batch 32 x 2", "changes_science": False},
]
SHRINKING = [VARIANTS[0], {"argv": ["t", "32"], "label": "batch 32", "changes_science": True}]
KILLED = decide.Ended(137, 9, None, [5.0])
CRASHED = decide.Ended(1, None, None, [5.0])
OOM = decide.Failure("cuda_oom", 0.95, [], {})


def failure(kind: str) -> decide.Failure:
    return decide.Failure(kind, 1.0, [], {})


def attempt(number: int, position: list[float] | None, variant: int = 0) -> states.Attempt:
    return states.Attempt(
        n=number,
        started_at=0.0,
        variant=variant,
        label="",
        checkpoint=None,
        gpus=[],
        ended_at=1.0,
        exit_code=137,
        signal=9,
        position=position,
    )


def after(*positions: list[float] | None, variant: int = 0) -> states.State:
    attempts = tuple(attempt(n, p, variant) for n, p in enumerate(positions, 1))
    return states.State(state=states.REPAIRING, attempts=attempts, variant=variant)


def spec(variants: list[dict[str, Any]] = VARIANTS, **more: Any) -> dict[str, Any]:
    return {"kind": "run", "variants": variants, "policy": {}, **more}


def test_a_good_end_finishes() -> None:
    """No failure: finished."""
    done = decide.decide(after([9.0]), decide.Ended(0, None, None, [9.0]), None, spec())
    assert done == decide.Finish("")


def test_out_of_memory_takes_the_next_variant() -> None:
    """The effective batch stays, so no consent is needed; it resumes."""
    action = decide.decide(after([5.0]), CRASHED, OOM, spec())
    assert isinstance(action, decide.Retry)
    assert (action.variant, action.resume, action.changes_science) == (1, True, False)
    assert action.change == "batch 64 -> batch 32 x 2"


def test_the_smallest_batch_fails() -> None:
    """No variant is left: stop and report, saying so."""
    action = decide.decide(after([5.0], variant=1), CRASHED, OOM, spec())
    assert isinstance(action, decide.Fail)
    assert "it is the smallest" in action.reason


def test_a_changed_batch_needs_consent() -> None:
    """A variant that changes the effective batch is asked for, and taken with consent (law 7)."""
    asked = decide.decide(after([5.0]), CRASHED, OOM, spec(SHRINKING))
    assert isinstance(asked, decide.Ask)
    agreed = decide.decide(
        after([5.0]), CRASHED, OOM, spec(SHRINKING, policy={"cuda_oom": "shrink"})
    )
    assert isinstance(agreed, decide.Retry)
    assert agreed.changes_science


@pytest.mark.parametrize(
    ("ended", "kind"),
    [
        (KILLED, "preempted"),
        (decide.Ended(None, None, "reboot", [5.0]), "reboot"),
        (decide.Ended(None, None, "lost", [5.0]), "lost"),
        (decide.Ended(139, 11, None, [5.0]), "unknown"),
    ],
)
def test_death_from_outside_resumes(ended: decide.Ended, kind: str) -> None:
    """A signal, a reboot, processes lost without a record: the same variant again."""
    action = decide.decide(after([5.0]), ended, failure(kind), spec())
    assert isinstance(action, decide.Retry)
    assert (action.variant, action.resume) == (0, True)


@pytest.mark.parametrize("kind", ["code", "unknown", "interrupted", "gpu_contention", "config"])
def test_everything_else_stops_and_reports(kind: str) -> None:
    """Unknown means stop (law 8)."""
    assert isinstance(decide.decide(after([5.0]), CRASHED, failure(kind), spec()), decide.Fail)


def test_an_interrupt_was_meant() -> None:
    """SIGINT is a signal, but somebody's wish."""
    ended = decide.Ended(130, 2, None, [5.0])
    assert isinstance(
        decide.decide(after([5.0]), ended, failure("interrupted"), spec()), decide.Fail
    )


def test_three_attempts_without_progress_are_the_end() -> None:
    """Killed three times at the same place: another attempt would not help."""
    action = decide.decide(after([5.0], [5.0], [4.0]), KILLED, failure("preempted"), spec())
    assert isinstance(action, decide.Fail)
    assert "no progress over 3 attempts" in action.reason


def test_progress_keeps_it_going() -> None:
    """Each attempt got further, so it goes on."""
    action = decide.decide(after([1.0], [2.0], [3.0]), KILLED, failure("preempted"), spec())
    assert isinstance(action, decide.Retry)


def test_runs_without_any_progress_are_bounded_too() -> None:
    """A run that prints nothing is not resumed for ever."""
    action = decide.decide(after(None, None, None), KILLED, failure("preempted"), spec())
    assert isinstance(action, decide.Fail)


def test_fruitless_attempts_wait_longer() -> None:
    """At once at first, later with growing pauses."""
    assert decide.backoff(after([5.0])) == 0.0
    assert 0.0 < decide.backoff(after([5.0], [5.0])) <= 60.0


def test_the_policy_of_the_project_wins() -> None:
    """`preempted = "stop"` stops; `code = "resume"` resumes."""
    stopped = decide.decide(
        after([5.0]), KILLED, failure("preempted"), spec(policy={"preempted": "stop"})
    )
    assert isinstance(stopped, decide.Fail)
    resumed = decide.decide(after([5.0]), CRASHED, failure("code"), spec(policy={"code": "resume"}))
    assert isinstance(resumed, decide.Retry)


def test_a_stop_that_was_asked_for_wins() -> None:
    """Whatever the exit code, a run that was told to stop is stopped."""
    state = after([5.0])._replace(stop="me")
    assert isinstance(decide.decide(state, KILLED, failure("preempted"), spec()), decide.Stop)


def test_a_smoke_test_is_never_repaired() -> None:
    """Its failure is the answer."""
    action = decide.decide(after([5.0]), CRASHED, OOM, spec(kind="smoke"))
    assert isinstance(action, decide.Fail)
