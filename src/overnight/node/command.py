"""The command of an attempt: its arguments, its activation, its environment variables."""

from __future__ import annotations

import os
from typing import Any, Sequence

from overnight.node import activation, fs, layout

PLACEHOLDER = "{checkpoint}"
SHORTEST_SECRET = 4  # shorter ones would hide ordinary words


def line(spec: dict[str, Any], argv: list[str], checkpoint: str | None) -> list[str]:
    """The variant's arguments, with those that resume from `checkpoint` where there is one."""
    resume = spec.get("resume")
    if checkpoint is None or not isinstance(resume, list):
        return list(argv)
    return [*argv, *(word.replace(PLACEHOLDER, checkpoint) for word in resume)]


def where_from(
    spec: dict[str, Any], checkpoint: str | None, passed_over: Sequence[Sequence[str]] = ()
) -> str:
    """For people: where the next attempt begins, and which damaged checkpoints it leaves out."""
    damaged = "".join(f"; {os.path.basename(path)} is damaged: {how}" for path, how in passed_over)
    if spec.get("resume") is None:
        return "from the beginning (no resume flag is known: see [knobs] in overnight.toml)"
    if spec.get("resume") == "auto":
        return "from where the script itself goes on"
    if checkpoint is None:
        return f"from the beginning (no valid checkpoint yet{damaged})"
    return f"from {os.path.basename(checkpoint)}" + (f" ({damaged[2:]})" if damaged else "")


def told(
    change: str,
    spec: dict[str, Any],
    checkpoint: str | None,
    passed_over: Sequence[Sequence[str]] = (),
) -> str:
    """A repair for people. Nothing is called resumed that begins anew."""
    if checkpoint is None and spec.get("resume") != "auto":
        change = change.replace("resumed after", "begun again after", 1)
    return f"{change}, {where_from(spec, checkpoint, passed_over)}"


def activated(run: layout.Run, spec: dict[str, Any], argv: list[str]) -> list[str]:
    wanted = spec.get("environment") or {"kind": "none"}
    return activation.wrap(wanted, argv, run.work, run.project_folder)


def environment(run: layout.Run, spec: dict[str, Any], uuids: list[str]) -> dict[str, str]:
    """What the command sees: the login session of the launch, then the project's variables.

    The session is kept in a file, so that an attempt started by cron after a reboot sees the
    same PATH as the first one did.
    """
    session = fs.read_json(run.file("session.json")) or dict(os.environ)
    variables = {
        **session,
        "PYTHONUNBUFFERED": "1",
        **(spec.get("env") or {}),
        **secrets(run),
        "OVERNIGHT_RUN": run.name,
    }
    if uuids:
        variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(uuids)
    elif spec.get("gpus") == 0:
        variables["CUDA_VISIBLE_DEVICES"] = ""  # those of others are not free (law 6)
    return variables


def secrets(run: layout.Run) -> dict[str, str]:
    return fs.read_json(run.file("secrets")) or {}


def without_secrets(run: layout.Run, output: bytes) -> bytes:
    """The output with every secret's value replaced, before anything is learnt from it (law 9)."""
    values = [os.fsencode(value) for value in secrets(run).values()]
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= SHORTEST_SECRET:
            output = output.replace(value, b"***")
    return output
