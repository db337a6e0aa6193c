"""The series of runs, from what lies in .overnight/results. Nothing here asks a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from overnight.app import Overnight
from overnight.core import errors, places
from overnight.results import joining, reading
from overnight.results.curves import Skipped
from overnight.results.joining import Joined
from overnight.results.series import Series
from overnight.results.sources import Read, attempt_of, chosen, is_candidate


@dataclass(frozen=True, kw_only=True)
class Passed:
    """What was not read of one file of a run."""

    path: str
    skipped: tuple[Skipped, ...]
    more: int


@dataclass(frozen=True, kw_only=True)
class OfRun:
    """All that the files of one run say. `settings` are the hyperparameters found in them."""

    joined: Joined
    skipped: tuple[Passed, ...]
    settings: Mapping[str, Any]


def of_run(o: Overnight, run: str) -> tuple[Series, ...]:
    """The series of a run, sorted by name; the goal of the primary metric is that of the project.

    Reads what lies in .overnight/results/RUN and asks no server; empty where nothing was pulled.
    """
    series = whole(places.results_folder(o.root, run)).joined.series
    metrics = o.config.metrics
    primary = joining.find(series, metrics.primary) if metrics else None
    if metrics is None or primary is None:
        return series
    return tuple(replace(s, goal=metrics.goal) if s is primary else s for s in series)


def whole(folder: Path) -> OfRun:
    """Reads every file of a run's folder anew."""
    started = starts(folder)
    reads: list[Read] = []
    for path, mtime in candidates(folder).items():
        found = reading.read(folder / path)
        if found is not None:
            attempt = attempt_of(path, mtime, started)
            reads.append(Read(path=path, found=found, mtime=mtime, attempt=attempt))
    return OfRun(
        joined=joining.joined(reads, started),
        skipped=tuple(
            Passed(path=each.path, skipped=each.found.skipped, more=each.found.more_skipped)
            for each in reads
            if each.found.skipped
        ),
        settings={
            k: v for each in reads for kept in each.found.settings.values() for k, v in kept.items()
        },
    )


def candidates(folder: Path) -> dict[str, float]:
    """The files that may hold metrics, relative to the run's folder, with their times."""
    listed: dict[str, float] = {}
    for path in reading.files(folder):
        name = path.relative_to(folder).as_posix()
        if is_candidate(name):
            listed[name] = path.stat().st_mtime
    return {name: listed[name] for name in chosen(listed)}


def starts(folder: Path) -> dict[int, float]:
    """When each attempt began, by its number, as the run's state tells."""
    try:
        state = json.loads((folder / "state.json").read_bytes())
    except (OSError, ValueError):
        return {}
    attempts = state.get("attempts") if isinstance(state, dict) else None
    return {
        int(each["n"]): float(each["started_at"])
        for each in attempts or []
        if isinstance(each, dict)
        and _is_number(each.get("n"))
        and _is_number(each.get("started_at"))
    }


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def require(o: Overnight, run: str) -> Path:
    """The run's folder here; an error where nothing of it was pulled."""
    folder = places.results_folder(o.root, run)
    if not folder.is_dir():
        raise errors.UsageError(f"nothing of {run!r} is here", hint=f"overnight pull {run}")
    return folder
