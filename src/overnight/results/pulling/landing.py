"""Where pulled files land: one folder on this machine that a server's paths cannot leave.

Bytes under way lie in `.pull/<hash of the path>.part`, so that they can be continued and never
carry a real file's name. Every folder on the way is opened without following links.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path

from overnight.core import errors, text

STATE_FOLDER = ".pull"
_COPY_BYTES = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = (errno.ENOSPC, errno.EDQUOT)


def leads_outside(path: str) -> bool:
    """Whether a path from a server is anything but names separated by single slashes.

    A correct node never sends such a path. Ours (`.pull`) counts as outside, too.
    """
    parts = path.split("/")
    bad = any(part in ("", ".", "..") for part in parts)
    return bad or "\0" in path or parts[0].lower() == STATE_FOLDER


def is_unusable(path: str) -> bool:
    """Whether a name holds control characters, which no file of a pull may, or cannot be one."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return True
    return any(unicodedata.category(each) == "Cc" for each in path)


class Landing:
    """The open destination of one pull. Use as a context manager; only one pull at a time.

    Raises `errors.UsageError` where the disk is full, a link is in the way, or another pull of
    the same run is under way; the message names the file.
    """

    def __init__(self, destination: Path) -> None:
        self.destination = destination
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Landing:
        with self._stack, _explained(str(self.destination)):
            self.destination.mkdir(parents=True, exist_ok=True)
            self._root = self._own(os.open(self.destination, _FOLDER & ~os.O_NOFOLLOW))
            self._parts = self._own(_enter(self._root, STATE_FOLDER))
            self._lock()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _own(self, fd: int) -> int:
        self._stack.callback(os.close, fd)
        return fd

    def _lock(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = self._own(os.open("lock", flags, 0o644, dir_fd=self._parts))
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise errors.UsageError(
                f"another pull into {self.destination} is under way",
                hint="wait for it to end, then type the same command again",
            ) from None

    def free_bytes(self) -> int | None:
        """What may still be written; None where the file system does not say."""
        room = os.fstatvfs(self._root)
        return room.f_bavail * room.f_frsize if room.f_blocks else None

    def here(self, path: str) -> os.stat_result | None:
        """What this folder has under `path`; None for nothing."""
        with _explained(path):
            try:
                with self._folder_of(path, create=False) as (folder, name):
                    info = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                return None
        if not stat.S_ISREG(info.st_mode):
            raise _in_the_way(path)
        return info

    def part_size(self, path: str) -> int:
        """How many bytes of an earlier pull of `path` are kept."""
        try:
            return os.stat(_part(path), dir_fd=self._parts, follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0

    def start_from_here(self, path: str) -> None:
        """Makes the bytes that this folder already has the beginning of the next version."""
        with _explained(path), self._folder_of(path, create=False) as (folder, name):
            source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            with open(source, "rb") as old, self.part(path, 0) as new:
                while chunk := old.read(_COPY_BYTES):
                    new.write(chunk)

    @contextlib.contextmanager
    def part(self, path: str, keep: int) -> Iterator[BufferedRandom]:
        """The kept bytes of `path`, cut to `keep`, open for reading and for writing at the end."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with _explained(path):
            fd = os.open(_part(path), flags, 0o644, dir_fd=self._parts)
            with open(fd, "r+b") as file:
                file.truncate(keep)
                file.seek(0, os.SEEK_END)
                yield file

    def digest(self, path: str) -> str:
        """sha256 hex of the kept bytes."""
        with self.part(path, self.part_size(path)) as file:
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()

    def digest_here(self, path: str) -> str:
        """sha256 hex of the file that this folder has."""
        with _explained(path), self._folder_of(path, create=False) as (folder, name):
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            with open(fd, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

    def publish(self, path: str, mtime_ns: int) -> None:
        """Gives the kept bytes their real name; the old file stays whole until then."""
        with _explained(path), self._folder_of(path, create=True) as (folder, name):
            with self.part(path, self.part_size(path)) as file:
                os.fsync(file.fileno())
            part = _part(path)
            times = (mtime_ns, mtime_ns)
            os.utime(part, ns=times, dir_fd=self._parts, follow_symlinks=False)
            os.rename(part, name, src_dir_fd=self._parts, dst_dir_fd=folder)

    def stamp(self, path: str, mtime_ns: int) -> None:
        """Notes that the file here is the server's of that time, so that no hash is asked again."""
        with _explained(path), self._folder_of(path, create=False) as (folder, name):
            os.utime(name, ns=(mtime_ns, mtime_ns), dir_fd=folder, follow_symlinks=False)

    @contextlib.contextmanager
    def _folder_of(self, path: str, *, create: bool) -> Iterator[tuple[int, str]]:
        """The descriptor of the folder that holds `path`, and the last name."""
        if leads_outside(path):
            raise ValueError(f"leads outside: {path!r}")
        *folders, name = path.split("/")
        fd = os.dup(self._root)
        try:
            for folder in folders:
                inner = _enter(fd, folder) if create else os.open(folder, _FOLDER, dir_fd=fd)
                os.close(fd)
                fd = inner
            yield fd, name
        finally:
            os.close(fd)


def _enter(fd: int, name: str) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=fd)
    return os.open(name, _FOLDER, dir_fd=fd)


def _part(path: str) -> str:
    whole = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{whole[:32]}.part"


def _in_the_way(path: str) -> errors.UsageError:
    shown = text.printable(path)
    return errors.UsageError(
        f"a link or a folder is where the pulled file belongs: {shown}",
        hint=f"move {shown} away, then pull again",
    )


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turns what the file system says into one line that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
            raise _in_the_way(path) from error
        shown = text.printable(path)
        if error.errno in _FULL:
            raise errors.UsageError(
                f"no space left on this machine while writing {shown}",
                hint="free some space, then pull again: it goes on where it stopped",
            ) from error
        raise errors.UsageError(
            f"{shown} cannot be written on this machine: {error.strerror}",
            hint="mend that, then pull again: it goes on where it stopped",
        ) from error
