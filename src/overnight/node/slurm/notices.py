"""Telling a training that its time is nearly over, in the way that it understands.

Lightning and many scripts for clusters save a checkpoint on SIGUSR1; torchrun, the Trainer of
Transformers and most plain scripts do on SIGTERM, or do nothing. SIGUSR1 kills whoever does not
expect it. So: processes that catch SIGUSR1 get it, and nobody else anything; where nobody catches
it, all get SIGTERM. `signal` under [servers.NAME.slurm] decides otherwise: that one, to all.
"""

from __future__ import annotations

import signal
from typing import Mapping

from overnight.node import fs, identity, processes

SIGNALS = {"USR1": signal.SIGUSR1, "USR2": signal.SIGUSR2, "TERM": signal.SIGTERM}
SIGNALS["INT"] = signal.SIGINT


def tell(folder: str, wanted: str | None, shim: identity.Identity | None) -> int:
    """Signals the processes of the attempt, its shim left out. How many were told."""
    targets = [each for each in processes.of_attempt(folder) if each != shim]
    catching = {
        each.pid: caught(fs.read_text(f"/proc/{each.pid}/status") or "") for each in targets
    }
    chosen = choose(catching, wanted)
    return sum(processes.send(each, chosen[each.pid]) for each in targets if each.pid in chosen)


def choose(catching: Mapping[int, bool], wanted: str | None) -> dict[int, int]:
    """Who gets which signal. `catching`: whether a process has a handler for SIGUSR1. Pure."""
    if wanted:
        return {pid: int(SIGNALS[wanted]) for pid in catching}
    ready = {pid: int(signal.SIGUSR1) for pid, catches in catching.items() if catches}
    return ready or {pid: int(signal.SIGTERM) for pid in catching}


def caught(status: str, number: int = signal.SIGUSR1) -> bool:
    """Whether a process has a handler for the signal, from its /proc/PID/status (proc(5))."""
    for line in status.splitlines():
        name, _, mask = line.partition(":")
        if name == "SigCgt":
            return bool(int(mask.strip(), 16) >> (number - 1) & 1)
    return False
