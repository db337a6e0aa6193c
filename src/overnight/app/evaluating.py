"""Phase 5 for the command line: fetch what a run shows, read it, compare."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from overnight.app import Overnight, following, imported, series
from overnight.core import errors, places
from overnight.results import comparison, summary
from overnight.results import pull as pulling

MOST_FILES = 3


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


def compared(o: Overnight, runs: Sequence[str], server_name: str | None) -> comparison.Comparison:
    results = [result(o, run, server_name) for run in runs]
    snapshots = [str(each.provenance.get("snapshot") or "") for each in results]
    return comparison.compare(results, changed_files(o, snapshots))


def changed_files(o: Overnight, snapshots: Sequence[str]) -> dict[str, str]:
    """For each snapshot, the files in which it differs from the first one; those that this laptop
    has no list of are left out.
    """
    first = known_files(o, snapshots[0])
    told = {snapshots[0]: ""} if first else {}
    for snapshot in snapshots[1:]:
        files = known_files(o, snapshot)
        if first and files:
            changed = sorted(
                path for path in first.keys() | files.keys() if first.get(path) != files.get(path)
            )
            told[snapshot] = changed_in_words(changed)
    return told


def known_files(o: Overnight, snapshot: str) -> dict[str, str]:
    """Path -> digest of its files; empty where it is not known here."""
    known = o.mirror.manifest(snapshot)
    return {row[0]: row[3] for row in known["files"]} if known else {}


def changed_in_words(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    more = f" and {len(paths) - MOST_FILES} more" if len(paths) > MOST_FILES else ""
    return f"changed: {', '.join(paths[:MOST_FILES])}{more}"
