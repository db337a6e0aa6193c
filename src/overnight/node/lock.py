"""Locks between our own processes on one server.

`flock` where the file system has it. Where it has not (some NFS), a folder made with `mkdir`
that names its holder: weaker, because nobody can tell whether a holder on another machine that
shares the file system still lives. Its lock stands until the folder is removed by hand.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from typing import Iterator

from overnight.node import fs, identity

NO_FLOCK = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
UNNAMED_S = 10.0


class Lock:
    """An exclusive lock on `path`, held until `release` or the end of the process."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1
        self._folder = ""

    def try_acquire(self) -> bool:
        """False where somebody else holds it."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if error.errno in NO_FLOCK:
                return self._try_folder()
            return False
        self._fd = fd
        return True

    def acquire(self, timeout_s: float = 30.0) -> None:
        """Waits for the lock; TimeoutError names the file after `timeout_s`."""
        end = time.monotonic() + timeout_s
        while not self.try_acquire():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.path} is held by another process for {timeout_s:.0f} s")
            time.sleep(0.005)

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._folder:
            remove_folder_lock(self._folder)
            self._folder = ""

    def _try_folder(self) -> bool:
        folder = self.path + ".d"
        if not make_folder_lock(folder) and not take_over_folder_lock(folder):
            return False
        self._folder = folder
        return True


def make_folder_lock(folder: str) -> bool:
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return False
    holder = [*identity.mine(), os.uname().nodename]
    fs.publish_json(os.path.join(folder, "holder"), holder, durable=False)
    return True


def take_over_folder_lock(folder: str) -> bool:
    """Takes the lock of a holder that is gone. A second folder lets one process do so at a time."""
    if not is_abandoned(folder):
        return False
    guard = folder + ".over"
    try:
        os.mkdir(guard, 0o700)
    except FileExistsError:
        if age_s(guard) > UNNAMED_S:  # left behind by a crash
            os.rmdir(guard)
        return False
    try:
        if not is_abandoned(folder):
            return False
        remove_folder_lock(folder)
        return make_folder_lock(folder)
    finally:
        os.rmdir(guard)


def is_abandoned(folder: str) -> bool:
    """True where the holder was a process of this machine and has ended, or never signed."""
    known = fs.read_json(os.path.join(folder, "holder"))
    if not isinstance(known, list):
        return age_s(folder) > UNNAMED_S
    holder, host = identity.from_json(known[:3]), known[3:]
    if host and host != [os.uname().nodename]:
        return False
    return holder is not None and not identity.alive(holder)


def age_s(path: str) -> float:
    """Seconds since the folder changed; 0 where it is gone."""
    try:
        return time.time() - os.stat(path).st_mtime
    except OSError:
        return 0.0


def remove_folder_lock(folder: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(folder, "holder"))
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def flock_works(folder: str) -> bool:
    """Whether the file system of `folder` has flock at all."""
    path = os.path.join(folder, f".flock-{os.getpid()}")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError as error:
        return error.errno not in NO_FLOCK
    finally:
        os.close(fd)
        os.unlink(path)


@contextlib.contextmanager
def held(path: str, timeout_s: float = 30.0) -> Iterator[None]:
    lock = Lock(path)
    lock.acquire(timeout_s)
    try:
        yield
    finally:
        lock.release()


def is_free(path: str) -> bool:
    """True where nobody holds the lock at this moment.

    Holds it for an instant: whoever means to take the lock tries for longer than that.
    """
    lock = Lock(path)
    if not lock.try_acquire():
        return False
    lock.release()
    return True
