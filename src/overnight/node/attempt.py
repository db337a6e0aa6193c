"""One attempt under way: starting it, following it, and its exit record.

Nothing here decides; `supervise` owns the order of things.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any, Callable

from overnight.node import (
    fs,
    identity,
    layout,
    preparation,
    primary,
    processes,
    progress,
    reading,
    relay,
    shim,
    states,
)

if TYPE_CHECKING:
    from overnight.node import gpus, lookout

BEAT_S = 1.0
HEARD_BYTES = 8192
GPU_LOOK_S = 10.0
LONGEST_GPU_LOOK_S = 60.0


def start(run: layout.Run, number: int, command: list[str], environment: dict[str, str]) -> int:
    """Starts the shim with the command in the run's work copy; returns the shim's pid.

    stdout and stderr are the file output.log, never a pipe to us: if we die, training does not.
    """
    folder = run.attempt(number)
    output = os.open(
        run.attempt(number, "output.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    )
    try:
        process = subprocess.Popen(
            shim.argv(folder, command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=run.work,
            env={**environment, layout.MARKER: folder},
            start_new_session=True,
        )
    finally:
        os.close(output)
    process.returncode = 0  # reaped in `Follower`, with its resource use
    return process.pid


def point_output(run: layout.Run, number: int) -> None:
    """runs/RUN/output.log always names the newest attempt's output."""
    temporary = run.file(f"output.log.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    os.symlink(os.path.join("attempts", str(number), "output.log"), temporary)
    os.replace(temporary, run.file("output.log"))


class Follower:
    """What is known of a living attempt: progress, resources, and whether it still lives.

    `child_pid` is the shim's where it is our child, and None where another supervisor started it.
    """

    def __init__(self, run: layout.Run, current: states.Attempt, child_pid: int | None) -> None:
        self.run = run
        self.number = current.n
        self.folder = run.attempt(current.n)
        self.gpus = current.gpus
        self.child_pid = child_pid
        self.tracker = progress.Tracker()
        self.tracker.primary = primary.wanted(
            (fs.read_json(run.file("spec.json")) or {}).get("metrics")
        )
        self.output_at = 0
        self.metrics_at = metrics_from(self.folder)
        beat = fs.read_json(f"{self.folder}/heartbeat") or {}
        self.heard = b""  # the end of the output that nobody has asked for yet
        self.heard_metrics = False
        self.table: gpus.Table | None = None  # the driver's last answer, until it is taken
        self.gpu_pids: set[int] = set()
        self.lookout: lookout.Lookout | None = None
        self.more: Callable[[], dict[str, Any]] = dict  # what else the heartbeat tells
        self.last_output_at: float | None = beat.get("last_output_at")
        self.sound_at: float | None = beat.get("sound_at")  # when the loss was last a good one
        self.gpu_peak_mib: dict[str, int] = beat.get("gpu_peak_mib") or {}
        self._began = time.monotonic() - max(0.0, time.time() - current.started_at)
        self._beaten_at = self._gpus_looked_at = float("-inf")
        self._relay = relay.of_attempt(self.folder)
        self._usage: Any = None
        self._shim_code: int | None = None
        self._shim: identity.Identity | None = None
        self._orphans: list[identity.Identity] = []

    def shim(self) -> identity.Identity | None:
        if self._shim is None:
            self._shim = shim.leader(self.folder)
        return self._shim

    def reap(self) -> None:
        """Takes the shim's end, where it is our child, with the resources it and its own used."""
        if self.child_pid is None:
            return
        try:
            pid, status, usage = os.wait4(self.child_pid, os.WNOHANG)
        except ChildProcessError:
            self.child_pid = None
            return
        if pid:
            self.child_pid = None
            self._usage = usage
            self._shim_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None

    def over(self) -> bool:
        """True when the attempt has ended: recorded by the shim, or its command lives no more."""
        self.reap()
        if self.child_pid is not None:
            return False
        if shim.exit_code(self.folder) is not None:
            return True
        leader = self.shim()
        if leader is not None and identity.alive(leader):
            return False
        return not self.orphaned()

    def orphaned(self) -> bool:
        """Whether the command goes on without its shim.

        Where the command is not known, any process of the attempt counts; all of /proc is read
        only when those found before have ended.
        """
        command = shim.command(self.folder)
        if command is not None:
            return identity.alive(command)
        self._orphans = [each for each in self._orphans if identity.alive(each)]
        self._orphans = self._orphans or processes.of_attempt(self.folder)
        return bool(self._orphans)

    def exit_code(self) -> int | None:
        """As the shim wrote it, or as it ended itself where the disk had no room for that."""
        written = shim.exit_code(self.folder)
        if written is None and self.shim() is not None:
            return self._shim_code
        return written

    def never_began(self) -> bool:
        """True where our shim ended without having started the command."""
        return self.shim() is None and self._shim_code == shim.NOT_STARTED

    def age_s(self) -> float:
        """Seconds since it started, by a clock that nobody sets."""
        return time.monotonic() - self._began

    def attend(self, gpu_look_s: float) -> None:
        """Once a second: reads what is new, at times looks at the GPUs, gives a sign of life."""
        if time.monotonic() - self._beaten_at < BEAT_S:
            return
        self._beaten_at = time.monotonic()
        self.look()
        if time.monotonic() - self._gpus_looked_at >= gpu_look_s:
            self.look_at_gpus()
        self.beat()

    def look(self) -> None:
        """Reads what the training has written since the last look."""
        if self._relay is not None:
            self._relay.copy()
        chunk, self.output_at = reading.new(f"{self.folder}/output.log", self.output_at)
        if chunk:
            self.last_output_at = time.time()
            self.heard = (self.heard + chunk)[-HEARD_BYTES:]
            self.tracker.feed(chunk, time.monotonic())
        metrics = os.path.join(self.run.work, preparation.METRICS_FILE)
        chunk, self.metrics_at = reading.new(metrics, self.metrics_at)
        if chunk:
            self.heard_metrics = True
            self.tracker.feed_jsonl(chunk, time.monotonic())
        if self.tracker.sanity.is_sound():
            self.sound_at = time.time()

    def look_at_gpus(self) -> None:
        """Keeps the peak of each GPU's memory, MiB, that our processes held."""
        if not self.gpus:
            return
        from overnight.node import gpus

        self._gpus_looked_at = time.monotonic()
        self.gpu_pids = {target.pid for target in processes.of_attempt(self.folder)}
        self.table = gpus.query()
        for uuid, mib in gpus.memory_mib(self.table, self.gpu_pids).items():
            self.gpu_peak_mib[uuid] = max(mib, self.gpu_peak_mib.get(uuid, 0))

    def beat(self) -> None:
        """The sign of life, with the progress so far. Where the disk is full there is none."""
        value = {
            "time": time.time(),
            "last_output_at": self.last_output_at,
            "output_bytes": self.output_at,
            "sound_at": self.sound_at,
            "gpu_peak_mib": self.gpu_peak_mib,
            **self.tracker.to_dict(time.monotonic()),
            **({"relayed": self._relay.offsets} if self._relay is not None else {}),
            **self.more(),
        }
        with contextlib.suppress(OSError):
            fs.publish_json(f"{self.folder}/heartbeat", value, durable=False)

    def close(self) -> None:
        """Reads the last lines, also one without an end."""
        if self._relay is not None:
            self._relay.finish()
        self.look()
        self.tracker.finish(time.monotonic())
        self.beat()

    def resources(self) -> dict[str, Any]:
        """CPU seconds and peak memory; empty where the shim was not our child."""
        if self._usage is None:
            return {}
        return {
            "user_s": round(self._usage.ru_utime, 3),
            "system_s": round(self._usage.ru_stime, 3),
            "max_rss_mib": self._usage.ru_maxrss // 1024,
        }


def metrics_from(folder: str) -> int:
    """Where the attempt's own lines in metrics.jsonl begin."""
    return int((fs.read_json(f"{folder}/start.json") or {}).get("metrics_from", 0))
