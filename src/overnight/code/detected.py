"""What was recognised in a project folder, with the evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from overnight.code import environment
from overnight.core import knobs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Detected:
    """`train` and `smoke` are text for `core.command.parse`; paths are relative to the project.

    `assumptions`: short sentences, each with its evidence as file:line. `questions`: what could
    not be found, and the line to write. `problems`: files that could not be read. `settings`:
    what else a repair may turn, by its name under [knobs]; `remarks`: what some knobs rest on.
    """

    script: str
    framework: str
    train: str
    smoke: str | None = None
    environment: environment.Environment | None = None
    outputs: tuple[str, ...] = ()
    micro_batch: knobs.AnyKnob | None = None
    accumulation: knobs.AnyKnob | None = None
    resume: str | None = None
    settings: Mapping[str, knobs.AnyKnob] = dataclasses.field(default_factory=dict)
    remarks: Mapping[str, str] = dataclasses.field(default_factory=dict)
    metric: str | None = None
    runners_up: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
