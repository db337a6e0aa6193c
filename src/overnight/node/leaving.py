"""Leaving a server: our crontab lines and the watch go, what was computed stays."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from overnight.node import cron, fs, identity, journal, layout, lock, processes, server, states

TERM_S = 3.0
STOP_S = 10.0
SPAWNED_S = 3.0  # a watch that waits for the lock gives up after one


def active(root: str) -> list[str]:
    """The runs of all projects that have not ended, as PROJECT/RUN."""
    return [
        f"{run.project}/{run.name}"
        for run in layout.runs(root)
        if journal.published(run)["state"] in states.ACTIVE
    ]


def leave(root: str) -> dict[str, Any]:
    """Takes out our crontab lines and ends the watch; says what is left on the disk."""
    return {"cron": cron.remove(root), "watch_stopped": stop_watch(root), **left(root)}


def left(root: str) -> dict[str, Any]:
    """{"root", "projects": {NAME: number of runs}}."""
    names = layout.names(os.path.join(root, "projects"))
    return {"root": root, "projects": {name: len(list(layout.runs(root, name))) for name in names}}


def stop_watch(root: str) -> bool:
    """Ends the watch and keeps another from starting meanwhile. True where none is left.

    Only the process that has signed as the watch of this root is signalled (law 6).
    """
    guard = lock.Lock(os.path.join(root, "watch.lock"))
    deadline = time.monotonic() + STOP_S
    while not guard.try_acquire():
        if time.monotonic() > deadline:
            return False
        end_signed(root)
        time.sleep(0.05)
    try:
        server.wait_for_started(SPAWNED_S)
        return True
    finally:
        guard.release()


def end_signed(root: str) -> None:
    target = identity.from_json(fs.read_json(os.path.join(root, "watch.json")))
    if target is None or not processes.send(target, signal.SIGTERM):
        return
    if not processes.wait_end(target, TERM_S):
        processes.send(target, signal.SIGKILL)
        processes.wait_end(target, TERM_S)
