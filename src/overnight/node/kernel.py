"""What the kernel knows about memory: counters of cgroups and of /proc/vmstat.

Parsers are pure; readers answer None where this user may not read, or there is nothing.
"""

from __future__ import annotations

import os
from typing import Iterator, NamedTuple

from overnight.node import fs

CGROUPS = "/sys/fs/cgroup"
UNLIMITED = 1 << 60  # cgroup v1 says "no limit" with a number near 2^63


class Memory(NamedTuple):
    """Of a cgroup, in bytes; `limit` is the tightest on the way up, None where there is none.

    `oom_kills`: processes of this cgroup that the kernel has killed for memory since it was made.
    """

    used: int | None = None
    limit: int | None = None
    oom_kills: int | None = None


class Place(NamedTuple):
    """Where a process' memory is counted: the version of the hierarchy and the path in it."""

    version: int
    path: str


# -- cgroups ----------------------------------------------------------------------------------


def place_of(text: str) -> Place | None:
    """From /proc/PID/cgroup. The memory controller of v1 counts where it is mounted."""
    found = None
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            return Place(1, path)
        if number == "0" and not controllers:
            found = Place(2, path)
    return found


def counter(text: str | None, name: str) -> int | None:
    """The value of one line `name value`, of memory.events, oom_control or vmstat."""
    for line in (text or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return None


def amount(text: str | None) -> int | None:
    """Bytes; None for `max`, for the huge number that means no limit, and for anything else."""
    value = int(text) if text and text.isdigit() else None
    return None if value is None or value >= UNLIMITED else value


def folders(place: Place, root: str = CGROUPS) -> Iterator[str]:
    """The cgroup's own folder and those above it. In a container the path may lead nowhere:
    then the controller's root is what the process lives in.
    """
    base = os.path.join(root, "memory") if place.version == 1 else root
    if place.version == 2 and not os.path.exists(os.path.join(base, "cgroup.controllers")):
        base = os.path.join(root, "unified")
    path = os.path.normpath("/" + place.path.lstrip("/"))
    while path != "/":
        if os.path.isdir(base + path):
            yield base + path
        path = os.path.dirname(path)
    yield base


def memory(place: Place, root: str = CGROUPS) -> Memory:
    """Used and killed: of the cgroup itself. The limit: with how much of it is used up there."""
    files = ("memory.usage_in_bytes", "memory.limit_in_bytes", "memory.oom_control")
    if place.version == 2:
        files = ("memory.current", "memory.max", "memory.events")
    kills: int | None = None
    tightest = Memory()
    for number, folder in enumerate(folders(place, root)):
        used, limit = (amount(fs.read_text(f"{folder}/{name}")) for name in files[:2])
        if number == 0:
            kills = counter(fs.read_text(f"{folder}/{files[2]}"), "oom_kill")
            used = used and used - reclaimable(folder, place.version)
            tightest = Memory(used)
        if (
            limit is not None
            and used is not None
            and (tightest.limit is None or limit - used < tightest.limit - (tightest.used or 0))
        ):
            at_limit = used if number == 0 else used - reclaimable(folder, place.version)
            tightest = Memory(at_limit, limit)
    return tightest._replace(oom_kills=kills)


def reclaimable(folder: str, version: int) -> int:
    """Bytes of files in memory that the kernel drops before it kills anybody."""
    stat = fs.read_text(f"{folder}/memory.stat")
    name = "total_inactive_file" if version == 1 else "inactive_file"
    return counter(stat, name) or 0


def memory_of(pid: int) -> Memory:
    text = fs.read_text(f"/proc/{pid}/cgroup")
    place = place_of(text or "")
    return memory(place) if place is not None else Memory()


def system_oom_kills() -> int | None:
    """All that this kernel has killed for memory since it started, whoever they were."""
    return counter(fs.read_text("/proc/vmstat"), "oom_kill")
