"""What to do when an attempt has ended. Pure: decide(state, ended, failure, spec) -> one action.

Here are the limits that hold for every repair (law 8); what is done about each class of failure
stands in `policy`, and how in `repairs`.
"""

from __future__ import annotations

from typing import Any, Mapping

from overnight.node import causes, policy, repairs, states
from overnight.node.actions import Action, Ended, Fail, Failure, Finish, Retry, Stop

MAX_ATTEMPTS = 100
ATTEMPTS_WITHOUT_PROGRESS = 3
ATTEMPTS_NEVER_STARTED = 3
LONGEST_GPU_WAIT_S = 6 * 3600.0
NEVER_STARTED = ["never_started"] * ATTEMPTS_NEVER_STARTED
NOT_PROVEN_HEALTHY = "the time box ended it"


def decide(
    state: states.State, ended: Ended, failure: Failure | None, spec: dict[str, Any]
) -> Action:
    """`failure` is None where the attempt ended well; `state` has the attempt closed already."""
    if state.stop is not None:
        return Stop(f"stopped by {state.stop}")
    if ended.cause == "time_box":
        return Finish(NOT_PROVEN_HEALTHY)
    if failure is None:
        return Finish("")
    if spec.get("kind") == "smoke":
        return Fail(causes.clause(failure, ended))
    if ended.cause == "never_started":
        return again_from_nothing(state, failure)
    return bounded(state, failure, ended, spec) or repairs.repair(state, ended, failure, spec)


def again_from_nothing(state: states.State, failure: Failure) -> Fail | Retry:
    if [a.cause for a in tried(state)[-ATTEMPTS_NEVER_STARTED:]] == NEVER_STARTED:
        why = failure.facts.get("summary")
        return Fail(
            f"its process could not be started {ATTEMPTS_NEVER_STARTED} times on end"
            + (f"; {why}" if why else "")
        )
    return Retry("started again: the last attempt never began", state.variant)


def bounded(
    state: states.State, failure: Failure, ended: Ended, spec: dict[str, Any]
) -> Fail | None:
    """The limits that hold for every repair (law 8)."""
    if policy.rule(failure.kind, wishes(spec)).action not in policy.AUTOMATIC:
        return None
    what = causes.clause(failure, ended)
    if len(tried(state)) >= MAX_ATTEMPTS:
        return Fail(f"{what}; {len(tried(state))} attempts are the limit")
    if stuck(telling(state)):
        return Fail(
            f"{what}; no progress over {ATTEMPTS_WITHOUT_PROGRESS} attempts, so another "
            "would not help"
        )
    limit = policy.rule(failure.kind, wishes(spec)).limit
    times = repaired_times(state, failure)
    if limit is not None and times >= limit > 0:
        return Fail(f"{what}; it was repaired {counted(times)} for this cause, which is the limit")
    return waited_enough(state, failure)


def counted(times: int) -> str:
    return {1: "once", 2: "twice"}.get(times, f"{times} times")


def wishes(spec: dict[str, Any]) -> dict[str, Any]:
    """What overnight.toml says under [recovery]."""
    found: dict[str, Any] = spec.get("policy") or {}
    return found


def tried(state: states.State) -> tuple[states.Attempt, ...]:
    """The attempts since a person last said that it shall go on."""
    return state.attempts[state.resumed_at_attempt :]


def recent_repairs(state: states.State) -> list[dict[str, Any]]:
    return [each for each in state.repairs if each["attempt"] > state.resumed_at_attempt]


def repaired_times(state: states.State, failure: Failure) -> int:
    """How often this root cause was repaired; files of a data set are counted together."""
    mark = causes.fingerprint(failure)
    return sum(
        each.get("fingerprint") == mark
        for each in recent_repairs(state)
        if each["class"] == failure.kind
    )


def waited_enough(state: states.State, failure: Failure) -> Fail | None:
    """GPUs that others use are waited for, but not for ever."""
    if failure.kind != "gpu_contention":
        return None
    since = [each["at"] for each in recent_repairs(state) if each["class"] == "gpu_contention"]
    if since and state.changed_at - since[0] > LONGEST_GPU_WAIT_S:
        return Fail(
            f"other users' processes have filled the GPUs for {LONGEST_GPU_WAIT_S / 3600:.0f} h"
        )
    return None


def waited_too_long(state: Mapping[str, Any], now: float) -> bool:
    """Whether a run that moved out of somebody's way has waited long enough. As in state.json."""
    since = state.get("resumed_at_attempt") or 0
    recent = [each for each in state.get("repairs") or () if each["attempt"] > since]
    last = recent[-1] if recent else {}
    return last.get("class") == "gpu_contention" and now - last["at"] > LONGEST_GPU_WAIT_S


def telling(state: states.State) -> tuple[states.Attempt, ...]:
    """The attempts whose progress says something: not those that a labmate's process ended."""
    moved = {each["attempt"] for each in recent_repairs(state) if each["class"] == "gpu_contention"}
    return tuple(each for each in tried(state) if each.n not in moved)


def stuck(attempts: tuple[states.Attempt, ...]) -> bool:
    """True when the last attempts of the same variant got no further than the one before them."""
    last = attempts[-ATTEMPTS_WITHOUT_PROGRESS:]
    if len(last) < ATTEMPTS_WITHOUT_PROGRESS or len({a.variant for a in last}) > 1:
        return False
    if any(a.cause == "never_started" for a in last):
        return False
    earlier = attempts[: -ATTEMPTS_WITHOUT_PROGRESS + 1]
    best = max(a.position or [] for a in earlier)
    return all((a.position or []) <= best for a in last[1:])


def pause_s(not_before: float, now: float) -> float:
    """What is left of a back-off, however the clock was set since it began."""
    return max(0.0, min(not_before - now, repairs.LONGEST_BACKOFF_S))
