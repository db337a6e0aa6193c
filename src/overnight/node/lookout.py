"""Looks at a living attempt with the eyes of this machine, and hands what it sees to the vigil.

Each kind of look has its own pace, so that a supervisor costs next to nothing: what is new in the
output once a second, the outputs every ten seconds, disks and memory every half minute, and the
processes only where the run has been silent for long.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any, Callable, Iterable, Sequence

from overnight.node import (
    attempt,
    fs,
    growth,
    identity,
    kernel,
    notices,
    phases,
    processes,
    seeing,
    shim,
    vigil,
    vitals,
    waiting,
)

if TYPE_CHECKING:  # loaded only where a run has GPUs
    from overnight.node import gpu_faults, gpus, kernel_log

LOOK_S = 1.0
SURROUNDINGS_S = 30.0
LOG_S = 60.0
HEALTH_S = 1800.0
QUIET_S = 5.0
COST_SHARE = 0.002  # of the time goes into reading processes, at most
MOST_FAULTS = 20


class Lookout:
    """The eyes of one attempt. `told`: the kinds of notices that were told of it before."""

    def __init__(
        self, follower: attempt.Follower, spec: dict[str, Any], told: Iterable[str] = ()
    ) -> None:
        self.follower = follower
        self.settings = seeing.of(spec)
        rules = waiting.ruled(follower.run, waiting.wish_of(spec)).sharing
        self.free_users = tuple(rules.get("free_users") or ())
        now = time.monotonic()
        prior_s = setup_before(follower)
        self.vigil = vigil.Vigil(self.settings, now, prior_s, told)
        work = follower.run.work
        self.roots = [os.path.join(work, name) for name in spec.get("outputs") or ["."]]
        self.outputs = growth.Outputs(self.roots)
        self.redraws = phases.Redraws()
        self.kernel_log: kernel_log.Log | None = None
        self.faults: list[str] = []
        self.healths: dict[str, gpu_faults.Health] = {}
        self.known_pids: set[int] = set()
        self.evidence: dict[str, Any] = {}
        self._due: dict[str, float] = {}
        self._sample: vitals.Sample | None = None
        self._command_stopped = False
        self._advanced_at: float | None = None
        self._oom_base = self._read_oom_base()
        follower.more = lambda: {"patience": self.to_dict()}

    # -- a look -------------------------------------------------------------------------------

    def look(self) -> vigil.Findings:
        """At most once a second; nothing is found in between."""
        now = time.monotonic()
        if not self._is_due("look", now, LOOK_S):
            return vigil.Findings()
        heard, chunk = self._heard()
        step = self._step(chunk)
        surroundings = self._is_due("surroundings", now, SURROUNDINGS_S)
        activity, suspended = self._activity(now)
        return self.vigil.look(
            vigil.Look(
                now=now,
                age_s=self.follower.age_s(),
                heard=heard,
                step=step,
                loss=self._loss(),
                files=self.outputs.look(now),
                activity=activity,
                suspended=suspended,
                gpus=self._gpus(),
                disks=self._disks() if surroundings else (),
                memory=self._memory() if surroundings else None,
                oom_kills=self._oom_kills()[0] if surroundings else 0,
                faults=self._new_faults(now),
            )
        )

    def _is_due(self, what: str, now: float, every_s: float) -> bool:
        if now < self._due.get(what, float("-inf")):
            return False
        self._due[what] = now + every_s
        return True

    def _heard(self) -> tuple[bool, bytes]:
        """Whether there is new output, and its end. metrics.jsonl counts as output."""
        chunk, also = self.follower.heard, self.follower.heard_metrics
        self.follower.heard, self.follower.heard_metrics = b"", False
        return also or (bool(chunk) and not self.redraws.is_only_one(chunk)), chunk

    def _step(self, chunk: bytes) -> vigil.Step:
        tracker = self.follower.tracker
        advanced = tracker.advanced_at is not None and tracker.advanced_at != self._advanced_at
        self._advanced_at = tracker.advanced_at
        return vigil.Step(
            advanced=advanced,
            axis=tracker.axis(),
            left=tracker.steps_to_pause(),
            announced=phases.announced(chunk, advanced) if chunk else None,
            finished=tracker.is_at_end(),
            has_loss=tracker.loss is not None,
        )

    def _loss(self) -> vigil.Loss:
        sane = self.follower.tracker.sanity
        lost = sane.is_lost(self.settings.nan_values)
        diverging = not lost and sane.is_diverging()
        facts = {"since": sane.since, "before": sane.before} if lost or diverging else {}
        return vigil.Loss(lost, diverging, facts)

    # -- processes ----------------------------------------------------------------------------

    def _activity(self, now: float) -> tuple[vitals.Activity | None, bool]:
        """What the processes did since the last sample, and whether one of them is stopped."""
        if self.vigil.silent_s() < QUIET_S and not self.vigil.wants_vitals():
            self._sample, self._command_stopped = None, False
            return None, False
        if self._is_due("command", now, QUIET_S):
            self._command_stopped = self._command_is_stopped()
        suspended = self._command_stopped
        if self._sample is not None:
            suspended = suspended or any(map(is_stopped, self._sample.suspended))
        if not self.vigil.wants_vitals():
            return None, suspended
        if not self._is_due("vitals", now, self.vigil.vitals_every_s()):
            return None, suspended
        before, self._sample = self._sample, self._take_sample(now)
        suspended = suspended or bool(self._sample.suspended)
        return (vitals.between(before, self._sample) if before else None), suspended

    def _take_sample(self, now: float) -> vitals.Sample:
        began = time.thread_time()
        targets = self.others()
        found = vitals.sample(targets, now)
        took_s = time.thread_time() - began
        self._due["vitals"] = max(self._due["vitals"], now + took_s / COST_SHARE)
        self.known_pids.update(found.processes)
        return found

    def others(self) -> list[identity.Identity]:
        """The attempt's processes without the shim, which only waits."""
        leader = self.follower.shim()
        return [each for each in processes.of_attempt(self.follower.folder) if each != leader]

    def _command_is_stopped(self) -> bool:
        command = shim.command(self.follower.folder)
        return command is not None and is_stopped(command.pid)

    # -- surroundings -------------------------------------------------------------------------

    def _gpus(self) -> tuple[notices.GpuSight, ...] | None:
        """Only where the follower has asked the driver anew."""
        table, self.follower.table = self.follower.table, None
        if table is None:
            return None
        if table.problem:
            from overnight.node import gpu_faults

            self._keep_faults(gpu_faults.of_table(table, self.follower.gpus))
            return None
        ours = self.follower.gpu_pids
        self.known_pids.update(ours)
        return tuple(
            notices.GpuSight(
                gpu.uuid,
                gpu.index,
                gpu.utilization,
                foreign(gpu, ours, self.free_users),
            )
            for gpu in table.gpus
            if gpu.uuid in self.follower.gpus
        )

    def _disks(self) -> tuple[notices.Disk, ...]:
        """Each file system that the run writes to, once."""
        found: dict[int, notices.Disk] = {}
        for path in [self.follower.run.work, *self.roots]:
            with contextlib.suppress(OSError):
                device = os.stat(path).st_dev
                if device not in found:
                    found[device] = disk_of(os.path.normpath(path))
        return tuple(found.values())

    def _memory(self) -> kernel.Memory:
        command = shim.command(self.follower.folder) or self.follower.shim()
        return kernel.memory_of(command.pid if command else os.getpid())

    def _oom_kills(self) -> tuple[int, int]:
        """Processes killed for memory since the attempt began: of our cgroup, of the machine."""
        now = oom_counters()
        return max(0, now[0] - self._oom_base[0]), max(0, now[1] - self._oom_base[1])

    def _read_oom_base(self) -> tuple[int, int]:
        """The counters when the attempt began; kept for a supervisor that takes it over."""
        path = f"{self.follower.folder}/watched.json"
        known = fs.read_json(path)
        if isinstance(known, list) and len(known) == 2 and all(isinstance(n, int) for n in known):
            return known[0], known[1]
        base = oom_counters()
        with contextlib.suppress(OSError):
            fs.publish_json(path, list(base), durable=False)
        return base

    def _new_faults(self, now: float) -> tuple[str, ...]:
        if not self.follower.gpus:
            return ()
        known = len(self.faults)
        if self._is_due("health", now, HEALTH_S):
            self._check_health()
        if self._is_due("log", now, LOG_S):
            self._read_kernel_log()
        return tuple(self.faults[known:])

    def _check_health(self) -> None:
        from overnight.node import gpu_faults

        healths = gpu_faults.query()
        self._keep_faults(gpu_faults.new_errors(self.healths, healths, self.follower.gpus))
        self.healths = healths or self.healths

    def _read_kernel_log(self) -> None:
        from overnight.node import gpu_faults, kernel_log

        self.kernel_log = self.kernel_log or kernel_log.Log()
        xids = kernel_log.xids([each.text for each in self.kernel_log.new()])
        self._keep_faults(gpu_faults.ours(xids, self.known_pids, self.healths, self.follower.gpus))

    def _keep_faults(self, found: list[str]) -> None:
        self.faults += [each for each in found if each not in self.faults]
        del self.faults[MOST_FAULTS:]

    # -- the end ------------------------------------------------------------------------------

    def keep_evidence(
        self, verdict: vigil.Verdict, scrub: Callable[[bytes], bytes]
    ) -> dict[str, Any]:
        """Before the attempt is ended: writes down who waits where. Bounded in time and size."""
        from overnight.node import witness  # needed seldom

        value = {"cause": verdict.cause, "text": verdict.text, "facts": verdict.facts}
        names: list[str] = []
        if verdict.cause != "contended":  # who is there is all that matters, and they wait
            with contextlib.suppress(OSError):
                names = witness.keep(self.follower, self.others(), scrub)
        self.evidence = {**value, "files": names}
        return self.evidence

    def last_words(self) -> dict[str, Any]:
        """For the exit record: what kernel and driver say in the end, and the evidence kept."""
        if self.follower.gpus:
            self._read_kernel_log()
            if self.healths:
                self._check_health()
        if self.kernel_log is not None:
            self.kernel_log.close()
        ours, system = self._oom_kills()
        return {
            "oom_kills": ours,
            "system_oom_kills": system,
            "oom_lines": self._oom_lines() if ours or system else [],
            "gpu_faults": list(self.faults),
            "evidence": self.evidence,
        }

    def _oom_lines(self) -> list[str]:
        from overnight.node import kernel_log

        return kernel_log.oom_lines(self.follower.age_s())

    def to_dict(self) -> dict[str, Any]:
        """For the heartbeat."""
        return self.vigil.patience.to_dict(self.vigil.clock, self.vigil.busy)


