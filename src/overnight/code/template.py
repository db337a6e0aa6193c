"""overnight.toml for what was recognised: small, with a comment where something is left to say."""

from __future__ import annotations

import tomlkit
from tomlkit.items import InlineTable, Table

from overnight.code import environment
from overnight.code.detected import Detected
from overnight.core import config_kinds, knobs


def render(detected: Detected, project_name: str) -> str:
    """The text of the file. Names are made fit for a project's name; commands stay as they are."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment("What overnight runs, and what it may turn. Check each line once.")
    )
    document.add(tomlkit.nl())
    document.add("project", _project(detected, project_name))
    _add_metrics(document, detected)
    _add_servers(document)
    _add_knobs(document, detected)
    return tomlkit.dumps(document)


def _project(detected: Detected, project_name: str) -> Table:
    table = tomlkit.table()
    table.add("name", config_kinds.safe_name(project_name))
    table.add("train", detected.train)
    if detected.smoke:
        table.add("smoke", detected.smoke)
    else:
        table.add(tomlkit.comment('smoke = "python train.py --epochs 1"   # a short form of train'))
    if detected.environment is not None:
        table.add("env", _environment(detected.environment))
    else:
        table.add(tomlkit.comment('env = { conda = "NAME" }   # or { venv = "/full/path" }'))
    if detected.outputs:
        table.add("outputs", list(detected.outputs))
    else:
        table.add(tomlkit.comment('outputs = ["outputs"]   # what the training writes'))
    table.add(tomlkit.comment('links = { data = "/data/imagenet" }   # data lives on the server'))
    return table


def _environment(chosen: environment.Environment) -> InlineTable:
    table = tomlkit.inline_table()
    table.append(chosen.kind, True if chosen.kind == "uv" else chosen.name)
    return table


def _add_metrics(document: tomlkit.TOMLDocument, detected: Detected) -> None:
    document.add(tomlkit.nl())
    if detected.metric is not None:
        table = tomlkit.table()
        table.add("primary", detected.metric)
        table.add("goal", "min")
        document.add("metrics", table)
        return
    for line in ("[metrics]", 'primary = "val_acc"   # the metric that decides', 'goal = "max"'):
        document.add(tomlkit.comment(line))


def _add_servers(document: tomlkit.TOMLDocument) -> None:
    document.add(tomlkit.nl())
    for line in ("[servers.gpu1]   # a host of ~/.ssh/config", 'root = "~/overnight"'):
        document.add(tomlkit.comment(line))


def _add_knobs(document: tomlkit.TOMLDocument, detected: Detected) -> None:
    """Declared knobs, and the missing ones as comments."""
    document.add(tomlkit.nl())
    table = tomlkit.table()
    for key, knob in (
        ("micro_batch", detected.micro_batch),
        ("accumulation", detected.accumulation),
        *detected.settings.items(),
    ):
        if knob is not None:
            item = tomlkit.item(_knob(knob))
            if key in detected.remarks:
                item.comment(detected.remarks[key])
            table.add(key, item)
    if detected.resume is not None:
        table.add("resume", detected.resume)
    missing = _missing_knobs(detected)
    if table:
        document.add("knobs", table)
    else:
        document.add(tomlkit.comment("[knobs]"))
    for line in missing:
        (table if table else document).add(tomlkit.comment(line))


def _knob(knob: knobs.AnyKnob) -> str | InlineTable:
    if isinstance(knob, knobs.FileKnob):
        return str(knob)
    if knob.value is None:
        return knob.template
    table = tomlkit.inline_table()
    table.update({"flag": knob.template, "value": knob.value})
    return table


def _missing_knobs(detected: Detected) -> list[str]:
    lines = []
    if detected.micro_batch is None:
        lines.append('micro_batch = "--batch-size {}"')
    if detected.accumulation is None:
        lines.append('accumulation = { flag = "--accum {}", value = 1 }')
    if detected.resume is None:
        lines.append('resume = "--resume {checkpoint}"   # or "auto": it finds its own checkpoint')
    if "lr" not in detected.settings:
        lines.append('lr = "--lr {}"   # and workers, clip, port: what a repair may turn')
    lines.append('exclude = "exclude.txt"   # the paths of samples to leave out, one a line')
    return lines
