"""Network namespaces that are held by a file descriptor and have no name."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterable, Sequence

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def current() -> int:
    """A descriptor of the namespace that the calling thread is in."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def enter(namespace: int) -> None:
    """Moves the calling thread; the processes and threads that it starts later follow."""
    _check(_libc.setns(namespace, CLONE_NEWNET), "setns")


def create() -> int:
    """A descriptor of a new, empty namespace. It lives while this or a process in it does."""
    before = current()
    try:
        _check(_libc.unshare(CLONE_NEWNET), "unshare")
        try:
            return current()
        finally:
            enter(before)
    finally:
        os.close(before)


def path(namespace: int) -> str:
    """A path by which other programs can open the namespace while this process lives."""
    return f"/proc/{os.getpid()}/fd/{namespace}"


def inside(namespace: int, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` in the namespace, with the mounts left as they are."""
    return ["nsenter", f"--net={path(namespace)}", *argv]


def ip(namespace: int, lines: Iterable[str]) -> None:
    """Runs commands of ip(8), one a line, in the namespace. Raises CalledProcessError."""
    argv = inside(namespace, ["ip", "-batch", "-"])
    subprocess.run(argv, input="\n".join(lines) + "\n", text=True, check=True, capture_output=True)
