"""What must lie ready before an attempt starts: the work copy, links to data, its folder."""

from __future__ import annotations

import os
import time
from typing import Any

from overnight.node import command, fs, layout, server, snapshots


def work_copy(run: layout.Run, spec: dict[str, Any]) -> str | None:
    """Makes the run's own copy of the snapshot once. Returns what is wrong, or None."""
    if os.path.isdir(run.work):
        return None
    try:
        snapshots.copy_to_work(run.project_folder, spec["snapshot"], run.work + ".new")
        problem = make_links(run.work + ".new", spec.get("links") or {})
        if problem:
            return problem
        os.rename(run.work + ".new", run.work)
    except snapshots.SnapshotError as error:
        return str(error)
    except OSError as error:
        return f"cannot make the work copy: {error}"
    return None


def make_links(work: str, links: dict[str, str]) -> str | None:
    """Declared links to data that lives on the server."""
    for name, target in links.items():
        place = fs.inside(work, name)
        target = os.path.expanduser(target)
        if not os.path.exists(target):
            return f"the data folder {target} (link {name!r}) does not exist on this server"
        if os.path.islink(place) and os.readlink(place) == target:
            continue
        if os.path.lexists(place):
            return f"the link {name!r} would cover a file of the project; rename one of them"
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(target, place)
    return None


def attempt_folder(
    run: layout.Run,
    number: int,
    argv: list[str],
    label: str,
    checkpoint: str | None,
    uuids: list[str],
) -> None:
    """attempts/N with the record of what is about to start."""
    folder = run.attempt(number)
    os.makedirs(folder, exist_ok=True)
    fs.publish_json(
        f"{folder}/start.json",
        {
            "attempt": number,
            "argv": argv,
            "label": label,
            "checkpoint": checkpoint,
            "gpus": uuids,
            "hostname": os.uname().nodename,
            "time": time.time(),
        },
    )


def describe_environment(run: layout.Run, number: int, variables: dict[str, str]) -> None:
    """Records Python, packages and driver beside the attempt, in a process of its own."""
    kept = {key: value for key, value in variables.items() if key not in command.secrets(run)}
    fs.publish_json(run.attempt(number, "variables.json"), kept, mode=0o600, durable=False)
    server.spawn(
        ["describe", run.root, run.project, run.name, str(number)],
        run.file("supervisor.log"),
    )


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
