"""/proc of the simulated machine: as much of it as the node reads."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation import kernel


def is_below(path: Any) -> bool:
    return isinstance(path, str) and (path == "/proc" or path.startswith(("/proc/", "/sys/")))


def missing(path: str) -> OSError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def names(machine: kernel.Kernel, path: str) -> list[str]:
    if path.rstrip("/") != "/proc":
        raise missing(path)
    return [str(pid) for pid in sorted(machine.procs)]


def found(machine: kernel.Kernel, path: str) -> kernel.Proc:
    name = path.split("/")[2]
    if name == "self" and machine.current is not None:
        return machine.current
    proc = machine.procs.get(int(name)) if name.isdigit() else None
    if proc is None:
        raise missing(path)
    return proc


def stat(machine: kernel.Kernel, path: str) -> Any:
    proc = found(machine, path)
    if len(path.rstrip("/").split("/")) > 3:
        raise missing(path)
    return SimpleNamespace(st_uid=proc.uid, st_mtime=machine.wall())


def read(machine: kernel.Kernel, reader: kernel.Program | None, path: str) -> bytes:
    if path == "/proc/sys/kernel/random/boot_id":
        return machine.boot_id().encode() + b"\n"
    if path == "/proc/uptime":
        return f"{machine.uptime():.2f} 0.00\n".encode()
    if path == "/proc/vmstat":
        return b"nr_free_pages 100000\noom_kill %d\n" % machine.oom_kills
    proc = found(machine, path)
    what = path.split("/", 3)[3:]
    if what == ["stat"]:
        return proc.stat().encode()
    if what == ["environ"] and reader is not None:
        if proc.uid != reader.uid:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return b"".join(f"{key}={value}\0".encode() for key, value in proc.environ.items())
    if what == ["cmdline"]:
        return proc.name.encode() + b"\0"
    raise missing(path)
