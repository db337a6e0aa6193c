"""`overnight inspect`: any file or folder of metrics, without a project."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from overnight.app.talk import Talk
from overnight.core import errors
from overnight.results import curves, inspection, reading
from overnight.results.inspection import Inspected
from overnight.results.records import database

GZIP = b"\x1f\x8b"
LARGEST_PLAIN = 8 << 30  # bytes that a compressed file may become
CHUNK = 1 << 20
UNKNOWN = "no reader knows this format"


@dataclass
class Tally:
    """Of the folders: how many files no reader knows."""

    files: int = 0
    unknown: int = 0


def each(paths: Iterable[str], talk: Talk, tally: Tally) -> Iterator[Inspected]:
    """One after the other. A file that was named and cannot be read is told as refused; of a
    folder's files only those that a reader knows are told, and the others counted."""
    paths = list(paths)
    for name in paths:
        if not os.path.exists(name):
            raise errors.UsageError(f"there is no {name}", hint="ls")
    for name in paths:
        path = Path(name)
        if path.is_dir():
            yield from _folder(path, talk, tally)
            continue
        tally.files += 1
        with talk.busy(f"reading {name}"):
            found = one(path, name)
        yield found


def _folder(folder: Path, talk: Talk, tally: Tally) -> Iterator[Inspected]:
    for path in reading.files(folder):
        tally.files += 1
        with talk.busy(f"reading {path}"):
            found = one(path, str(path))
        if found.format is None and found.reason == UNKNOWN:
            tally.unknown += 1
        else:
            yield found


def one(path: Path, name: str) -> Inspected:
    """`name` is what the file is called in what is told."""
    try:
        if not path.is_file():
            return inspection.refused(name, "it is no regular file")
        with path.open("rb") as file:
            head = file.read(2)
        if not head:
            return inspection.refused(name, "the file is empty")
        is_packed = head == GZIP
        return _unpacked(path, name) if is_packed else _read(path, name)
    except (OSError, EOFError, zlib.error) as error:
        return inspection.refused(name, _why(error))


def _why(error: Exception) -> str:
    told = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"cannot be read: {told.lower()}"


def _unpacked(path: Path, name: str) -> Inspected:
    """The readers want a plain file under its own name."""
    plain = path.name[:-3] if path.name.endswith(".gz") else path.name
    with tempfile.TemporaryDirectory(prefix="overnight-inspect-") as folder:
        copy = Path(folder, plain)
        with gzip.open(path) as packed, copy.open("wb") as file:
            head = packed.read(curves.HEAD_BYTES)
            file.write(head)
            file.flush()
            # a bomb is not unpacked to see that nobody knows it; a database is seen as a whole only
            if not head.startswith(database.MAGIC) and reading.reader_of(copy) is None:
                return inspection.refused(name, UNKNOWN)
            shutil.copyfileobj(_Limited(cast("IO[bytes]", packed)), file, CHUNK)
        os.utime(copy, (path.stat().st_mtime,) * 2)
        return _read(copy, name)


class _Limited:
    """A file that ends with an error where it grows beyond all measure."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = LARGEST_PLAIN

    def read(self, count: int = -1, /) -> bytes:
        data = self._file.read(count)
        self._left -= len(data)
        if self._left < 0:
            raise OSError(f"it is larger than {LARGEST_PLAIN >> 30} GiB when unpacked")
        return data


def _read(path: Path, name: str) -> Inspected:
    found = reading.read(path)
    if found is None:
        return inspection.refused(name, UNKNOWN)
    return inspection.inspected(name, found)