def setup_before(follower: attempt.Follower) -> float:
    """The longest silence of the set-up of the attempt before, seconds."""
    if follower.number < 2:
        return 0.0
    beat = fs.read_json(follower.run.attempt(follower.number - 1, "heartbeat")) or {}
    known = (beat.get("patience") or {}).get("setup_s")
    return float(known) if isinstance(known, (int, float)) else 0.0


def is_stopped(pid: int) -> bool:
    found = identity.stat(pid)
    return found is not None and found.state in vitals.SUSPENDED


def foreign(
    gpu: gpus.Gpu, ours: set[int], free_users: Sequence[str]
) -> tuple[tuple[int, int | None], ...]:
    """(pid, MiB) of those who compute or render on a GPU and are somebody else."""
    from overnight.node import gpus, owners

    return tuple(
        (app.pid, app.used_mib)
        for app in gpu.apps
        if is_foreign(app.pid, ours)
        and not gpus.only_shows(app)
        and not (free_users and owners.user_name(processes.owner(app.pid)) in free_users)
    )


def is_foreign(pid: int, ours: set[int]) -> bool:
    """Somebody else's: not the run's, and of another user. Processes that cannot be seen are not
    counted: they may be ours in a container.
    """
    return pid not in ours and processes.owner(pid) not in (os.getuid(), -1)


def disk_of(path: str) -> notices.Disk:
    state = os.statvfs(path)
    return notices.Disk(path, state.f_bavail * state.f_frsize, state.f_blocks * state.f_frsize)


def oom_counters() -> tuple[int, int]:
    """Of the cgroup that this supervisor and its run live in, and of the machine."""
    return kernel.memory_of(os.getpid()).oom_kills or 0, kernel.system_oom_kills() or 0
