"""Files on the server: published whole or not at all, appended in whole lines."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, Iterator


def sync_folder(folder: str) -> None:
    """Makes a rename or a new name in `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: str) -> None:
    """Makes what somebody else has written survive a power cut, where the file is there."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def sync_all(folder: str) -> None:
    """Makes all that was written to the file system of `folder` survive a power cut.

    One such call takes less than one for each of many files, and more than one for a few.
    """
    try:
        import ctypes  # needed seldom, and some Pythons have none
    except ImportError:
        os.sync()
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), folder)
    finally:
        os.close(fd)


def publish(path: str, content: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Replaces `path` by `content` atomically: readers see the old file or the new one.

    `durable=False` leaves out the fsyncs, for files that only matter while we live (heartbeats).
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(fd, view) :]
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        sync_folder(os.path.dirname(path) or ".")


def publish_json(path: str, value: Any, *, mode: int = 0o644, durable: bool = True) -> None:
    publish(path, dump(value) + b"\n", mode=mode, durable=durable)


def dump(value: Any) -> bytes:
    """Compact JSON in ASCII: file names that are not UTF-8 travel as lone surrogates."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode("ascii")


def read_json(path: str) -> Any:
    """The parsed file, or None where it is missing or not (yet) valid JSON."""
    try:
        with open(path, "rb") as file:
            return json.loads(file.read())
    except (OSError, ValueError):
        return None


def read_text(path: str) -> str | None:
    """The file's text without surrounding white space, or None where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def json_lines(path: str, offset: int = 0) -> Iterator[tuple[int, Any]]:
    """Yields (offset after the line, value) for each whole line from `offset` on.

    A torn last line is left for the next reading; a line that is not JSON is passed over.
    """
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            with contextlib.suppress(ValueError):
                yield offset, json.loads(line)


def stamp(path: str) -> tuple[int, int]:
    """Changes whenever the file is replaced; (0, 0) where there is none."""
    try:
        seen = os.stat(path)
    except OSError:
        return 0, 0
    return seen.st_mtime_ns, seen.st_ino


def append_line(path: str, value: Any) -> None:
    """Appends one JSON line durably. A torn line left by a crash is closed first."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        os.write(fd, (b"\n" if torn else b"") + dump(value) + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)


def inside(root: str, relative: str) -> str:
    """`root/relative`, refused with ValueError where it is absolute or leads outside of `root`.

    Purely lexical; the caller decides about links.
    """
    if os.path.isabs(relative) or "\0" in relative:
        raise ValueError(f"not a relative path: {relative!r}")
    joined = os.path.normpath(os.path.join(root, relative))
    if joined != os.path.normpath(root) and not joined.startswith(os.path.normpath(root) + os.sep):
        raise ValueError(f"leads outside of the folder: {relative!r}")
    return joined
