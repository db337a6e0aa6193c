"""The decisions after an attempt: which repair, and when none."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.node import actions, causes, decide, repairs, states

VARIANTS = [
    {"argv": ["t", "64"], "label": "batch 64", "changes_science": False},
    {"argv": ["t", "32"], "label": "batch 32 x 2", "changes_science": False},
]
SHRINKING = [VARIANTS[0], {"argv": ["t", "32"], "label": "batch 32", "changes_science": True}]
KILLED = actions.Ended(137, 9, None, [5.0])
CRASHED = actions.Ended(1, None, None, [5.0])
OOM = actions.Failure("cuda_oom", 0.95, [], {})


def failure(kind: str) -> actions.Failure:
    return actions.Failure(kind, 1.0, [], {})


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
    done = decide.decide(after([9.0]), actions.Ended(0, None, None, [9.0]), None, spec())
    assert done == actions.Finish("")


def test_out_of_memory_takes_the_next_variant() -> None:
    """The effective batch stays, so no consent is needed; it resumes."""
    action = decide.decide(after([5.0]), CRASHED, OOM, spec())
    assert isinstance(action, actions.Retry)
    assert (action.variant, action.resume, action.changes_science) == (1, True, False)
    assert action.change == "batch 64 -> batch 32 x 2"


def test_the_smallest_batch_fails() -> None:
    """No variant is left: stop and report, saying so."""
    action = decide.decide(after([5.0], variant=1), CRASHED, OOM, spec())
    assert isinstance(action, actions.Fail)
    assert "it is the smallest" in action.reason


def test_a_changed_batch_needs_consent() -> None:
    """A variant that changes the effective batch is asked for, and taken with consent (law 7)."""
    asked = decide.decide(after([5.0]), CRASHED, OOM, spec(SHRINKING))
    assert isinstance(asked, actions.Ask)
    agreed = decide.decide(
        after([5.0]), CRASHED, OOM, spec(SHRINKING, policy={"cuda_oom": "shrink"})
    )
    assert isinstance(agreed, actions.Retry)
    assert agreed.changes_science


@pytest.mark.parametrize(
    ("ended", "kind"),
    [
        (KILLED, "preempted"),
        (actions.Ended(None, None, "reboot", [5.0]), "reboot"),
        (actions.Ended(None, None, "lost", [5.0]), "lost"),
        (actions.Ended(139, 11, None, [5.0]), "unknown"),
    ],
)
def test_death_from_outside_resumes(ended: actions.Ended, kind: str) -> None:
    """A signal, a reboot, processes lost without a record: the same variant again."""
    action = decide.decide(after([5.0]), ended, failure(kind), spec())
    assert isinstance(action, actions.Retry)
    assert (action.variant, action.resume) == (0, True)


@pytest.mark.parametrize("kind", ["code", "config", "shape", "disk_full", "auth", "missing_file"])
def test_everything_else_stops_and_reports(kind: str) -> None:
    """Unknown means stop (law 8)."""
    assert isinstance(decide.decide(after([5.0]), CRASHED, failure(kind), spec()), actions.Fail)


def test_an_interrupt_was_meant() -> None:
    """SIGINT is a signal, but somebody's wish."""
    ended = actions.Ended(130, 2, None, [5.0])
    assert isinstance(
        decide.decide(after([5.0]), ended, failure("interrupted"), spec()), actions.Stop
    )


def test_three_attempts_without_progress_are_the_end() -> None:
    """Killed three times at the same place: another attempt would not help."""
    action = decide.decide(after([5.0], [5.0], [4.0]), KILLED, failure("preempted"), spec())
    assert isinstance(action, actions.Fail)
    assert "no progress over 3 attempts" in action.reason


def test_progress_keeps_it_going() -> None:
    """Each attempt got further, so it goes on."""
    action = decide.decide(after([1.0], [2.0], [3.0]), KILLED, failure("preempted"), spec())
    assert isinstance(action, actions.Retry)


def test_runs_without_any_progress_are_bounded_too() -> None:
    """A run that prints nothing is not resumed for ever."""
    action = decide.decide(after(None, None, None), KILLED, failure("preempted"), spec())
    assert isinstance(action, actions.Fail)


def test_fruitless_attempts_wait_longer() -> None:
    """At once at first, later with growing pauses."""
    assert repairs.backoff(after([5.0])) == 0.0
    assert 0.0 < repairs.backoff(after([5.0], [5.0])) <= 60.0


def test_the_policy_of_the_project_wins() -> None:
    """`preempted = "stop"` stops; `code = "resume"` resumes."""
    stopped = decide.decide(
        after([5.0]), KILLED, failure("preempted"), spec(policy={"preempted": "stop"})
    )
    assert isinstance(stopped, actions.Fail)
    resumed = decide.decide(after([5.0]), CRASHED, failure("code"), spec(policy={"code": "resume"}))
    assert isinstance(resumed, actions.Retry)


def test_a_stop_that_was_asked_for_wins() -> None:
    """Whatever the exit code, a run that was told to stop is stopped."""
    state = after([5.0])._replace(stop="me")
    assert isinstance(decide.decide(state, KILLED, failure("preempted"), spec()), actions.Stop)


def test_a_smoke_test_is_never_repaired() -> None:
    """Its failure is the answer."""
    action = decide.decide(after([5.0]), CRASHED, OOM, spec(kind="smoke"))
    assert isinstance(action, actions.Fail)


# -- the policy ---------------------------------------------------------------------------------


def decided(state: states.State, kind: str, facts: dict[str, Any] | None = None, **of: Any) -> Any:
    return decide.decide(state, CRASHED, actions.Failure(kind, 0.9, [], facts or {}), spec(**of))


