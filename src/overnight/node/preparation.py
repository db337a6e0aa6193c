"""What must lie ready before an attempt starts: the work copy, links to data, its folder."""

from __future__ import annotations

import os
import time
from typing import Any, NamedTuple, Sequence

from overnight.node import (
    apart,
    command,
    fs,
    layout,
    reading,
    rendezvous,
    server,
    states,
    turning,
)

METRICS_FILE = "metrics.jsonl"


def work_copy(run: layout.Run, spec: dict[str, Any]) -> str | None:
    """Makes the run's own copy of the snapshot once. Returns what is wrong, or None."""
    if os.path.isdir(run.work):
        return None
    from overnight.node import snapshots  # needed once in a run

    try:
        snapshots.copy_to_work(run.project_folder, spec["snapshot"], run.work + ".new")
        problem = make_links(run.work + ".new", spec.get("links") or {})
        if problem:
            return problem
        os.rename(run.work + ".new", run.work)
    except ValueError as error:  # of the snapshot
        return str(error)
    except OSError as error:
        return f"cannot make the work copy: {error}"
    return None


def make_links(work: str, links: dict[str, str]) -> str | None:
    """Declared links to data that lives on the server. Returns what is wrong, or None."""
    for name, target in links.items():
        problem = make_link(work, name, os.path.expanduser(target))
        if problem:
            return problem
    return None


def make_link(work: str, name: str, target: str) -> str | None:
    place = fs.inside(work, name)
    folder = os.path.dirname(place)
    if not os.path.exists(target):
        return f"the data folder {target} (link {name!r}) does not exist on this server"
    if os.path.islink(place) and os.readlink(place) == target:
        return None
    if os.path.lexists(place):
        return f"the link {name!r} would cover a file of the project; rename one of them"
    if leads_out(work, folder):
        return f"the link {name!r} would lie outside of the run's own folder"
    os.makedirs(folder, exist_ok=True)
    os.symlink(target, place)
    return None


def leads_out(work: str, folder: str) -> bool:
    """True where a link on the way takes `folder` out of the work copy (law 6)."""
    real = os.path.realpath(folder)
    return real != os.path.realpath(work) and not real.startswith(os.path.realpath(work) + os.sep)


class Start(NamedTuple):
    """What is about to start. `passed_over`: damaged checkpoints, each [path, problem]."""

    attempt: int
    argv: list[str]
    variant: int
    label: str
    checkpoint: str | None
    passed_over: list[list[str]]
    gpus: list[str]
    settings: dict[str, Any]
    env: dict[str, str]
    files: dict[str, str]


def next_start(
    run: layout.Run, spec: dict[str, Any], state: states.State, uuids: list[str]
) -> Start:
    """Continues where the repair said, else from the newest whole checkpoint."""
    checkpoint: str | None = state.checkpoint
    passed_over: list[list[str]] = []
    if checkpoint is None or not is_whole(checkpoint):
        checkpoint, passed_over = newest_checkpoint(run, spec, state)
    variant = spec["variants"][state.variant]
    number = len(state.attempts) + 1
    found = rendezvous.Finder(run, number, uuids[: spec.get("processes") or len(uuids)])
    settings = found.filled({**(spec.get("at_start") or {}), **state.settings})
    env = found.filled(state.env)
    argv, files = turning.turned(variant, settings)
    return Start(
        attempt=number,
        argv=command.line(spec, argv, checkpoint),
        variant=state.variant,
        label=variant["label"],
        checkpoint=checkpoint,
        passed_over=passed_over,
        gpus=uuids,
        settings=settings,
        env={key: str(value) for key, value in {**found.env(settings), **env}.items()},
        files=files,
    )


def is_whole(checkpoint: str) -> bool:
    """Asked again before it is used: a power cut may have come since the repair chose it."""

    def problem() -> str | None:
        from overnight.node import checkpoints

        return checkpoints.problem(checkpoint)

    return apart.call(problem) is None


def written_at(checkpoint: str | None) -> float | None:
    """When it was written (Unix time); what the attempt before did later is done again."""
    try:
        return os.stat(checkpoint).st_mtime if checkpoint is not None else None
    except OSError:
        return None


def newest_checkpoint(
    run: layout.Run, spec: dict[str, Any], state: states.State
) -> tuple[str | None, list[list[str]]]:
    """The newest whole one that this run has written, and those it left out as [path, problem].

    `apart.FailedError` where they cannot be examined: it would be wrong to begin anew then.
    """
    if not state.attempts or spec.get("resume") is None:
        return None, []
    since = state.attempts[0].started_at
    path, passed_over = apart.call(lambda: chosen_checkpoint(run, spec, since, state.spoilt))
    return path, passed_over


def chosen_checkpoint(
    run: layout.Run,
    spec: dict[str, Any],
    since: float,
    spoilt: Sequence[tuple[float, float]],
) -> list[Any]:
    from overnight.node import checkpoints

    choice = checkpoints.choose(run.work, spec.get("checkpoints") or [], since, spoilt=spoilt)
    passed_over = [[each.path, each.problem or ""] for each in choice.passed_over]
    return [choice.chosen and choice.chosen.path, passed_over]


def attempt_folder(run: layout.Run, start: Start) -> None:
    """attempts/N with the record of what is about to start.

    `metrics_from`: where this attempt's lines in metrics.jsonl begin.
    """
    folder = run.attempt(start.attempt)
    os.makedirs(folder, exist_ok=True)
    write_files(run.work, start.files)
    value = {
        **start._asdict(),
        "hostname": os.uname().nodename,
        "metrics_from": reading.size(os.path.join(run.work, METRICS_FILE)),
        "time": time.time(),
    }
    fs.publish_json(f"{folder}/start.json", value)


def write_files(work: str, files: dict[str, str]) -> None:
    """The config files of the variant, in the run's own work copy (laws 4 and 6)."""
    for name, text in files.items():
        place = fs.inside(work, name)
        if leads_out(work, os.path.dirname(place)):
            raise OSError(f"{name} would lie outside of the run's own folder")
        fs.publish(place, text.encode("utf-8", "surrogateescape"), durable=False)


def describe_environment(run: layout.Run, number: int, variables: dict[str, str]) -> None:
    """Records Python, packages and driver beside the attempt, in a process of its own.

    Not for smoke tests, whose folder is removed when they end.
    """
    marker = describer(run, number)
    kept = {key: value for key, value in variables.items() if key not in command.secrets(run)}
    kept[layout.MARKER] = marker
    fs.publish_json(run.attempt(number, "variables.json"), kept, mode=0o600, durable=False)
    server.spawn(
        ["describe", run.root, run.project, run.name, str(number)],
        run.file("supervisor.log"),
        marker=marker,
    )


def describer(run: layout.Run, number: int) -> str:
    """The marker of the processes that describe an attempt: ours, but no part of it."""
    return run.attempt(number, "describe")


def outputs_seen(run: layout.Run, spec: dict[str, Any]) -> dict[str, int]:
    """How many files lie under each declared output; counting ends at 1000."""
    return {name: count_files(fs.inside(run.work, name)) for name in spec.get("outputs") or []}


def count_files(path: str, limit: int = 1000) -> int:
    if os.path.isfile(path):
        return 1
    found = 0
    for _, _, files in os.walk(path):
        found += len(files)
        if found >= limit:
            return limit
    return found
