"""The truth about a run: a fold of its numbered events. Pure.

`TRANSITIONS` is the whole table: which event may come in which state, and what follows. An event
that does not fit (it was written twice, or by an older supervisor) changes nothing but the count
of `misfits`.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from overnight.node.actions import NOTHING

QUEUED = "queued"
STARTING = "starting"
RUNNING = "running"
REPAIRING = "repairing"
FINISHED = "finished"
FAILED = "failed"
STOPPED = "stopped"
NEEDS_DECISION = "needs-decision"

ENDED = frozenset({FINISHED, FAILED, STOPPED, NEEDS_DECISION})
ACTIVE = frozenset({QUEUED, STARTING, RUNNING, REPAIRING})

KEEP = "(unchanged)"
NOTICES_KEPT = 20

# event type -> (states in which it may come, the state that follows)
TRANSITIONS: dict[str, tuple[frozenset[str], str]] = {
    "created": (frozenset({""}), STARTING),
    "waiting": (frozenset({STARTING, QUEUED, REPAIRING}), QUEUED),
    "granted": (frozenset({STARTING, QUEUED, REPAIRING}), STARTING),
    "supervised": (ACTIVE, KEEP),
    "attempt_started": (frozenset({QUEUED, STARTING, REPAIRING}), RUNNING),
    "attempt_ended": (frozenset({RUNNING}), REPAIRING),
    "diagnosed": (frozenset({REPAIRING}), KEEP),
    "repaired": (frozenset({REPAIRING}), KEEP),
    "noticed": (ACTIVE, KEEP),
    "stop_requested": (ACTIVE, KEEP),
    "finished": (ACTIVE, FINISHED),
    "failed": (ACTIVE, FAILED),
    "stopped": (ACTIVE, STOPPED),
    "moved": (frozenset({STARTING, QUEUED}), STOPPED),
    "decision_needed": (ACTIVE, NEEDS_DECISION),
    "resumed": (ENDED, REPAIRING),
}


class Attempt(NamedTuple):
    """One process lifetime. `ended_at` and what follows are None while it is open."""

    n: int
    started_at: float
    variant: int
    label: str
    checkpoint: str | None
    gpus: list[str]
    ended_at: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    cause: str | None = None
    position: list[float] | None = None


class State(NamedTuple):
    """What the events up to number `seq` say.

    `answers` are the commands that answer the question of a run that needs a decision.
    `settings` and `env` are what repairs have turned since the launch; `avoid` are UUIDs of GPUs
    under suspicion; checkpoints written in one of the stretches of time `spoilt` hold what went
    wrong.
    `noticed` are the last notices, which ended nothing.
    `place` is what the run may use of the server, {"gpus": [UUID], "share", "indices"}; None where
    it has to wait for that. `alone`: it wants whole GPUs although it was launched with a share of
    one. `unbound`: a person said that it starts whatever became of the runs that it was to follow.
    `moved_to`: the server that has it instead.
    `undecided`: the last attempt has ended, and no event says yet what follows from it.
    """

    state: str = ""
    seq: int = 0
    created_at: float = 0.0
    changed_at: float = 0.0
    attempts: tuple[Attempt, ...] = ()
    repairs: tuple[dict[str, Any], ...] = ()
    variant: int = 0
    checkpoint: str | None = None
    not_before: float = 0.0
    settings: Mapping[str, Any] = NOTHING
    env: Mapping[str, str] = NOTHING
    avoid: tuple[str, ...] = ()
    spoilt: tuple[tuple[float, float], ...] = ()
    answers: tuple[str, ...] = ()
    stop: str | None = None
    failure: dict[str, Any] | None = None
    reason: str = ""
    progress: dict[str, Any] | None = None
    noticed: tuple[dict[str, Any], ...] = ()
    place: dict[str, Any] | None = None
    alone: bool = False
    unbound: bool = False
    moved_to: str | None = None
    resumed_at_attempt: int = 0
    undecided: bool = False
    misfits: int = 0

    @property
    def attempt(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def open_attempt(self) -> Attempt | None:
        last = self.attempt
        return last if last is not None and last.ended_at is None else None

    @property
    def is_idle(self) -> bool:
        """Nothing of it lives and it may use nothing: it waits for its turn."""
        return (
            self.state in ACTIVE
            and self.place is None
            and self.open_attempt is None
            and not self.undecided
        )

    def to_json(self) -> dict[str, Any]:
        value = self._asdict()
        value["attempts"] = [attempt._asdict() for attempt in self.attempts]
        value["repairs"] = list(self.repairs)
        value["settings"] = dict(self.settings)
        value["env"] = dict(self.env)
        value["avoid"] = list(self.avoid)
        value["spoilt"] = [list(each) for each in self.spoilt]
        value["answers"] = list(self.answers)
        value["noticed"] = list(self.noticed)
        value["attempt"] = len(self.attempts)
        return value


def is_idle(shown: Mapping[str, Any]) -> bool:
    """As `State.is_idle`, of a state.json of any age."""
    attempts = shown.get("attempts") or []
    is_open = bool(attempts) and attempts[-1].get("ended_at") is None
    waits = shown.get("state") in ACTIVE and not shown.get("place")
    return waits and not is_open and not shown.get("undecided")


def fold(events: Iterable[dict[str, Any]], start: State | None = None) -> State:
    state = start or State()
    for event in events:
        state = apply(state, event)
    return state


def apply(state: State, event: dict[str, Any]) -> State:
    """The next state. Never raises on what a file may hold; unknown events only advance `seq`."""
    number = event.get("seq")
    if not isinstance(number, int) or number <= state.seq:
        return state._replace(misfits=state.misfits + 1)
    kind = str(event.get("type"))
    allowed, after = TRANSITIONS.get(kind, (None, KEEP))
    if allowed is not None and state.state not in allowed:
        return state._replace(seq=number, misfits=state.misfits + 1)
    at = _number(event.get("time"), state.changed_at)
    changed = state._replace(
        seq=number, state=state.state if after == KEEP else after, changed_at=at
    )
    details = DETAILS.get(kind)
    try:
        return details(changed, event, at) if details else changed
    except (TypeError, ValueError):
        return state._replace(seq=number, misfits=state.misfits + 1)


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, (int, float)) else otherwise


def _created(state: State, event: dict[str, Any], at: float) -> State:
    return state._replace(created_at=at)


def _waiting(state: State, event: dict[str, Any], at: float) -> State:
    return _reason(state, event, at)._replace(place=None)


def _granted(state: State, event: dict[str, Any], at: float) -> State:
    place = {
        "gpus": [str(u) for u in event.get("gpus") or ()],
        "share": float(event.get("share", 1.0)),
        "indices": [int(each) for each in event.get("indices") or ()],
    }
    return state._replace(place=place, reason="")


def _attempt_started(state: State, event: dict[str, Any], at: float) -> State:
    attempt = Attempt(
        n=len(state.attempts) + 1,
        started_at=at,
        variant=int(event.get("variant", 0)),
        label=str(event.get("label", "")),
        checkpoint=event.get("checkpoint"),
        gpus=list(event.get("gpus", [])),
    )
    return state._replace(attempts=(*state.attempts, attempt), reason="")


def _attempt_ended(state: State, event: dict[str, Any], at: float) -> State:
    last = state.open_attempt
    if last is None:
        return state._replace(misfits=state.misfits + 1)
    ended = last._replace(
        ended_at=at,
        exit_code=event.get("exit_code"),
        signal=event.get("signal"),
        cause=event.get("cause"),
        position=event.get("position"),
    )
    progress = event.get("progress") or state.progress
    attempts = (*state.attempts[:-1], ended)
    return state._replace(attempts=attempts, progress=progress, undecided=True)


def _noticed(state: State, event: dict[str, Any], at: float) -> State:
    notice = {key: event.get(key) for key in ("kind", "text", "facts")}
    notice.update(at=at, attempt=len(state.attempts))
    return state._replace(noticed=(*state.noticed, notice)[-NOTICES_KEPT:])


def _diagnosed(state: State, event: dict[str, Any], at: float) -> State:
    failure = {key: event.get(key) for key in ("class", "confidence", "evidence", "facts")}
    return state._replace(failure={**failure, "attempt": len(state.attempts), "at": at})


def _repaired(state: State, event: dict[str, Any], at: float) -> State:
    repair = {key: event.get(key) for key in ("class", "change", "changes_science", "fingerprint")}
    repair.update(at=at, attempt=len(state.attempts))
    return _turned(state, event, at)._replace(
        place=None if event.get("leaves") else state.place,
        alone=state.alone or bool(event.get("alone")),
        repairs=(*state.repairs, repair),
        checkpoint=event.get("checkpoint"),
        not_before=float(event.get("not_before", 0.0)),
        undecided=False,
    )


def _turned(state: State, event: dict[str, Any], at: float) -> State:
    """What the event changes of how the next attempt runs."""
    return distrusting(state, event.get("before"), at)._replace(
        variant=int(event.get("variant", state.variant)),
        settings={**state.settings, **(event.get("settings") or {})},
        env={**state.env, **(event.get("env") or {})},
        avoid=tuple(dict.fromkeys((*state.avoid, *(event.get("avoid") or ())))),
    )


def distrusting(state: State, before: float | None, at: float) -> State:
    """What the run wrote between these moments holds what went wrong, and always will."""
    if before is None:
        return state
    return state._replace(spoilt=(*state.spoilt, (float(before), at)))


def _stop_requested(state: State, event: dict[str, Any], at: float) -> State:
    return state._replace(stop=str(event.get("by", "")) or "somebody")


def _resumed(state: State, event: dict[str, Any], at: float) -> State:
    """A person's wish; where it changes the variant it is a repair like any other (law 7)."""
    if event.get("change"):
        state = _repaired(state, {"class": (state.failure or {}).get("class"), **event}, at)
    return _turned(state, event, at)._replace(
        stop=None,
        place=None,
        unbound=True,
        reason="",
        answers=(),
        failure=None,
        not_before=0.0,
        checkpoint=event.get("checkpoint"),
        resumed_at_attempt=len(state.attempts),
        undecided=False,
    )


def _moved(state: State, event: dict[str, Any], at: float) -> State:
    target = str(event.get("to", ""))
    return state._replace(moved_to=target, reason=f"moved to {target}")


def _reason(state: State, event: dict[str, Any], at: float) -> State:
    answers = tuple(str(answer) for answer in event.get("answers") or ())
    return state._replace(reason=str(event.get("reason", "")), answers=answers)


DETAILS = {
    "created": _created,
    "waiting": _waiting,
    "granted": _granted,
    "moved": _moved,
    "attempt_started": _attempt_started,
    "attempt_ended": _attempt_ended,
    "noticed": _noticed,
    "diagnosed": _diagnosed,
    "repaired": _repaired,
    "stop_requested": _stop_requested,
    "resumed": _resumed,
    "finished": _reason,
    "failed": _reason,
    "stopped": _reason,
    "decision_needed": _reason,
}
