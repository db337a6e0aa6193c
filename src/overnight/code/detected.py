"""What was recognised in a project folder, with the evidence."""

from __future__ import annotations

import dataclasses

from overnight.code import environment
from overnight.core import knobs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Detected:
    """`train` and `smoke` are text for `core.command.parse`; paths are relative to the project.

    `assumptions`: short sentences, each with its evidence as file:line. `questions`: what could
    not be found, and the line to write. `problems`: files that could not be read.
    """

    script: str
    framework: str
    train: str
    smoke: str | None = None
    environment: environment.Environment | None = None
    outputs: tuple[str, ...] = ()
    micro_batch: knobs.Knob | None = None
    accumulation: knobs.Knob | None = None
    resume: str | None = None
    metric: str | None = None
    runners_up: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
