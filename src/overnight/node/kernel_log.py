"""What the kernel's log says about GPUs and about processes killed for memory.

Parsers are pure. The log is read where this user may read it (/dev/kmsg), else there is none.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import NamedTuple

KMSG = "/dev/kmsg"
LONGEST_RECORD = 8192
MOST_RECORDS = 20_000
MOST_FOUND = 32
XID = re.compile(
    r"NVRM: Xid \((?:PCI:)?(?P<pci>[0-9a-fA-F:.]+)\): (?P<code>\d+)"
    r"(?:, pid='?(?P<pid>\d+|<unknown>)'?)?(?:, name=(?P<name>[^,]*))?"
)
LOST_GPU = re.compile(
    r"NVRM: GPU (?:at )?(?:PCI:)?(?P<pci>[0-9a-fA-F:.]+).{0,40}fallen off the bus"
)
OOM_VICTIM = re.compile(
    r"(?P<how>Memory cgroup out of memory|Out of memory): Kill(?:ed)? process (?P<pid>\d+) "
    r"\((?P<name>.*?)\)"
)
FALLEN_OFF = 79
# The driver tidying up after a process that ended, and a note for the next reset.
HARMLESS_XIDS = frozenset({43, 45, 63})


class Xid(NamedTuple):
    """A fault of a GPU in the driver's words; `pid` is None where it names none."""

    pci: str
    code: int
    pid: int | None
    text: str


def xids(lines: list[str]) -> list[Xid]:
    """The faults of GPUs among the lines, without those that say nothing about the GPU."""
    found = []
    for line in lines:
        match = XID.search(line)
        if match and int(match["code"]) not in HARMLESS_XIDS:
            pid = int(match["pid"]) if (match["pid"] or "").isdigit() else None
            found.append(Xid(pci(match["pci"]), int(match["code"]), pid, said(line)))
            continue
        lost = LOST_GPU.search(line)
        if lost:
            found.append(Xid(pci(lost["pci"]), FALLEN_OFF, None, said(line)))
    return found[:MOST_FOUND]


def pci(text: str) -> str:
    """`0000:3b:00` for `00000000:3B:00.0` and `PCI:0000:3b:00`: as they can be compared."""
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:].zfill(4)}:{rest.partition('.')[0]}"


def oom_victims(lines: list[str]) -> dict[int, str]:
    """pid -> the line that tells of its end."""
    found = {}
    for line in lines:
        match = OOM_VICTIM.search(line)
        if match:
            found[int(match["pid"])] = said(line)
    return found


def said(line: str) -> str:
    return line.strip()[:300]


class Record(NamedTuple):
    """One message; `at` in seconds since the machine was started."""

    at: float
    text: str


def record(text: str) -> Record | None:
    """A record of /dev/kmsg: `priority,number,microseconds,flags;message`."""
    head, _, message = text.partition(";")
    fields = head.split(",")
    if len(fields) < 3 or not fields[2].isdigit():
        return None
    return Record(int(fields[2]) / 1e6, message.partition("\n")[0])


def tells(text: str) -> bool:
    return "Xid" in text or "NVRM" in text or "ut of memory" in text


class Log:
    """The kernel's log from now on, or from its beginning; empty where it cannot be read.

    Only lines that speak of memory or of GPUs are kept.
    """

    def __init__(self, path: str = KMSG, *, from_start: bool = False) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self._fd = -1
            return
        if not from_start:
            with contextlib.suppress(OSError):
                os.lseek(self._fd, 0, os.SEEK_END)

    def new(self) -> list[Record]:
        found = []
        for _ in range(MOST_RECORDS):
            text = self._read()
            if text is None:
                break
            each = record(text)
            if each is not None and tells(each.text):
                found.append(each)
        return found[-MOST_FOUND:]

    def _read(self) -> str | None:
        if self._fd < 0:
            return None
        try:
            data = os.read(self._fd, LONGEST_RECORD)
        except BrokenPipeError:  # older records were overwritten meanwhile
            return ""
        except OSError:
            return None
        return data.decode("utf-8", "replace") if data else None

    def close(self) -> None:
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1


def oom_lines(since_s: float, path: str = KMSG) -> list[str]:
    """What the log tells of processes killed for memory in the last `since_s` seconds."""
    began = time.monotonic() - since_s
    log = Log(path, from_start=True)
    try:
        recent = [each.text for each in log.new() if each.at >= began]
    finally:
        log.close()
    return list(oom_victims(recent).values())
