"""The files of a run's folder on this machine, read and joined."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from overnight.results import joining, reading
from overnight.results.curves import Found, Skipped
from overnight.results.joining import Joined
from overnight.results.sources import Read, attempt_of, chosen, is_candidate


@dataclass(frozen=True, kw_only=True)
class Passed:
    """What was not read of one file of a run."""

    path: str
    skipped: tuple[Skipped, ...]
    more: int

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.path,
            "parts": [dict(vars(each)) for each in self.skipped],
            "more": self.more,
        }


@dataclass(frozen=True, kw_only=True)
class OfRun:
    """All that the files of one run say. `settings` are the hyperparameters found in them."""

    joined: Joined
    skipped: tuple[Passed, ...]
    settings: Mapping[str, Any]


def whole(folder: Path) -> OfRun:
    """Reads every file of a run's folder anew."""
    started = starts(record(folder / "state.json"))
    reads = []
    for path, mtime in candidates(folder).items():
        found = reading.read(folder / path)
        if found is not None:
            found = legible(found)
            attempt = attempt_of(path, mtime, started)
            reads.append(Read(path=path, found=found, mtime=mtime, attempt=attempt))
    return of(reads, started)


def legible(found: Found) -> Found:
    """With names that are text everywhere: JSON may hold half characters."""
    if all(name.isascii() for each in found.curves for name in (each.name, each.run)):
        return found
    made = (replace(each, name=_whole(each.name), run=_whole(each.run)) for each in found.curves)
    return replace(found, curves=tuple(made))


def _whole(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def of(reads: Sequence[Read], started: Mapping[int, float]) -> OfRun:
    """`started`: when each attempt began, by its number."""
    passed = (
        Passed(path=each.path, skipped=each.found.skipped, more=each.found.more_skipped)
        for each in reads
        if each.found.skipped or each.found.more_skipped
    )
    kept = [told for each in reads for told in each.found.settings.values()]
    return OfRun(
        joined=joining.joined(reads, started),
        skipped=tuple(passed),
        settings={key: value for told in kept for key, value in told.items()},
    )


def candidates(folder: Path) -> dict[str, float]:
    """The files that may hold metrics, relative to the run's folder, with their times."""
    listed: dict[str, float] = {}
    for path in reading.files(folder):
        name = path.relative_to(folder).as_posix()
        if is_candidate(name):
            listed[name] = path.stat().st_mtime
    return {name: listed[name] for name in chosen(listed)}


def record(path: Path) -> dict[str, Any]:
    """A record of the run; empty where it is not there or no object."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def starts(state: Mapping[str, Any]) -> dict[int, float]:
    """When each attempt began, by its number, as the run's state tells."""
    attempts = state.get("attempts")
    return {
        int(each["n"]): float(each["started_at"])
        for each in (attempts if isinstance(attempts, list) else [])
        if isinstance(each, dict)
        and _is_number(each.get("n"))
        and _is_number(each.get("started_at"))
    }


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
