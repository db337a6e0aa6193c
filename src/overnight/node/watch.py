"""`watch`: one per user and server. Takes up runs whose supervisor is gone, also after a reboot.

Started by whoever finds it missing (a pipe, a launch, cron); ends by itself when no run is active.
"""

from __future__ import annotations

import os
import time

from overnight.node import fs, identity, journal, layout, lock, requests, server

ROUND_S = 2.0


def main(root: str) -> None:
    root = layout.expand_root(root)
    guard = lock.Lock(os.path.join(root, "watch.lock"))
    try:
        guard.acquire(timeout_s=1.0)
    except TimeoutError:
        return
    while look_after(root):
        time.sleep(ROUND_S)
        server.reap()


def look_after(root: str) -> int:
    """One round over all active runs; returns how many there are."""
    runs = list(requests.active(root))
    for run in runs:
        server.ensure_supervisor(run)
    summarise(root, runs)
    return len(runs)


def summarise(root: str, runs: list[layout.Run]) -> None:
    """summary.json of the whole server; its time says how old it is."""
    active = [
        {"project": run.project, "run": run.name, "state": journal.state(run).state} for run in runs
    ]
    fs.publish_json(
        os.path.join(root, "summary.json"),
        {"time": time.time(), "boot_id": identity.boot_id(), "active": active},
        durable=False,
    )
