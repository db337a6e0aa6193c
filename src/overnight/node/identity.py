"""Who a process is: (boot id, pid, start time). A reused pid is somebody else."""

from __future__ import annotations

import functools
import os
from typing import Iterator, NamedTuple


class Identity(NamedTuple):
    boot_id: str
    pid: int
    start_ticks: int


class Stat(NamedTuple):
    """The fields of /proc/PID/stat that we use (proc(5))."""

    pid: int
    state: str
    group: int
    session: int
    start_ticks: int


@functools.lru_cache(maxsize=1)
def boot_id() -> str:
    """Of this start of the machine; no process of ours outlives it."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def parse_stat(text: str) -> Stat | None:
    """The command name stands in brackets and may hold anything, so count from the last one."""
    name_end = text.rfind(")")
    fields = text[name_end + 2 :].split()
    if name_end < 0 or len(fields) < 20:
        return None
    try:
        return Stat(
            pid=int(text[: text.index("(")]),
            state=fields[0],
            group=int(fields[2]),
            session=int(fields[3]),
            start_ticks=int(fields[19]),
        )
    except ValueError:
        return None


def stat(pid: int) -> Stat | None:
    """None where there is no such process (any more)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return parse_stat(file.read())
    except OSError:
        return None


def of(pid: int) -> Identity | None:
    found = stat(pid)
    return found and Identity(boot_id(), pid, found.start_ticks)


def mine() -> Identity:
    found = of(os.getpid())
    if found is None:
        raise OSError("/proc is not mounted; overnight needs Linux on its servers")
    return found


def alive(identity: Identity) -> bool:
    """True while exactly this process runs; a zombie has ended."""
    if identity.boot_id != boot_id():
        return False
    found = stat(identity.pid)
    return (
        found is not None and found.start_ticks == identity.start_ticks and found.state not in "ZX"
    )


def from_json(value: object) -> Identity | None:
    """The identity that `list(identity)` wrote, or None where it is not one."""
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        return None
    boot, pid, start_ticks = value
    if not isinstance(boot, str) or not isinstance(pid, int) or not isinstance(start_ticks, int):
        return None
    return Identity(boot, pid, start_ticks)


def from_shim(text: str | None) -> Identity | None:
    """Parses what the shim wrote of itself: the boot id, then its line of /proc."""
    boot, _, line = (text or "").partition("\n")
    found = parse_stat(line)
    return found and Identity(boot.strip(), found.pid, found.start_ticks)


def every() -> Iterator[Stat]:
    """All processes that can be seen."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            found = stat(int(name))
            if found is not None:
                yield found
