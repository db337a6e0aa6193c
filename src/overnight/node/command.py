"""The command of an attempt: its arguments, its activation, its environment variables."""

from __future__ import annotations

import os
from typing import Any

from overnight.node import activation, fs, layout

PLACEHOLDER = "{checkpoint}"


def line(spec: dict[str, Any], argv: list[str], checkpoint: str | None) -> list[str]:
    """The variant's arguments, with those that resume from `checkpoint` where there is one."""
    resume = spec.get("resume")
    if checkpoint is None or not isinstance(resume, list):
        return list(argv)
    return [*argv, *(word.replace(PLACEHOLDER, checkpoint) for word in resume)]


def where_from(spec: dict[str, Any], checkpoint: str | None) -> str:
    """For people: where the next attempt begins."""
    if spec.get("resume") is None:
        return "from the beginning (no resume flag is known: see [knobs] in overnight.toml)"
    if checkpoint is None:
        return "from the beginning (no valid checkpoint yet)"
    return f"from {os.path.basename(checkpoint)}"


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
    return variables


def secrets(run: layout.Run) -> dict[str, str]:
    return fs.read_json(run.file("secrets")) or {}


def without_secrets(run: layout.Run, evidence: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines with every secret's value replaced (law 9)."""
    hidden = [value for value in secrets(run).values() if len(value) >= 4]
    cleaned = []
    for each in evidence:
        text = each["text"]
        for value in hidden:
            text = text.replace(value, "***")
        cleaned.append({**each, "text": text})
    return cleaned