def repaired(state: states.State, kind: str, times: int, mark: str) -> states.State:
    each = {"class": kind, "attempt": 1, "fingerprint": mark, "at": 0.0}
    return state._replace(repairs=(each,) * times)


def test_unknown_is_tried_again_once_and_only_after_progress() -> None:
    """Law 8: without progress, or a second time, it stops and reports."""
    assert isinstance(decided(after([5.0]), "unknown"), actions.Retry)
    fresh = actions.Ended(1, None, None, None)
    action = decide.decide(after(None), fresh, failure("unknown"), spec())
    assert isinstance(action, actions.Fail)
    mark = causes.fingerprint(failure("unknown"))
    again = decided(repaired(after([5.0], [6.0]), "unknown", 1, mark), "unknown")
    assert isinstance(again, actions.Fail)
    assert "repaired once for this cause" in again.reason


def test_a_budget_is_of_one_root_cause() -> None:
    """Three repairs of one NCCL error use up its budget, and not that of another error."""
    seen = {"summary": "rank 3 timed out after 600060 ms"}
    other = {"summary": "connection reset by peer"}
    mark = causes.fingerprint(actions.Failure("nccl", 0.9, [], seen))
    state = repaired(after([1.0], [2.0]), "nccl", 3, mark)
    same = {"summary": "rank 5 timed out after 600112 ms"}
    assert isinstance(decided(state, "nccl", same), actions.Fail)
    assert isinstance(decided(state, "nccl", other), actions.Retry)


def test_memory_of_the_machine() -> None:
    """First it resumes; then with half the loader workers, where they can be turned."""
    first = decided(after([5.0]), "host_oom", settings={"workers": 8})
    assert isinstance(first, actions.Retry)
    assert dict(first.settings) == {}
    state = repaired(after([5.0], [6.0]), "host_oom", 1, "another")
    second = decided(state, "host_oom", settings={"workers": 8})
    assert dict(second.settings) == {"workers": 4}


def test_a_sample_is_excluded_only_where_the_project_says_so() -> None:
    """Without a declared list, or without a name, it is reported."""
    facts = {"sample": "data/7.png"}
    assert isinstance(decided(after([5.0]), "bad_sample", facts), actions.Fail)
    turned = decided(after([5.0]), "bad_sample", facts, settings={"exclude": None})
    assert dict(turned.settings) == {"exclude": ["data/7.png"]}
    assert turned.changes_science
    assert isinstance(decided(after([5.0]), "bad_sample", settings={"exclude": None}), actions.Fail)


def test_a_loss_that_is_not_finite_waits_for_a_person() -> None:
    """With the commands that answer, of what can be turned in this project."""
    action = decided(after([5.0]), "nan", {"last_finite_step": 40}, settings={"lr": 0.1}, run="r")
    assert isinstance(action, actions.Ask)
    assert "step 40" in action.reason
    assert action.answers[0] == "overnight resume r --lr-scale 0.5"
    assert not any("clip" in answer for answer in action.answers)


def test_consent_given_beforehand_rolls_back() -> None:
    """Once, from before the loss went wrong, and marked as another experiment (law 7)."""
    policy = {"nan": {"action": "rollback", "lr_scale": 0.5}}
    facts = {"last_finite_at": 99.0, "summary": "the loss is nan"}
    action = decided(after([5.0]), "nan", facts, settings={"lr": 0.1}, policy=policy)
    assert (dict(action.settings), action.before) == ({"lr": 0.05}, 99.0)
    assert action.changes_science
    state = repaired(after([5.0], [6.0]), "nan", 1, "nan")
    again = decided(state, "nan", facts, settings={"lr": 0.1}, policy=policy)
    assert isinstance(again, actions.Fail)


def test_other_users_are_given_way_for_hours_only() -> None:
    """Contention moves, does not count as a lack of progress, and ends after six hours."""
    state = repaired(after([5.0], [5.0], [5.0]), "gpu_contention", 1, "x")
    state = state._replace(repairs=tuple({**state.repairs[0], "attempt": n} for n in (1, 2, 3)))
    assert isinstance(decided(state, "gpu_contention"), actions.Retry)
    late = decided(state._replace(changed_at=7 * 3600.0), "gpu_contention")
    assert isinstance(late, actions.Fail)


def test_ports_services_and_broken_cards() -> None:
    """A new port, W&B offline, another card: turned without asking, because no result changes."""
    assert dict(decided(after([5.0]), "port_in_use").env) == {"MASTER_PORT": "free"}
    declared = decided(after([5.0]), "port_in_use", settings={"port": 29500})
    assert dict(declared.settings) == {"port": "free"}
    offline = decided(after([5.0]), "network", {"service": "wandb"})
    assert dict(offline.env) == {"WANDB_MODE": "offline"}
    state = after([5.0])
    used = state._replace(attempts=(state.attempts[0]._replace(gpus=["GPU-a"]),))
    assert decided(used, "cuda_fault").avoid == ("GPU-a",)


def test_a_line_about_preemption_speaks_of_reboots_too() -> None:
    """They have one name in overnight.toml."""
    action = decided(after([5.0]), "reboot", policy={"preempted": "stop"})
    assert isinstance(action, actions.Fail)
    assert "overnight.toml says to stop here" in action.reason


def test_a_resumed_run_waits_for_gpus_anew() -> None:
    """The hours count from what happened since a person resumed it."""
    hours = 7 * 3600.0
    state = repaired(after([5.0], [5.0]), "gpu_contention", 1, "x")
    assert decide.waited_too_long(state.to_json(), hours)
    assert not decide.waited_too_long(state._replace(resumed_at_attempt=2).to_json(), hours)
