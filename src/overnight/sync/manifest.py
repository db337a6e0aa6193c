"""The manifest of a project folder: each file that travels, with the hash of its content.

Wire format and id are those of the node (`{"files": [[path, kind, size, digest], …]}`): kind "f"
is a file, "x" an executable one, "l" a symbolic link, whose digest is what it points to.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

from overnight.core import errors
from overnight.sync import listing, names

ID_LENGTH = 16


class Entry(NamedTuple):
    """`digest` is the SHA-256 of the content in hex, or what a link points to."""

    path: str
    kind: str
    size: int
    digest: str


class Found(NamedTuple):
    """A file that would travel, before it was read."""

    path: str
    kind: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """`entries` are sorted by path. `notes` say what a person may want to know; no part of `id`."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()

    @functools.cached_property
    def id(self) -> str:
        wire = json.dumps(self.to_wire(), separators=(",", ":"), sort_keys=True)
        return hashlib.sha256(wire.encode("ascii")).hexdigest()[:ID_LENGTH]

    def to_wire(self) -> dict[str, Any]:
        return {"files": [list(entry) for entry in self.entries]}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Manifest:
        return cls(entries=tuple(Entry(*row) for row in wire["files"]))


def build(root: Path, *, check: Callable[[Sequence[Found]], None] | None = None) -> Manifest:
    """Lists and hashes the project at `root`.

    `check` sees all files before any is read, so that a data set that must not travel is not
    hashed first. Raises errors.SyncRefused: nothing to send, a file that cannot be read, a file
    that is being written to; and whatever `check` raises.
    """
    listed = listing.read(root)
    found, skipped = _stat_all(root, listed.paths)
    if not found:
        raise errors.SyncRefused(
            f"there is nothing to send: git would list no file in {names.visible(str(root))}",
            hint="git status --ignored",
        )
    if check is not None:
        check(found)
    entries = tuple(entry for each in found if (entry := _entry(root, each)) is not None)
    leading_out = [note for entry in entries if (note := _link_note(entry)) is not None]
    return Manifest(entries=entries, notes=(*listed.notes, *skipped, *leading_out))


def _stat_all(root: Path, paths: Iterable[str]) -> tuple[list[Found], list[str]]:
    """What is there now, and notes on what is neither file nor link. Deleted files are left out."""
    found: list[Found] = []
    notes: list[str] = []
    for path in paths:
        try:
            state = os.lstat(os.path.join(root, path))
        except (FileNotFoundError, NotADirectoryError):
            continue
        kind = kind_of(state)
        if kind is None:
            notes.append(f"{names.visible(path)} is neither a file nor a link; it stays here")
        else:
            found.append(Found(path, kind, 0 if kind == "l" else state.st_size))
    return found, notes


def kind_of(state: os.stat_result) -> str | None:
    if stat.S_ISLNK(state.st_mode):
        return "l"
    if stat.S_ISREG(state.st_mode):
        return "x" if state.st_mode & stat.S_IXUSR else "f"
    return None


def _entry(root: Path, found: Found) -> Entry | None:
    """The file as it is now; None where it was deleted meanwhile."""
    path = os.path.join(root, found.path)
    try:
        if found.kind == "l":
            return Entry(found.path, "l", 0, os.readlink(path))
        state, digest = steadily(path, _sha256)
        return Entry(found.path, kind_of(state) or "f", state.st_size, digest)
    except FileNotFoundError:
        return None
    except OSError as error:
        shown = names.visible(found.path)
        raise errors.SyncRefused(
            f"cannot read {shown}: {error.strerror}",
            hint=f"chmod u+r {shown}   or add to .gitignore: {names.pattern(found.path)}",
        ) from error


def steadily(path: str, read: Callable[[BufferedReader], str]) -> tuple[os.stat_result, str]:
    """Reads a file and makes sure that nobody wrote to it meanwhile; tries twice.

    Raises errors.SyncRefused for a file that keeps changing.
    """
    for _ in range(2):
        with open(path, "rb") as file:
            before = os.fstat(file.fileno())
            result = read(file)
        after = os.lstat(path)
        if _identity(before) == _identity(after):
            return after, result
    raise errors.SyncRefused(
        f"{names.visible(path)} is being written to just now",
        hint="wait until it is done, or, if it is no code, name it in .gitignore",
    )


def _identity(state: os.stat_result) -> tuple[int, ...]:
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_mode)


def _sha256(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _link_note(entry: Entry) -> str | None:
    if entry.kind != "l":
        return None
    target = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), entry.digest))
    if not target.startswith("/") and target != ".." and not target.startswith("../"):
        return None
    return (
        f"the link {names.visible(entry.path)} leads out of the project, to "
        f"{names.visible(entry.digest)}; it travels as it is"
    )
