"""What an ended attempt is taken for. Pure: the end of the log and how the process ended.

Knows what can be mended today (CUDA out of memory, death by a signal, reboot, lost supervisor)
and leaves the rest as `code` or `unknown` with the lines that a person wants to read first.
"""

from __future__ import annotations

import re
import signal
from typing import Any

from overnight.node import actions, causes

TAIL_BYTES = 64 * 1024
EVIDENCE_LINES = 12
SPOKEN_LINES = 40  # of a traceback with the errors that led to it
ACTIVATION_FAILED = 78
NOT_FOUND, NOT_EXECUTABLE = 127, 126
FROM_OUTSIDE = frozenset(
    {signal.SIGTERM, signal.SIGKILL, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU}
)

# c10/cuda/CUDACachingAllocator.cpp: torch 1.x, 2.x and the class names around it
OUT_OF_MEMORY = re.compile(
    r"CUDA out of memory\. Tried to allocate|^(?:torch\.)?(?:cuda\.)?OutOfMemoryError\b"
)
NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded|\bENOSPC\b|\[Errno 28\]")
OURS = re.compile(r"^overnight: ")  # of the script that activates the environment
WANTED = re.compile(r"Tried to allocate (?P<size>[\d.]+ \w+)")
EXCEPTION = re.compile(
    r"^(?:\[rank\d+\]:\s*)?(?P<name>[A-Za-z_][\w.]*"
    r"(?:Error|Exception|Exit|Interrupt|Warning|Failure|Fault|Invalid))\b(?::\s*(?P<text>.*))?$"
)
ESCAPES = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0e-\x1f]"
)


def diagnose(
    ended: actions.Ended,
    tail: bytes,
    lines_before: int,
    foreign_mib: int,
    disk_full: bool = False,
) -> actions.Failure | None:
    """None for a good end. `tail` is the end of the log, after `lines_before` lines.

    `foreign_mib` is the memory that other people's processes hold on the attempt's GPUs.
    `disk_full`: no space was left when the attempt had ended, so that it may have lost its words.
    """
    if ended.cause == "never_started":
        return not_started(clean(tail), lines_before)
    if ended.cause in ("reboot", "lost"):
        return actions.Failure(ended.cause, 1.0, [], {})
    if ended.exit_code == 0:
        return None
    lines = clean(tail)
    memory = last_match(lines, OUT_OF_MEMORY)
    if memory is not None and ended.signal not in FROM_OUTSIDE:
        return out_of_memory(lines, memory, lines_before, foreign_mib)
    if ended.signal == signal.SIGINT or ended.exit_code == 130:
        return actions.Failure("interrupted", 1.0, evidence(lines, None, lines_before), {})
    if ended.signal in FROM_OUTSIDE:
        return by_signal("preempted", ended, lines, lines_before)
    at = last_match(lines, NO_SPACE, among=SPOKEN_LINES)
    if at is not None or disk_full:
        return no_space(lines, at, lines_before)
    if ended.signal is not None:
        return by_signal("unknown", ended, lines, lines_before)
    return from_exception(ended, lines, lines_before)


def not_started(lines: list[str], lines_before: int) -> actions.Failure:
    """`lines` are what our own supervisor said before it died."""
    at = last_match(lines, EXCEPTION)
    if at is None:
        return actions.Failure("lost", 1.0, [], {})
    facts = {"summary": f"the supervisor itself failed: {lines[at][:300]}"}
    return actions.Failure("lost", 1.0, evidence(lines, at, lines_before), facts)


def speaks_of_memory(tail: bytes) -> bool:
    """Whether it is worth asking who holds memory on the GPUs."""
    return last_match(clean(tail), OUT_OF_MEMORY) is not None


def clean(tail: bytes) -> list[str]:
    """Lines as a terminal would leave them: no ANSI codes, the last of each progress bar."""
    text = ESCAPES.sub("", tail.decode("utf-8", "replace"))
    return [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]


def last_match(lines: list[str], pattern: re.Pattern[str], among: int | None = None) -> int | None:
    """The last line that matches; `among`: of that many lines at the end."""
    first = 0 if among is None else max(0, len(lines) - among)
    for number in range(len(lines) - 1, first - 1, -1):
        if pattern.search(lines[number]):
            return number
    return None


def out_of_memory(
    lines: list[str], at: int, lines_before: int, foreign_mib: int
) -> actions.Failure:
    wanted = WANTED.search(lines[at])
    facts: dict[str, Any] = {"wanted": wanted.group("size")} if wanted else {}
    kind = "cuda_oom"
    if foreign_mib > 0:
        kind = "gpu_contention"
        facts["foreign_mib"] = foreign_mib
    return actions.Failure(kind, 0.95, evidence(lines, at, lines_before), facts)


def by_signal(
    kind: str, ended: actions.Ended, lines: list[str], lines_before: int
) -> actions.Failure:
    facts = {"summary": f"signal {causes.signal_name(ended.signal)}"}
    return actions.Failure(kind, 0.8, evidence(lines, None, lines_before), facts)


def no_space(lines: list[str], at: int | None, lines_before: int) -> actions.Failure:
    said = "no space was left on the server's disk" if at is None else lines[at][:300]
    facts = {"summary": said}
    return actions.Failure("disk_full", 0.9, evidence(lines, at, lines_before), facts)


def from_exception(ended: actions.Ended, lines: list[str], lines_before: int) -> actions.Failure:
    at = last_match(lines, EXCEPTION)
    found = evidence(lines, at, lines_before)
    ours = last_match(lines, OURS) if ended.exit_code == ACTIVATION_FAILED else None
    if ours is not None:
        found = evidence(lines, ours, lines_before)
        return actions.Failure("config", 0.95, found, {"summary": lines[ours][:300]})
    if ended.exit_code in (NOT_FOUND, NOT_EXECUTABLE) and at is None:
        return actions.Failure("missing_file", 0.9, found, {"summary": last_text(found)})
    if at is None:
        return actions.Failure("unknown", 0.3, found, {})
    return actions.Failure("code", 0.5, found, {"summary": lines[at][:300]})


def last_text(found: list[dict[str, Any]]) -> str:
    return str(found[-1]["text"]) if found else ""


def evidence(lines: list[str], at: int | None, lines_before: int) -> list[dict[str, Any]]:
    """The last lines with text, up to and including line `at`, numbered as in the whole log."""
    end = len(lines) if at is None else at + 1
    numbered = [(n, text) for n, text in enumerate(lines[:end]) if text.strip()]
    return [
        {"line": lines_before + n + 1, "text": text[:400]} for n, text in numbered[-EVIDENCE_LINES:]
    ]
