"""The run spec: everything a server needs to know of a run, written once (spec.json)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overnight.core import errors

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """`variants[0]` is the command as the user typed it; `resume` are the words added to resume.

    `settings`: the values as typed (None where not given) of what a repair may turn; where each
    stands is in the variants' `places`. `at_start`: what the node finds out and writes at its
    places whenever an attempt starts. `gpus` None: where the server has any, one for each of
    `processes`, of which there is one where that is not known; a number below 1 is a share of one.
    `launch_id` tells two launches of the same content apart when the names were given by us.
    `links`: place in the work copy -> folder on the server. `sweep`: the sweep that the run belongs
    to and its point there, {} for none. `slurm`: how it is submitted, None elsewhere. `metrics`:
    {"primary", "goal"}, {} where the project names none.

    `queue` says when it may start, and nothing of what is run: see `node/waiting.py`.
    """

    project: str
    run: str
    snapshot: str
    kind: str = "run"
    variants: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    at_start: Mapping[str, str] = field(default_factory=dict)
    resume: Sequence[str] | str | None = None
    environment: Mapping[str, Any] = field(default_factory=lambda: {"kind": "none"})
    env: Mapping[str, str] = field(default_factory=dict)
    gpus: float | None = None
    processes: int | None = None
    allowed_gpus: Sequence[str] | None = None
    outputs: Sequence[str] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    checkpoints: Sequence[str] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)
    time_box_s: float | None = None
    launch_id: str = ""
    sweep: Mapping[str, Any] = field(default_factory=dict)
    slurm: Mapping[str, Any] | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    queue: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}

    @property
    def content_key(self) -> str:
        """Equal for launches of the same thing; knows nothing of name, time or place typed."""
        kept = content(self.to_wire())
        return digest({k: v for k, v in kept.items() if k not in ("run", "launch_id")})


def content(wire: Mapping[str, Any]) -> dict[str, Any]:
    """What makes two launches the same: all but where and when they were typed and may start."""
    return {key: value for key, value in wire.items() if key not in ("provenance", "queue")}


def plain(value: Any) -> Any:
    """Mappings and sequences as JSON has them."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()


def checked_name(name: str) -> str:
    """The run name, refused with the rule where it cannot be one."""
    if not NAME.match(name):
        raise errors.UsageError(
            f"{name!r} cannot be a run name: letters, digits, _ and -, at most 64, "
            "beginning with a letter or digit",
            hint="for example: overnight run train01 -- python train.py",
        )
    return name


def next_name(taken: set[str]) -> str:
    """train01, train02, …: the first number above all that are taken."""
    numbers = [int(m.group(1)) for n in taken if (m := re.fullmatch(r"train(\d+)", n))]
    return f"train{max(numbers, default=0) + 1:02d}"
