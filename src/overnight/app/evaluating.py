"""Phase 5 for the command line: fetch what a run shows, and read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from overnight.app import Overnight, following, series
from overnight.core import errors, places
from overnight.results import pull as pulling
from overnight.results import summary


def pull(
    o: Overnight,
    run: str,
    server_name: str | None,
    *,
    skip: Sequence[str] = (),
    include: Sequence[str] = (),
) -> pulling.Pulled:
    """Fetches what is new of one run into .overnight/results/RUN; what was cut short goes on."""
    server = following.locate(o, run, server_name)
    return pulling.pull(
        server,
        o.project,
        run,
        places.results_folder(o.root, run),
        skip=skip,
        include=include,
        progress=lambda path, done, total: o.talk.progress(f"{run}: {path}", done, total),
    )


def result(o: Overnight, run: str, server_name: str | None) -> summary.RunResult:
    """The run's results, fetched first; from what is here where the server is away."""
    folder = places.results_folder(o.root, run)
    try:
        with o.talk.busy(f"fetching {run}"):
            pull(o, run, server_name)
    except errors.Unreachable as error:
        if not (folder / "spec.json").exists():
            raise
        o.talk.say(f"{error.message}; these results were fetched {age(folder)}")
    state, spec = record(folder / "state.json"), record(folder / "spec.json")
    return summary.summarise(folder, state, spec, o.config.metrics, series.read(o, run))


def age(folder: Path) -> str:
    import time

    minutes = (time.time() - (folder / "state.json").stat().st_mtime) / 60
    return f"{minutes:.0f} min ago" if minutes < 120 else f"{minutes / 60:.0f} h ago"


def record(path: Path) -> dict[str, Any]:
    """A record of the run; an error that names the file where it cannot be read."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise errors.UsageError(
            f"{path} cannot be read: {error}", hint=f"rm {path}   and the same command again"
        ) from error
    return dict(value)
