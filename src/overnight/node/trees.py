"""The files of a folder that holds what a manifest says: looked at, made, copied, sealed."""

from __future__ import annotations

import errno
import os
import stat
from typing import Any, Callable, Iterable

from overnight.node import fs, manifests

MODES = {"f": 0o444, "x": 0o555}
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_BLOCK_BYTES = 1 << 18
_FICLONE = 0x40049409  # linux/fs.h: shares the blocks of another file until one is written to


def at(folder: str, path: str) -> bytes:
    return os.path.join(os.fsencode(folder), manifests.raw(path))


def differences(folder: str, entries: list[manifests.Entry]) -> list[str]:
    """The paths that are missing, too many, or not what the manifest says. All bytes are read."""
    files, folders = _scan(folder)
    wrong = files ^ {entry.path for entry in entries}
    wrong |= folders - manifests.folders(entries)
    wrong |= {
        entry.path
        for entry in entries
        if entry.path in files and not _is_same(at(folder, entry.path), entry)
    }
    return sorted(wrong)


def _scan(folder: str) -> tuple[set[str], set[str]]:
    """The relative paths of all that is no folder, and of all folders."""
    files: set[str] = set()
    folders: set[str] = set()
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        for item in os.scandir(at(folder, prefix)):
            path = prefix + item.name.decode("utf-8", "surrogateescape")
            if item.is_dir(follow_symlinks=False):
                folders.add(path)
                waiting.append(path + "/")
            else:
                files.add(path)
    return files, folders


def _is_same(path: bytes, entry: manifests.Entry) -> bool:
    state = os.lstat(path)
    if entry.kind == "l":
        return stat.S_ISLNK(state.st_mode) and os.readlink(path) == manifests.raw(entry.digest)
    if not stat.S_ISREG(state.st_mode) or state.st_size != entry.size:
        return False
    import hashlib

    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest() == entry.digest


def make_folders(folder: str, entries: Iterable[manifests.Entry]) -> None:
    for path in sorted(manifests.folders(entries)):
        os.mkdir(at(folder, path))


def make_links(folder: str, entries: Iterable[manifests.Entry]) -> None:
    for entry in entries:
        if entry.kind == "l":
            os.symlink(manifests.raw(entry.digest), at(folder, entry.path))


def write(path: bytes, source: Any, *, mode: int = 0o600) -> int:
    """Makes the file `path`, which must not exist, from what `source.read` gives; its size."""
    size = 0
    with open(os.open(path, _NEW, mode), "wb") as file:
        for block in iter(lambda: source.read(_BLOCK_BYTES), b""):
            size += file.write(block)
    return size


def link(source: bytes, target: bytes) -> None:
    """A second name for `source`, or a copy where the file system allows no (more) names."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOSPC, errno.EDQUOT):
            raise
        with open(source, "rb") as file:
            write(target, file)


def set_mode(path: bytes, mode: int) -> None:
    """Sets the mode of this name only: a file with other names is copied first.

    rsync may have linked it from an older snapshot, whose mode must stay as it is.
    """
    state = os.lstat(path)
    if stat.S_IMODE(state.st_mode) == mode:
        return
    if state.st_nlink > 1:
        with open(path, "rb") as file:
            os.unlink(path)
            write(path, file)
    os.chmod(path, mode)


def copy(source: bytes, target: bytes, mode: int) -> int:
    """Makes the file `target` with the content of `source`, never a hard link; its size."""
    with open(source, "rb") as original, open(os.open(target, _NEW, mode), "wb") as file:
        if not _clone(original.fileno(), file.fileno()) and not _in_kernel(original, file):
            for block in iter(lambda: original.read(_BLOCK_BYTES), b""):
                file.write(block)
        file.flush()
        return os.fstat(file.fileno()).st_size


def _clone(source: int, target: int) -> bool:
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _in_kernel(source: Any, target: Any) -> bool:
    """Copies without the bytes passing through us. False where nothing was copied that way."""
    if not hasattr(os, "copy_file_range"):  # macOS
        return False
    copied = 0
    try:
        while True:
            count = os.copy_file_range(source.fileno(), target.fileno(), 1 << 30)
            if count == 0:
                return copied > 0
            copied += count
    except OSError as error:
        if copied or error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False


def flush(folder: str, entries: Iterable[manifests.Entry]) -> None:
    """Makes the files survive a power cut. A file with a second name survives already.

    All are handed to the disk before the first is waited for: then one commit of the file
    system's journal serves them all (500 files: 40 ms instead of 110 ms).
    """
    paths = [at(folder, entry.path) for entry in entries if entry.kind != "l"]
    new = [path for path in paths if os.lstat(path).st_nlink == 1]
    for path in new:
        _with_open(path, _start_writing)
    for path in new:
        _with_open(path, os.fsync)
    for parent in manifests.folders(entries):
        fs.sync_folder(os.fsdecode(at(folder, parent)))
    fs.sync_folder(folder)


def _with_open(path: bytes, act: Callable[[int], None]) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        act(fd)
    finally:
        os.close(fd)


def _start_writing(fd: int) -> None:
    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
