"""The recovery policy: what is done about each class of failure, and how often. Data.

`DEFAULTS` is the whole table. A line of it can be changed under [recovery] in overnight.toml; what
a class allows at all stands in `Rule.choices`. Actions:

next_variant  the next precomputed batch variant, from the newest valid checkpoint
resume        again from the newest valid checkpoint
retry         the same after a pause that grows
move          again on other GPUs of this server, or wait until these are free
exclude       the sample's file joins the exclusion list, then resume
shrink        like next_variant, also with a batch that changes the effective batch size
rollback      from before the loss went wrong, with the learning rate or clipping consented to
ask           a person decides: the run waits with the question and the commands that answer it
stop          stop and report
none          nothing went wrong, or it was meant
"""

from __future__ import annotations

from typing import Any, NamedTuple

HEALTHY = frozenset({"finished", "running"})
NONE = "none"
ASK = "ask"
STOP = "stop"
AUTOMATIC = frozenset({"next_variant", "resume", "retry", "move", "exclude", "shrink", "rollback"})


# Ends from outside, which overnight.toml knows under one name.
SPOKEN_OF_AS = {"reboot": "preempted", "lost": "preempted"}


class Rule(NamedTuple):
    """`limit`: how many times for one root cause; None where the action has its own end."""

    action: str
    limit: int | None
    choices: tuple[str, ...] = (ASK, STOP)


DEFAULTS: dict[str, Rule] = {
    "cuda_oom": Rule("next_variant", None, ("next_variant", "shrink", ASK, STOP)),
    "gpu_contention": Rule("move", None, ("move", ASK, STOP)),
    "host_oom": Rule("resume", 2, ("resume", ASK, STOP)),
    "shm": Rule(STOP, 0, (ASK, STOP)),
    "disk_full": Rule(STOP, 0, (ASK, STOP)),
    "nan": Rule(ASK, 1, ("rollback", ASK, STOP)),
    "bad_sample": Rule("exclude", 10, ("exclude", ASK, STOP)),
    "missing_file": Rule(STOP, 0, ("retry", ASK, STOP)),
    "missing_module": Rule(STOP, 0),
    "nccl": Rule("resume", 3, ("resume", ASK, STOP)),
    "hang": Rule("resume", 2, ("resume", ASK, STOP)),
    "cuda_fault": Rule("move", 1, ("move", "resume", ASK, STOP)),
    "driver": Rule(STOP, 0, ("move", ASK, STOP)),
    "shape": Rule(STOP, 0),
    "checkpoint": Rule(STOP, 0, ("resume", ASK, STOP)),
    "network": Rule("retry", 5, ("retry", ASK, STOP)),
    "auth": Rule(STOP, 0),
    "port_in_use": Rule("retry", 3, ("retry", ASK, STOP)),
    "config": Rule(STOP, 0),
    "preempted": Rule("resume", None, ("resume", ASK, STOP)),
    "reboot": Rule("resume", None, ("resume", ASK, STOP)),
    "lost": Rule("resume", None, ("resume", ASK, STOP)),
    "interrupted": Rule(NONE, 0, (NONE,)),
    "permission": Rule(STOP, 0),
    "code": Rule(STOP, 0, ("resume", ASK, STOP)),
    "unknown": Rule("resume", 1, ("resume", ASK, STOP)),
}


def default_action(kind: str, *, has_progress: bool = True) -> str:
    """What the default policy does about a class, as one word.

    An unknown failure is worth another try only where the attempt had made progress.
    """
    if kind in HEALTHY:
        return NONE
    if kind == "unknown" and not has_progress:
        return STOP
    return DEFAULTS[kind].action


def rule(kind: str, wishes: dict[str, Any]) -> Rule:
    """The rule that holds: the default with the wish of overnight.toml laid over it."""
    base = DEFAULTS.get(kind, Rule(STOP, 0))
    wish = wish_for(kind, wishes)
    action = action_of(wish) or base.action
    limit = wish.get("max") if isinstance(wish, dict) else None
    return base._replace(action=action, limit=limit_for(action, base) if limit is None else limit)


def wish_for(kind: str, wishes: dict[str, Any]) -> Any:
    """The line of [recovery] that speaks of this class: None, an action, or a table."""
    return wishes.get(SPOKEN_OF_AS.get(kind, kind))


def action_of(wish: Any) -> str | None:
    """The action that a line of [recovery] names: `"ask"` or `{ action = "ask", … }`."""
    found = wish.get("action") if isinstance(wish, dict) else wish
    return str(found) if found and found != "default" else None


def limit_for(action: str, base: Rule) -> int | None:
    """A line that turns a repair on without saying how often means once."""
    if action == base.action or action not in AUTOMATIC or action == "shrink":
        return base.limit
    return 1
