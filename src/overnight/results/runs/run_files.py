"""The files of a run's folder on this machine, read and joined."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from overnight.results import reading
from overnight.results.curves import Found, Skipped
from overnight.results.runs import joining
from overnight.results.runs.joining import Joined
from overnight.results.runs.sources import Read, attempt_of, chosen, is_candidate, is_ours


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
    for path, stat in listing(folder).items():
        found = reading.read(folder / path)
        if found is not None:
            reads.append(placed(path, stat.mtime_ns, legible(found), started))
    return of(reads, started)


def placed(path: str, mtime_ns: int, found: Found, started: Mapping[int, float]) -> Read:
    return Read(path=path, found=found, attempt=attempt_of(path, mtime_ns / 1e9, started))


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


class Stat(NamedTuple):
    size: int
    mtime_ns: int


def listing(folder: Path) -> dict[str, Stat]:
    """The files of a run's folder that may hold metrics, by path, with one stat each."""
    listed = dict(_below(str(folder), ""))
    here = chosen({path: stat.mtime_ns / 1e9 for path, stat in listed.items()})
    return {path: _with_log(listed, path) for path in here}


def _with_log(listed: Mapping[str, Stat], path: str) -> Stat:
    """What a database has not taken in yet lies beside it, and belongs to it."""
    own, log = listed[path], listed.get(f"{path}-wal")
    return own if log is None else Stat(own.size + log.size, max(own.mtime_ns, log.mtime_ns))


def _below(folder: str, prefix: str) -> Iterator[tuple[str, Stat]]:
    """Regular files, without links, version control, caches and what never holds metrics."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError:
        return
    for entry in found:
        path = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in reading.NOT_SEARCHED and not is_ours(path):
                yield from _below(entry.path, f"{path}/")
        elif entry.is_file(follow_symlinks=False) and is_candidate(path):
            with contextlib.suppress(OSError):
                stat = entry.stat(follow_symlinks=False)
                yield path, Stat(stat.st_size, stat.st_mtime_ns)


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
