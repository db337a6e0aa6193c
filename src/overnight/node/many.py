"""Launching many runs of a project at once: written one after another, flushed together."""

from __future__ import annotations

import os
import time
from typing import Any, Iterator, Sequence

from overnight.node import fs, journal, launch, layout, lock, notify, states, turns

FLUSHED = ("secrets", "session.json", "events.jsonl", "state.json", "spec.json")


def launch_many(
    root: str,
    specs: Sequence[dict[str, Any]],
    secrets: dict[str, str],
    notify_settings: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """As `launch.launch` for each of them; one that is refused keeps no other from starting.

    [{"run", "state", "existed"} or {"run", "error": {"code", "message", "hint"}}], in their order.
    """
    runs = [launch.run_of(root, spec) for spec in specs]
    if len({run.project for run in runs}) > 1:
        raise ValueError("runs of several projects")
    if not runs:
        return []
    os.makedirs(os.path.dirname(runs[0].folder), exist_ok=True)
    with lock.held(os.path.join(runs[0].project_folder, "launch.lock")):
        notify.keep(root, runs[0].project, notify_settings, time.time())
        answers = [answer(run, spec, secrets) for run, spec in zip(runs, specs)]
        flush([run for run, told in zip(runs, answers) if told.get("existed") is False])
    if any(spec.get("slurm") for spec in specs):
        answers = [*submitted(list(zip(runs, specs)), answers)]
    turns.give(root)
    return [with_state(run, told) for run, told in zip(runs, answers)]


def answer(run: layout.Run, spec: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    try:
        existed, state = launch.made(run, spec, secrets, durable=False)
    except launch.LaunchError as error:
        return failed(run, error)
    return {"run": run.name, "state": state.state, "existed": existed}


def failed(run: layout.Run, error: launch.LaunchError) -> dict[str, Any]:
    told = {"code": error.code, "message": str(error), "hint": error.hint}
    return {"run": run.name, "error": told}


def submitted(
    pairs: Sequence[tuple[layout.Run, dict[str, Any]]], answers: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Those for Slurm go there as arrays; of those that it refuses nothing is left."""
    from overnight.node.slurm import arrays

    well = [pair for pair, told in zip(pairs, answers) if "error" not in told]
    refused = arrays.launch([pair for pair in well if pair[1].get("slurm")])
    for (run, _), told in zip(pairs, answers):
        if run.name in refused:
            launch.remove(run)
            error = launch.refused_by_slurm(refused[run.name])
            yield failed(run, error)
        else:
            yield told


def flush(runs: Sequence[layout.Run]) -> None:
    """What is answered lasts (law 2)."""
    if len(runs) > turns.MANY:
        fs.sync_all(runs[0].root)
        return
    for run in runs:
        for name in FLUSHED:
            fs.sync_file(run.file(name))
        fs.sync_folder(run.folder)
    if runs:
        fs.sync_folder(os.path.dirname(runs[0].folder))


def with_state(run: layout.Run, told: dict[str, Any]) -> dict[str, Any]:
    """As it is after the queue has had its turn."""
    if "error" in told or told["state"] not in states.ACTIVE:
        return told
    return {**told, "state": journal.published(run)["state"]}
