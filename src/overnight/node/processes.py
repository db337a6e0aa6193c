"""Finding and signalling the processes of an attempt, and no others (law 6).

A process belongs to an attempt when its environment holds our marker with the attempt's folder,
or when it sits in the session that the attempt's shim leads. The kernel keeps a session's number
from being reused while the session has members, so the second rule needs one marked member.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Callable

from overnight.node import identity, layout


def has_marker(pid: int, attempt: str) -> bool:
    """False as well where the environment cannot be read: then it is not ours."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
    except OSError:
        return False
    wanted = layout.MARKER.encode() + b"=" + os.fsencode(attempt)
    return wanted in environment.split(b"\0")


def of_attempt(attempt: str) -> list[identity.Identity]:
    """Every living process of the attempt, the shim included."""
    boot = identity.boot_id()
    own = os.getuid()
    living = [s for s in identity.every() if s.state not in "ZX" and owner(s.pid) == own]
    marked = [s for s in living if has_marker(s.pid, attempt)]
    sessions = {s.session for s in marked} - {os.getsid(0), 0}
    ours = {s.pid: s for s in living if s.session in sessions}
    ours.update({s.pid: s for s in marked})
    return [identity.Identity(boot, s.pid, s.start_ticks) for s in ours.values()]


def owner(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1


def send(target: identity.Identity, number: int) -> bool:
    """Signals exactly this process; False where it has ended. A pidfd shuts out pid reuse."""
    try:
        handle = os.pidfd_open(target.pid) if hasattr(os, "pidfd_open") else -1  # novm
    except OSError:
        handle = -1
    try:
        if not identity.alive(target):
            return False
        if handle >= 0:
            signal.pidfd_send_signal(handle, number)  # novm
        else:
            os.kill(target.pid, number)
        return True
    except OSError:
        return False
    finally:
        if handle >= 0:
            os.close(handle)


def end(attempt: str, grace_s: float, *, spare: Callable[[identity.Identity], bool]) -> bool:
    """SIGTERM, up to `grace_s` for a clean end, then SIGKILL. True when nothing is left.

    `spare` keeps the shim alive, so that it can write the exit record of what it started.
    """
    for target in of_attempt(attempt):
        if not spare(target):
            send(target, signal.SIGTERM)
            wake(target)
    if wait_gone(attempt, grace_s, spare):
        return True
    for target in of_attempt(attempt):
        if not spare(target):
            send(target, signal.SIGKILL)
    return wait_gone(attempt, 10.0, spare)


def wake(target: identity.Identity) -> None:
    """Lets a process that is stopped (SIGSTOP) go on, so that it sees the signals sent to it."""
    found = identity.stat(target.pid)
    if found is not None and found.state == "T":
        send(target, signal.SIGCONT)


def wait_gone(attempt: str, timeout_s: float, spare: Callable[[identity.Identity], bool]) -> bool:
    deadline = time.monotonic() + timeout_s
    pause_s = 0.01
    while [target for target in of_attempt(attempt) if not spare(target)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.5)
    return True


def wait_end(target: identity.Identity, timeout_s: float) -> bool:
    """Waits until the process has ended; False after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while identity.alive(target):
        if time.monotonic() > deadline:
            return False
        with contextlib.suppress(ChildProcessError):
            os.waitpid(target.pid, os.WNOHANG)
        time.sleep(0.02)
    return True
