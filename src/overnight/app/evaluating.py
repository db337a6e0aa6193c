"""Phase 5 for the command line: fetch what a run shows, and read it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from overnight.app import Overnight, following, imported, namesakes, series
from overnight.core import errors, places
from overnight.results import health, summary
from overnight.results.pulling import pull as pulling


def pull(
    o: Overnight,
    run: str,
    server_name: str | None,
    *,
    skip: Sequence[str] = (),
    include: Sequence[str] = (),
) -> pulling.Pulled:
    """Fetches what is new of one run into .overnight/results/RUN; what was cut short goes on."""
    if imported.is_imported(o, run):
        raise errors.UsageError(
            f"{run} was imported here, and no server has it", hint=f"overnight results {run}"
        )
    server = following.locate(o, run, server_name)
    namesakes.make_way(o, run, server.name)
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
    if not imported.is_imported(o, run):
        fetch(o, run, server_name, folder)
    state, spec = record(folder / "state.json"), record(folder / "spec.json")
    return summary.summarise(folder, state, spec, o.config.metrics, series.read(o, run))


def judged(o: Overnight, found: summary.RunResult) -> summary.RunResult:
    """The same with what is to be said of its curves."""
    state = record(places.results_folder(o.root, found.run) / "state.json")
    told = health.judge(series.of_run(o, found.run), remaining=remaining(state))
    return replace(found, health=told)


def remaining(state: Mapping[str, Any]) -> float | None:
    """What is left of a training, as a multiple of what has passed; None where that is unknown."""
    if state.get("state") == "finished":
        return 0.0
    told = state.get("progress")
    for done, total in (("epoch", "epochs"), ("step", "steps")):
        if isinstance(told, dict) and told.get(done) and told.get(total):
            return max(0.0, float(told[total]) / float(told[done]) - 1)
    return None


def fetch(o: Overnight, run: str, server_name: str | None, folder: Path) -> None:
    """What is new of the run; where its server is away, what is here has to do."""
    try:
        with o.talk.busy(f"fetching {run}"):
            pull(o, run, server_name)
    except errors.Unreachable as error:
        if not (folder / "spec.json").exists():
            raise
        o.talk.say(f"{error.message}; these results were fetched {age(folder)}")


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
