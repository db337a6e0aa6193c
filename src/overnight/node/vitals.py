"""Whether the processes of an attempt do anything: CPU time, bytes moved, their state."""

from __future__ import annotations

import os
from typing import Mapping, NamedTuple, Sequence

from overnight.node import fs, identity

BUSY_CORES = 0.05  # of one core, by one process; waiting and polling take less
BUSY_BYTES_S = 64 * 1024
WRITTEN_BYTES = 1 << 20
TICKS_S = os.sysconf("SC_CLK_TCK")
SUSPENDED = "Tt"


class Process(NamedTuple):
    """CPU seconds since its start; bytes as /proc/PID/io counts them, 0 where it does not tell."""

    state: str
    cpu_s: float
    read_bytes: int = 0
    written_bytes: int = 0


class Sample(NamedTuple):
    """All processes of an attempt at the moment `at` (s)."""

    at: float
    processes: Mapping[int, Process]

    @property
    def suspended(self) -> tuple[int, ...]:
        return tuple(pid for pid, each in self.processes.items() if each.state in SUSPENDED)


class Activity(NamedTuple):
    """What happened between two samples. `cores`: of the busiest process; bytes: of all."""

    seconds: float
    cores: float
    read_bytes: int
    written_bytes: int

    @property
    def busy(self) -> bool:
        moved = self.read_bytes + self.written_bytes
        return self.cores >= BUSY_CORES or moved >= BUSY_BYTES_S * self.seconds

    @property
    def wrote(self) -> bool:
        """Whether so much was written that it is a result and not a word or a heartbeat."""
        return self.written_bytes >= WRITTEN_BYTES


def between(before: Sample, after: Sample) -> Activity:
    """A process that is new brings all that it has done since its start."""
    seconds = max(after.at - before.at, 1e-9)
    none = Process("", 0.0)
    cores, read_bytes, written_bytes = 0.0, 0, 0
    for pid, now in after.processes.items():
        then = before.processes.get(pid, none)
        cores = max(cores, (now.cpu_s - then.cpu_s) / seconds)
        read_bytes += max(0, now.read_bytes - then.read_bytes)
        written_bytes += max(0, now.written_bytes - then.written_bytes)
    return Activity(seconds, cores, read_bytes, written_bytes)


def parse_stat(text: str) -> Process | None:
    """State and CPU time of /proc/PID/stat; the name in brackets may hold anything."""
    fields = text[text.rfind(")") + 2 :].split()
    if len(fields) < 13 or not (fields[11].isdigit() and fields[12].isdigit()):
        return None
    return Process(fields[0], (int(fields[11]) + int(fields[12])) / TICKS_S)


def parse_io(text: str | None) -> tuple[int, int]:
    """Bytes read and written, from /proc/PID/io."""
    values = dict(line.partition(": ")[::2] for line in (text or "").splitlines())
    return tuple(  # type: ignore[return-value]
        int(values.get(name, "")) if values.get(name, "").isdigit() else 0
        for name in ("rchar", "wchar")
    )


def sample(targets: Sequence[identity.Identity], now: float) -> Sample:
    """Those that have ended meanwhile are left out."""
    found = {}
    for target in targets:
        process = parse_stat(fs.read_text(f"/proc/{target.pid}/stat") or "")
        if process is not None and process.state not in "ZX":
            read, written = parse_io(fs.read_text(f"/proc/{target.pid}/io"))
            found[target.pid] = process._replace(read_bytes=read, written_bytes=written)
    return Sample(now, found)
