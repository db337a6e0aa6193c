"""What the store of series takes and gives: bytes and plain values, a class for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

POINTS = ("low", "high", "last", "odd")
_POINT = ("", "_step", "_epoch", "_source", "_line", "_attempt")
_SERIES = ("name", "written", "split", "goal", "n", "repeated", "nonfinite")
COLUMNS = (*_SERIES, *(f"{point}{part}" for point in POINTS for part in _POINT))


class KnownFile(NamedTuple):
    """A file as it was read: `told` is JSON; `format` None for one that no reader knows."""

    id: int
    size: int
    mtime_ns: int
    format: str | None
    told: str
    seal: str


@dataclass(frozen=True, kw_only=True)
class KnownRun:
    id: int
    version: int
    records: str
    files: Mapping[str, KnownFile]


class Chunk(NamedTuple):
    """`n` values of a curve as bytes."""

    n: int
    data: bytes


class CurveRow(NamedTuple):
    """`id` None: a new one. `chunk` None: nothing came."""

    id: int | None
    name: str
    split: str | None
    run: str
    goal: str | None
    chunk: Chunk | None = None


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """A file that was read. `id` None: it is new, or what was known of it does not count."""

    path: str
    id: int | None
    size: int
    mtime_ns: int
    format: str | None
    told: str
    seal: str
    curves: tuple[CurveRow, ...] = ()


class SeriesRow(NamedTuple):
    """`values` in the order of `COLUMNS`. `parts`: (path, place in its file's curves)."""

    values: tuple[Any, ...]
    parts: tuple[tuple[str, int], ...]
    marks: bytes
    thumbnail: bytes


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one reading of a run's folder changes. `version`: what it builds on; None for nothing.

    `files` are those that were read, `gone` the ids of those to forget; `series` are all of the
    run, or None where they stay as they are.
    """

    run: str
    version: int | None
    columns: Mapping[str, Any]
    attempts: Sequence[Sequence[Any]] = ()
    repairs: Sequence[Sequence[Any]] = ()
    files: Sequence[FileRow] = ()
    gone: Sequence[int] = ()
    series: Sequence[SeriesRow] | None = None
    unused: Sequence[tuple[str, str, str]] = ()

    @property
    def size(self) -> int:
        """Bytes of the curves in it."""
        return sum(len(c.chunk.data) for f in self.files for c in f.curves if c.chunk)


@dataclass(frozen=True, kw_only=True)
class StoredSeries:
    """`values` by column. `curves`: (path, its chunks in order) of each part."""

    values: Mapping[str, Any]
    curves: tuple[tuple[str, tuple[Chunk, ...]], ...] = field(default=())
    marks: bytes = b""
