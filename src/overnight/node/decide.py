"""What to do when an attempt has ended. Pure: decide(state, ended, ...) -> one action.

The default policy of the design, as far as it is repaired without asking: CUDA out of memory
takes the next batch variant; death by a signal, a reboot or a lost supervisor resumes. Everything
else stops and reports (law 8).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Union

from overnight.node import states

MAX_ATTEMPTS = 20
ATTEMPTS_WITHOUT_PROGRESS = 3
ATTEMPTS_NEVER_STARTED = 3
LONGEST_BACKOFF_S = 60.0
NEVER_STARTED = ["never_started"] * ATTEMPTS_NEVER_STARTED
RESUMABLE = frozenset({"preempted", "reboot", "lost"})
NOT_PROVEN_HEALTHY = "the time box ended it"


class Ended(NamedTuple):
    """How an attempt ended. `cause` is set where the exit code is not the whole story.

    cause: None | "reboot" | "lost" (nobody recorded the end) | "never_started" | "time_box"
    """

    exit_code: int | None
    signal: int | None
    cause: str | None
    position: list[float] | None


class Failure(NamedTuple):
    """What an ended attempt was taken for. `evidence` is [{"line": n, "text": s}]."""

    kind: str
    confidence: float
    evidence: list[dict[str, Any]]
    facts: dict[str, Any]


class Finish(NamedTuple):
    reason: str


class Stop(NamedTuple):
    reason: str


class Fail(NamedTuple):
    reason: str


class Ask(NamedTuple):
    """A person has to choose; `reason` holds the question, `answers` the commands to type."""

    reason: str
    answers: list[str]


class Retry(NamedTuple):
    """Start again: with this variant, from the newest valid checkpoint if `resume`."""

    change: str
    variant: int
    resume: bool
    changes_science: bool
    delay_s: float


Action = Union[Finish, Stop, Fail, Ask, Retry]


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
        return Fail(describe(failure, ended))
    return bounded(state, failure, ended) or repair(state, ended, failure, spec)


def bounded(state: states.State, failure: Failure, ended: Ended) -> Fail | None:
    """The limits that hold for every repair (law 8)."""
    tried = state.attempts[state.resumed_at_attempt :]
    if [a.cause for a in tried[-ATTEMPTS_NEVER_STARTED:]] == NEVER_STARTED:
        return Fail(f"its process could not be started {ATTEMPTS_NEVER_STARTED} times on end")
    if len(tried) >= MAX_ATTEMPTS:
        return Fail(f"{describe(failure, ended)}; {len(tried)} attempts are the limit")
    if stuck(tried):
        return Fail(
            f"{describe(failure, ended)}; no progress over "
            f"{ATTEMPTS_WITHOUT_PROGRESS} attempts, so another would not help"
        )
    return None


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


def repair(
    state: states.State, ended: Ended, failure: Failure, spec: dict[str, Any]
) -> Fail | Ask | Retry:
    if ended.cause == "never_started":
        return Retry("started again: the last attempt never began", state.variant, True, False, 0.0)
    policy = spec.get("policy") or {}
    wish = policy.get(failure.kind, "default")
    if wish == "stop":
        return Fail(f"{describe(failure, ended)}; overnight.toml says to stop here")
    if wish == "ask":
        return Ask(describe(failure, ended), ["overnight resume RUN", "overnight explain RUN"])
    if failure.kind == "gpu_contention":
        return Fail(describe(failure, ended))
    if failure.kind == "cuda_oom":
        return next_variant(state, ended, failure, spec, consent=wish == "shrink")
    died_by_signal = ended.signal is not None and failure.kind != "interrupted"
    if failure.kind in RESUMABLE or died_by_signal or wish == "resume":
        return Retry(
            f"resumed after {describe(failure, ended)}", state.variant, True, False, backoff(state)
        )
    return Fail(describe(failure, ended))


def next_variant(
    state: states.State, ended: Ended, failure: Failure, spec: dict[str, Any], *, consent: bool
) -> Fail | Ask | Retry:
    """A smaller micro-batch; one that changes the effective batch only with consent (law 7)."""
    variants = spec["variants"]
    number = state.variant + 1
    if number >= len(variants):
        known = "it is the smallest" if len(variants) > 1 else "no smaller one is known"
        return Fail(f"{describe(failure, ended)} with {variants[state.variant]['label']}; {known}")
    before, after = variants[state.variant], variants[number]
    science = bool(after.get("changes_science"))
    if science and not consent:
        return Ask(
            f"{describe(failure, ended)}; the next batch ({after['label']}) would change the "
            "effective batch size",
            ["overnight resume RUN --accept-batch"],
        )
    return Retry(f"{before['label']} -> {after['label']}", number, True, science, 0.0)


def backoff(state: states.State) -> float:
    """Seconds to wait: nothing at first, then longer while no attempt makes progress."""
    tried = state.attempts[state.resumed_at_attempt :]
    fruitless = 0
    for older, newer in zip(reversed(tried[:-1]), reversed(tried)):
        if (newer.position or []) > (older.position or []):
            break
        fruitless += 1
    return min(LONGEST_BACKOFF_S, 5.0 * (2.0**fruitless - 1.0))


def pause_s(not_before: float, now: float) -> float:
    """What is left of a back-off, however the clock was set since it began."""
    return max(0.0, min(not_before - now, LONGEST_BACKOFF_S))


def describe(failure: Failure, ended: Ended) -> str:
    """One clause for people: what ended the attempt."""
    names = {
        "cuda_oom": "CUDA out of memory",
        "reboot": "a reboot of the server",
        "lost": "the end of its processes without a record",
        "preempted": f"signal {signal_name(ended.signal)}",
        "interrupted": "an interrupt (Ctrl-C)",
        "gpu_contention": "CUDA out of memory while another user holds memory on the GPU",
    }
    if failure.kind in names:
        return names[failure.kind]
    summary = failure.facts.get("summary")
    return str(summary) if summary else f"exit code {ended.exit_code}"


def signal_name(number: int | None) -> str:
    import signal

    try:
        return signal.Signals(number or 0).name
    except ValueError:
        return str(number)
