"""`watch`: one per user and server. Takes up runs whose supervisor is gone, also after a reboot.

Started by whoever finds it missing (a pipe, a launch, cron); ends by itself when no run is active.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import NamedTuple

from overnight.node import fs, identity, journal, layout, lock, server, states

ROUND_S = 2.0
LONGEST_PAUSE_S = 300.0


def main(root: str) -> None:
    root = layout.expand_root(root)
    guard = lock.Lock(os.path.join(root, "watch.lock"))
    while taken(guard):
        watch = Watch(root)
        while watch.look_after():
            time.sleep(ROUND_S)
            server.reap()
        guard.release()
        # Whoever launched a run before this moment saw us at work and started nobody.
        if not watch.active():
            return


def taken(guard: lock.Lock) -> bool:
    try:
        guard.acquire(timeout_s=1.0)
    except TimeoutError:
        return False
    return True


class Known(NamedTuple):
    """What state.json said when it looked like `stamp`."""

    stamp: tuple[int, int]
    state: str


class Trial(NamedTuple):
    """When a supervisor was started last, and how long not to start another (s, monotonic)."""

    at: float
    pause_s: float


class Watch:
    """Looks after the active runs of a server, round after round."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._known: dict[layout.Run, Known] = {}
        self._trials: dict[layout.Run, Trial] = {}

    def look_after(self) -> int:
        """One round over all active runs; returns how many there are."""
        runs = self.active()
        for run in runs:
            with contextlib.suppress(OSError):  # one broken run must not leave the others alone
                self.supervise(run)
        self.summarise(runs)
        return len(runs)

    def active(self) -> list[layout.Run]:
        """The runs that have not ended. state.json is read only where it has changed."""
        known = {}
        for run in layout.runs(self.root):
            stamp = stamp_of(run.file("state.json"))
            before = self._known.get(run)
            if before is not None and before.stamp == stamp:
                known[run] = before
            else:
                known[run] = Known(stamp, str(journal.published(run)["state"]))
        self._known = known
        return [run for run, each in known.items() if each.state in states.ACTIVE]

    def supervise(self, run: layout.Run) -> None:
        """Starts a missing supervisor; one that dies at once is started less and less often."""
        trial = self._trials.get(run, Trial(float("-inf"), 0.0))
        now = time.monotonic()
        if now - trial.at < trial.pause_s or not server.ensure_supervisor(run):
            return
        lived = now - trial.at > max(trial.pause_s, ROUND_S) * 2
        pause_s = ROUND_S if lived else min(2 * trial.pause_s, LONGEST_PAUSE_S)
        self._trials[run] = Trial(now, pause_s)

    def summarise(self, runs: list[layout.Run]) -> None:
        """summary.json of the whole server; its time says how old it is."""
        active = [
            {"project": run.project, "run": run.name, "state": self._known[run].state}
            for run in runs
        ]
        value = {"time": time.time(), "boot_id": identity.boot_id(), "active": active}
        with contextlib.suppress(OSError):
            path = os.path.join(self.root, "summary.json")
            fs.publish_json(path, value, durable=False)


def stamp_of(path: str) -> tuple[int, int]:
    """Changes whenever the file is replaced; (0, 0) where there is none."""
    try:
        seen = os.stat(path)
    except OSError:
        return 0, 0
    return seen.st_mtime_ns, seen.st_ino
