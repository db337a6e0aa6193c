"""`watch`: one per user and server. Takes up runs whose supervisor is gone, also after a reboot.

Started by whoever finds it missing (a pipe, a launch, cron); ends by itself when no run is active.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any, NamedTuple

from overnight.node import (
    fs,
    identity,
    journal,
    keeper,
    layout,
    lock,
    machine,
    post,
    processes,
    reading,
    server,
    states,
    sweeps,
    waiting,
    wake,
)

ROUND_S = 2.0
HOT_ROUND_S = 0.5  # while something waits and something has just changed
HOT_S = 6.0
SAMPLE_S = 5.0  # labmates come and go
STOPPED_LOOK_S = 10.0
LONGEST_PAUSE_S = 300.0


def main(root: str) -> None:
    root = layout.expand_root(root)
    if machine.other(root):
        return
    guard = lock.Lock(os.path.join(root, "watch.lock"))
    alarm = wake.Wake()
    while taken(guard):
        sign(root)
        watch = Watch(root)
        while watch.look_after():
            alarm.wait(watch.pause_s())
            server.reap()
        guard.release()
        # Whoever launched a run before this moment saw us at work and started nobody.
        if not watch.active():
            return


def sign(root: str) -> None:
    """Says who the watch is from now on, for whoever has to end it."""
    with contextlib.suppress(OSError):
        me = list(identity.mine())
        fs.publish_json(os.path.join(root, "watch.json"), me, durable=False)


def taken(guard: lock.Lock) -> bool:
    try:
        guard.acquire(timeout_s=1.0)
    except TimeoutError:
        return False
    return True


class Trial(NamedTuple):
    """When a supervisor was started last, and how long not to start another (s, monotonic)."""

    at: float
    pause_s: float


class Watch:
    """Looks after the active runs of a server, round after round."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.post = post.Post(root)
        self.sweeps = sweeps.Net(root)
        self.since = time.time()
        self.before = fs.read_json(summary_path(root)) or {}
        self._known: dict[layout.Run, post.Known] = {}
        self._trials: dict[layout.Run, Trial] = {}
        self._in_slurm: dict[layout.Run, bool] = {}  # a spec never changes
        self._published: dict[layout.Run, int] = {}  # so many bytes of its events
        self._woken_at = self._turned_at = self._hot_until = float("-inf")
        self._memory: Any = None

    def look_after(self) -> bool:
        """One round over all runs; False where nothing is left to do."""
        on_list = set(waiting.listed(self.root))
        self.catch_up(on_list)
        runs = self.active()
        self.list_missing(on_list)
        self.wake_stopped(runs)
        for run in runs:
            with contextlib.suppress(OSError):  # one broken run must not leave the others alone
                self.supervise(run)
        self.take_turn()
        self.summarise(runs)
        is_behind = self.sweeps.attend(self._known)  # first, a message tells of the table
        return self.post.attend(self._known) or is_behind or bool(runs)

    def catch_up(self, on_list: set[layout.Run]) -> None:
        """Publishes what events say of which state.json does not tell.

        Whoever wrote them was killed in between, or the disk was full; nobody else would notice of
        a run without a supervisor.
        """
        for run in on_list:
            size = reading.size(run.file("events.jsonl"))
            if size == self._published.get(run, 0):
                continue
            with contextlib.suppress(OSError):
                if lock.is_free(run.file("events.lock")):  # else somebody is at it, for long maybe
                    journal.Journal(run).publish()
                    self._published[run] = size

    def list_missing(self, on_list: set[layout.Run]) -> None:
        """Whose entry was lost joins the list of the queue again.

        Also a run that goes on: what is not on the list seems to hold no GPU.
        """
        for run, each in self._known.items():
            if each.state in states.ACTIVE and run not in on_list and not self.in_slurm(run):
                with contextlib.suppress(OSError):
                    waiting.note(run, fs.read_json(run.file("spec.json")) or {})

    def active(self) -> list[layout.Run]:
        """The runs that have not ended. state.json is read only where it has changed."""
        known = {}
        for run in layout.runs(self.root):
            with contextlib.suppress(OSError):
                known[run] = self.known(run)
        if known != self._known:
            self._hot_until = time.monotonic() + HOT_S
        self._known = known
        return [run for run, each in known.items() if each.state in states.ACTIVE]

    def known(self, run: layout.Run) -> post.Known:
        stamp = fs.stamp(run.file("state.json"))
        before = self._known.get(run)
        if before is not None and before.stamp == stamp:
            return before
        found = journal.published(run)
        changed_at = float(found.get("changed_at") or 0.0)
        return post.Known(stamp, str(found["state"]), changed_at, states.is_idle(found))

    def idle(self) -> list[layout.Run]:
        """Those that wait for their turn here, and not in Slurm's queue."""
        idle = [run for run, each in self._known.items() if each.is_idle]
        return [run for run in idle if not self.in_slurm(run)]

    def in_slurm(self, run: layout.Run) -> bool:
        if run not in self._in_slurm:
            self._in_slurm[run] = bool((fs.read_json(run.file("spec.json")) or {}).get("slurm"))
        return self._in_slurm[run]

    def pause_s(self) -> float:
        return HOT_ROUND_S if self.is_hot() and self.idle() else ROUND_S

    def is_hot(self) -> bool:
        return time.monotonic() < self._hot_until

    def take_turn(self) -> None:
        """Starts what waits, where there is room."""
        if not self.idle() or not self.is_turn():
            return
        from overnight.node import outlook, turns  # a watch over runs that all go on does without

        self._turned_at = time.monotonic()
        self._memory = self._memory or turns.Memory()
        with contextlib.suppress(OSError):  # also a lock that is held for long
            turns.turn(self.root, self._memory)
            outlook.attend(self.root, self._memory)

    def is_turn(self) -> bool:
        return self.is_hot() or time.monotonic() - self._turned_at >= SAMPLE_S

    def supervise(self, run: layout.Run) -> None:
        """Starts a missing supervisor; one that dies at once is started less and less often."""
        if self.in_slurm(run):
            keeper.see_to(run, fs.read_json(run.file("spec.json")) or {}, journal.state(run))
            return
        if self._known[run].is_idle:
            return
        trial = self._trials.get(run, Trial(float("-inf"), 0.0))
        now = time.monotonic()
        if now - trial.at < trial.pause_s or not server.ensure_supervisor(run):
            return
        lived = now - trial.at > max(trial.pause_s, ROUND_S) * 2
        pause_s = ROUND_S if lived else min(2 * trial.pause_s, LONGEST_PAUSE_S)
        self._trials[run] = Trial(now, pause_s)

    def wake_stopped(self, runs: list[layout.Run]) -> None:
        """A supervisor that somebody stopped (SIGSTOP) holds its lock and mends nothing."""
        if time.monotonic() - self._woken_at < STOPPED_LOOK_S:
            return
        self._woken_at = time.monotonic()
        for run in runs:
            signed = identity.from_json(fs.read_json(run.file("supervisor.json")))
            found = identity.stat(signed.pid) if signed is not None else None
            if signed is not None and found is not None and found.state in "Tt":
                processes.send(signed, signal.SIGCONT)

    def summarise(self, runs: list[layout.Run]) -> None:
        """summary.json of the whole server; its time says how old it is.

        `rebooted_at`: when a watch first found that the machine had been started anew.
        """
        boot = identity.boot_id()
        rebooted = self.before.get("boot_id") not in (None, boot)
        value = {
            "time": time.time(),
            "boot_id": boot,
            "rebooted_at": self.since if rebooted else self.before.get("rebooted_at"),
            "watch": {"identity": list(identity.mine()), "since": self.since},
            "active": [self.line(run) for run in runs],
        }
        with contextlib.suppress(OSError):
            fs.publish_json(summary_path(self.root), value, durable=False)

    def line(self, run: layout.Run) -> dict[str, Any]:
        """`beat_at`: the run's last sign of life (Unix time), null where it has not begun."""
        attempts = layout.names(run.file("attempts"))
        newest = max((int(name) for name in attempts if name.isdigit()), default=0)
        beat = fs.stamp(run.attempt(newest, "heartbeat"))[0] if newest else 0
        return {
            "project": run.project,
            "run": run.name,
            "state": self._known[run].state,
            "attempt": newest,
            "beat_at": beat / 1e9 or None,
        }


def summary_path(root: str) -> str:
    return os.path.join(root, "summary.json")
