"""The server's disk: real files, of which a power cut takes what was not flushed; its free space.

A write lasts when its file was flushed, and a new name when its folder was. What is older than
`WRITEBACK_S` the system has written by itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.simulation import kernel

WRITEBACK_S = 30.0
SECTOR_BYTES = 512
PLENTY_BYTES = 1 << 40


class Replaced(NamedTuple):
    """What a name meant before; None where there was no such name."""

    at: float
    before: bytes | Link | None


class Link(NamedTuple):
    """A symbolic link."""

    to: str


class Grown(NamedTuple):
    """The first `kept_bytes` of the file are on the disk."""

    at: float
    kept_bytes: int


class Disk:
    def __init__(self, machine: kernel.Kernel, root: str) -> None:
        self.kernel = machine
        self.root = root
        self.free_bytes = PLENTY_BYTES
        self.replaced: dict[str, Replaced] = {}
        self.grown: dict[str, Grown] = {}

    @property
    def is_full(self) -> bool:
        return self.free_bytes < PLENTY_BYTES

    def fill(self) -> None:
        self.free_bytes = 0

    def empty(self) -> None:
        self.free_bytes = PLENTY_BYTES
        self.kernel.changed("server")

    # -- what the node does -----------------------------------------------------------------

    def room_for(self, size: int) -> int:
        """How many of `size` bytes there is room for, which are then taken; OSError for none."""
        if not self.is_full or size == 0:
            return size
        taken = min(size, self.free_bytes)
        if taken <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.free_bytes -= taken
        return taken

    def created(self, path: str) -> None:
        self.grown[path] = Grown(self.kernel.now, 0)
        if path not in self.replaced:
            self.replaced[path] = Replaced(self.kernel.now, None)

    def truncated(self, path: str) -> None:
        self.grown[path] = Grown(self.kernel.now, 0)

    def writes(self, path: str) -> None:
        """To be called before bytes are added to a file."""
        if path not in self.grown:
            self.grown[path] = Grown(self.kernel.now, size_of(path))

    def flushed(self, path: str) -> None:
        self.grown.pop(path, None)

    def flushed_folder(self, folder: str) -> None:
        for path in [each for each in self.replaced if os.path.dirname(each) == folder]:
            del self.replaced[path]

    def replaces(self, source: str, target: str) -> None:
        """To be called before a rename of a file."""
        if target not in self.replaced:
            self.replaced[target] = Replaced(self.kernel.now, content(target))
        self.replaced.pop(source, None)
        known = self.grown.pop(source, None)
        self.grown.pop(target, None)
        if known is not None:
            self.grown[target] = known

    def removed(self, path: str) -> None:
        self.grown.pop(path, None)
        self.replaced.pop(path, None)

    def lasts(self, path: str) -> bool:
        """Whether the file as it is now would survive a power cut."""
        young = [each.get(path) for each in (self.grown, self.replaced)]
        return all(one is None or self.is_old(one.at) for one in young)

    def is_old(self, at: float) -> bool:
        return self.kernel.now - at > WRITEBACK_S

    # -- what others do ---------------------------------------------------------------------

    def append(self, path: str, data: bytes) -> None:
        """Another program's write; OSError where the disk is full."""
        self.room_for(len(data))
        fresh = not os.path.exists(path)
        self.created(path) if fresh else self.writes(path)
        with open(path, "ab") as file:
            file.write(data)
        self.touch(path)

    def put(self, path: str, data: bytes) -> None:
        """Another program's file, written anew under its name."""
        self.room_for(len(data))
        self.created(path) if not os.path.exists(path) else self.truncated(path)
        with open(path, "wb") as file:
            file.write(data)
        self.touch(path)

    def touch(self, path: str) -> None:
        """The system's clock stands in the file's time."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(path, (self.kernel.wall(), self.kernel.wall()))

    def lose_power(self) -> None:
        rng = self.kernel.rng
        for path in sorted(self.replaced):
            change = self.replaced[path]
            if not self.is_old(change.at) and rng.random() < 0.5:
                restore(path, change.before)
                self.grown.pop(path, None)
        for path in sorted(self.grown):
            change = self.grown[path]
            if not self.is_old(change.at) and is_file(path):
                cut(path, change.kept_bytes, rng)
        self.replaced.clear()
        self.grown.clear()


def is_file(path: str) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def content(path: str) -> bytes | Link | None:
    if os.path.islink(path):
        return Link(os.readlink(path))
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def restore(path: str, before: bytes | Link | None) -> None:
    with contextlib.suppress(OSError):
        if before is None or isinstance(before, Link) or os.path.islink(path):
            os.unlink(path)
        if isinstance(before, Link):
            os.symlink(before.to, path)
        elif before is not None:
            with open(path, "wb") as file:
                file.write(before)


def cut(path: str, kept_bytes: int, rng: random.Random) -> None:
    """Some of the last sectors were not written; one is never written in part."""
    size = size_of(path)
    if size > kept_bytes:
        ends = range(kept_bytes - kept_bytes % SECTOR_BYTES + SECTOR_BYTES, size, SECTOR_BYTES)
        os.truncate(path, rng.choice((kept_bytes, *ends, size)))
