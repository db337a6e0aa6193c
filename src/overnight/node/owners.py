"""Whose processes these are, and since when they run."""

from __future__ import annotations

import os
import time
from typing import Callable, Iterable, NamedTuple

from overnight.node import fs, identity, layout

UNKNOWN = "?"


class Owner(NamedTuple):
    """`user` is a name, a number where it has none, or "?" where the process cannot be seen.

    `since` is when the process began (s); `ours`: a run of ours started it.
    """

    user: str = UNKNOWN
    since: float | None = None
    ours: bool = False


def of(pids: Iterable[int], root: str) -> dict[int, Owner]:
    """Who owns each process. `root` is the folder below which our runs lie."""
    names: dict[int, str] = {}
    booted_at = boot_time()
    return {pid: owner(pid, root, names, booted_at) for pid in set(pids)}


def owner(pid: int, root: str, names: dict[int, str], booted_at: float | None) -> Owner:
    """`names` keeps what was looked up. A process of ours that is about to end has no mark left."""
    uid = uid_of(pid)
    if uid is None:
        return Owner()
    if uid not in names:
        names[uid] = user_name(uid)
    stat = identity.stat(pid)
    if stat is None:  # it ended meanwhile
        return Owner()
    since = None if booted_at is None else booted_at + stat.start_ticks / ticks_s()
    is_ours = uid == os.getuid() and (
        stat.state in "ZX" or is_of_a_run((pid, stat.session), root) or is_ending(pid)
    )
    return Owner(names[uid], since, is_ours)


def is_ending(pid: int) -> bool:
    """Asked after its mark was looked for, which goes with its memory, before it is a zombie."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return not file.read(1)
    except OSError:
        return True


def uid_of(pid: int) -> int | None:
    """None where there is no such process to be seen: it ended, or another pid namespace has it."""
    if pid <= 0:
        return None
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def user_name(uid: int, lookup: Callable[[int], str] | None = None) -> str:
    """`lookup` raises KeyError or OSError for users that have no name here."""
    try:
        return (lookup or in_passwd)(uid)
    except (KeyError, OSError):
        return str(uid)


def in_passwd(uid: int) -> str:
    import pwd  # loads what asks directories for users

    return pwd.getpwuid(uid).pw_name


def is_of_a_run(pids: Iterable[int], root: str) -> bool:
    """Whether one of these (a process, the leader of its session) carries the mark of a run."""
    mark = layout.MARKER.encode() + b"=" + os.fsencode(os.path.join(root, ""))
    return any(
        entry.startswith(mark) for pid in pids if pid > 0 for entry in environment(pid).split(b"\0")
    )


def environment(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def boot_time() -> float | None:
    """When the machine started, by the wall clock of now."""
    text = fs.read_text("/proc/uptime")
    try:
        return time.time() - float((text or "").split()[0])
    except (IndexError, ValueError):
        return None


def ticks_s() -> int:
    return os.sysconf("SC_CLK_TCK")
