"""Reading on where a run's files have grown: what is new, and what is known of a file as text.

The store keeps of each file the curves, a mark where reading goes on, and a seal of the bytes
around it, by which a file that was written anew is told from one that has grown.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from overnight.results import curves, reading
from overnight.results.curves import Curve, Found, Mark, Skipped
from overnight.results.runs.run_files import Stat, legible
from overnight.results.runs.sources import PRINTED

SEALED_BYTES = 1024
_COLUMNS = ("value", "step", "epoch", "time", "line")


class Kept(Protocol):
    """What is known of a file that was read before."""

    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def format(self) -> str | None: ...
    @property
    def told(self) -> str: ...
    @property
    def seal(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one reading gave: `found` None where no reader knows the file.

    `goes_on`: it holds only what came after what is known already.
    """

    found: Found | None
    goes_on: bool
    seal: str


def is_same(kept: Kept, now: Stat) -> bool:
    return (kept.size, kept.mtime_ns) == (now.size, now.mtime_ns)


def read(path: Path, kept: Kept | None, now: Stat) -> Reading:
    """Reads on where the file has grown, else the whole file. Raises OSError."""
    mark = mark_of(kept.told) if kept else None
    if kept and mark and _has_grown(path, kept, mark, now):
        reader = reading.named(kept.format or "")
        found = reader.read(path, mark) if reader is not None else None
        if found is not None and found.mark is not None:
            return _reading(path, found, goes_on=True)
    return _reading(path, reading.read(path), goes_on=False)


def _has_grown(path: Path, kept: Kept, mark: Mark, now: Stat) -> bool:
    if now.size <= kept.size or seal(path, mark) != kept.seal:
        return False
    return kept.format != PRINTED or not _went_on(path, mark)


def _went_on(path: Path, mark: Mark) -> bool:
    """Whether a log's last line, which was believed to be whole, was not."""
    with path.open("rb") as file:
        file.seek(max(0, mark.offset - 1))
        around = file.read(2)
    return mark.offset > 0 and len(around) == 2 and not any(end in around for end in b"\r\n")


def _reading(path: Path, found: Found | None, *, goes_on: bool) -> Reading:
    if found is None:
        return Reading(found=None, goes_on=False, seal="")
    sealed = seal(path, found.mark) if found.mark else ""
    return Reading(found=legible(found), goes_on=goes_on, seal=sealed)


def seal(path: Path, mark: Mark) -> str:
    """A digest of the beginning and of the last bytes before the mark."""
    with path.open("rb") as file:
        head = file.read(min(SEALED_BYTES, mark.offset))
        file.seek(max(0, mark.offset - SEALED_BYTES))
        tail = file.read(min(SEALED_BYTES, mark.offset))
    return hashlib.blake2b(head + tail, digest_size=16).hexdigest()


# -- as text --------------------------------------------------------------------------------------


def told(found: Found) -> str:
    """All of a reading but its curves, as JSON."""
    mark = found.mark
    return json.dumps(
        {
            "mark": [mark.offset, mark.line, dict(mark.memory)] if mark else None,
            "skipped": [[each.line, each.what, each.why] for each in found.skipped],
            "more_skipped": found.more_skipped,
            "settings": {run: dict(each) for run, each in found.settings.items()},
            "ended": found.ended,
            "headers": list(found.headers),
            "restarts": list(found.restarts),
        },
        default=str,
    )


def mark_of(text: str) -> Mark | None:
    mark = json.loads(text).get("mark")
    return Mark(offset=mark[0], line=mark[1], memory=mark[2]) if mark else None


def found_of(format_: str, text: str, kept: Sequence[Curve]) -> Found:
    """The reading that `told` was made of."""
    value = json.loads(text)
    return Found(
        format=format_,
        curves=tuple(kept),
        skipped=tuple(Skipped(line=line, what=w, why=y) for line, w, y in value["skipped"]),
        more_skipped=value["more_skipped"],
        mark=mark_of(text),
        settings=value["settings"],
        ended=value["ended"],
        headers=tuple(value["headers"]),
        restarts=tuple((line, step) for line, step in value["restarts"]),
    )


# -- put together ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Grown:
    """A file as a whole. `places`: where in it each curve that came now belongs."""

    found: Found
    places: tuple[int, ...]


def grown(before: Found, new: Found) -> Grown:
    """What was known and what came now. A curve goes on where name, split and run are the same."""
    known = {key: place for place, key in enumerate(_keys(before.curves))}
    whole = list(before.curves)
    places = []
    for key, curve in zip(_keys(new.curves), new.curves, strict=True):
        place = known.get(key)
        if place is None:
            place = len(whole)
            whole.append(curve)
        else:
            whole[place] = _longer(whole[place], curve)
        places.append(place)
    skipped = (*before.skipped, *new.skipped)
    settings = {**before.settings, **new.settings}
    return Grown(
        found=dataclasses.replace(
            new,
            curves=tuple(whole),
            skipped=skipped[: curves.MOST_SKIPPED],
            more_skipped=before.more_skipped
            + new.more_skipped
            + len(skipped[curves.MOST_SKIPPED :]),
            settings=settings,
            ended=before.ended if new.ended is None else new.ended,
            headers=(*before.headers, *new.headers),
            restarts=(*before.restarts, *new.restarts),
        ),
        places=tuple(places),
    )


def _keys(listed: Sequence[Curve]) -> list[tuple[str, str | None, str, int]]:
    """Of two curves of one name the second is another one."""
    counts: dict[tuple[str, str | None, str], int] = {}
    keys = []
    for each in listed:
        key = (each.name, each.split, each.run)
        counts[key] = counts.get(key, -1) + 1
        keys.append((*key, counts[key]))
    return keys


def _longer(one: Curve, more: Curve) -> Curve:
    both: Mapping[str, Any] = {
        name: np.concatenate((getattr(one, name), getattr(more, name))) for name in _COLUMNS
    }
    return dataclasses.replace(one, goal=one.goal or more.goal, **both)
