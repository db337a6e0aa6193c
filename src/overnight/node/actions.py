"""What is decided about: how an attempt ended, what it was taken for, and what follows. Values."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping, NamedTuple, Union

NOTHING: Mapping[str, Any] = MappingProxyType({})
FREE_PORT = "free"  # a port that is free when the attempt starts
GPU_NUMBERS = "gpus"  # the numbers of the attempt's GPUs, as in "0,3"
ATTEMPT_FOLDER = "attempt"  # a folder of the attempt for the logs of its ranks


class Ended(NamedTuple):
    """How an attempt ended. `cause` is set where the exit code is not the whole story.

    cause: None | "reboot" | "lost" (nobody recorded the end) | "never_started" | "time_box" |
    "hang" | "nan" | "stalled" | "contended" (we ended it, because of what was seen) |
    "time_limit" | "preempted" | "requeued" (Slurm took its nodes away)
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
    """Start again: with this variant, from the newest valid checkpoint if `resume`.

    `settings` and `env` are laid over those of the attempt before; `avoid` are UUIDs of GPUs that
    are under suspicion; only checkpoints written before the moment `before` are good enough. It
    `leaves` its GPUs and waits for others, or the same when they are free, `alone` on whole ones.
    """

    change: str
    variant: int
    resume: bool = True
    changes_science: bool = False
    delay_s: float = 0.0
    settings: Mapping[str, Any] = NOTHING
    env: Mapping[str, str] = NOTHING
    avoid: tuple[str, ...] = ()
    before: float | None = None
    leaves: bool = False
    alone: bool = False


Action = Union[Finish, Stop, Fail, Ask, Retry]
