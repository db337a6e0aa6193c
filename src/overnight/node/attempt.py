"""One attempt under way: starting it, following it, and its exit record.

Nothing here decides; `supervise` owns the order of things.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

from overnight.node import fs, gpus, identity, layout, processes, progress, shim

BACKLOG_BYTES = 256 * 1024
GPU_LOOK_S = 10.0
METRICS_FILE = "metrics.jsonl"


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
    os.symlink(os.path.join("attempts", str(number), "output.log"), temporary)
    os.replace(temporary, run.file("output.log"))


class Follower:
    """What is known of a living attempt: progress, resources, and whether it still lives."""

    def __init__(self, run: layout.Run, number: int, child_pid: int | None) -> None:
        self.run = run
        self.number = number
        self.folder = run.attempt(number)
        self.child_pid = child_pid
        self.tracker = progress.Tracker()
        self.usage: Any = None
        self.gpu_peak_mib: dict[str, int] = {}
        self.output_at = 0
        self.metrics_at = file_size(os.path.join(run.work, METRICS_FILE)) if child_pid else 0
        self.last_output_at: float | None = None
        self._gpus_looked_at = 0.0
        self._shim: identity.Identity | None = None

    def shim(self) -> identity.Identity | None:
        if self._shim is None:
            self._shim = identity.from_shim(fs.read_text(f"{self.folder}/shim"))
        return self._shim

    def reap(self) -> None:
        """Takes the shim's end, where it is our child, with the resources it and its own used."""
        if self.child_pid is None:
            return
        try:
            pid, _, usage = os.wait4(self.child_pid, os.WNOHANG)
        except ChildProcessError:
            self.child_pid = None
            return
        if pid:
            self.child_pid = None
            self.usage = usage

    def over(self) -> bool:
        """True when the attempt has ended: recorded by the shim, or nothing of it lives."""
        self.reap()
        if self.child_pid is not None:
            return False
        if shim.exit_code(self.folder) is not None:
            return True
        leader = self.shim()
        if leader is not None and identity.alive(leader):
            return False
        return not processes.of_attempt(self.folder)

    def look(self, now: float) -> None:
        """Reads what the training has written since the last look."""
        output = self.run.attempt(self.number, "output.log")
        chunk, self.output_at = read_new(output, self.output_at)
        if chunk:
            self.last_output_at = now
            self.tracker.feed(chunk, now)
        metrics = os.path.join(self.run.work, METRICS_FILE)
        chunk, self.metrics_at = read_new(metrics, self.metrics_at)
        if chunk:
            self.tracker.feed_jsonl(chunk, now)

    def look_at_gpus(self, uuids: list[str], every_s: float) -> None:
        """Keeps the peak of each GPU's memory, MiB, that our processes held."""
        if not uuids or time.monotonic() - self._gpus_looked_at < every_s:
            return
        self._gpus_looked_at = time.monotonic()
        ours = {target.pid for target in processes.of_attempt(self.folder)}
        for uuid, mib in gpus.memory_mib(gpus.query(), ours).items():
            self.gpu_peak_mib[uuid] = max(mib, self.gpu_peak_mib.get(uuid, 0))

    def beat(self, now: float) -> None:
        """The sign of life, with the progress so far."""
        value = {
            "time": now,
            "last_output_at": self.last_output_at,
            "output_bytes": self.output_at,
            "gpu_peak_mib": self.gpu_peak_mib,
            **self.tracker.to_dict(),
        }
        fs.publish_json(self.run.attempt(self.number, "heartbeat"), value, durable=False)

    def resources(self) -> dict[str, Any]:
        """CPU seconds and peak memory; empty where the shim was not our child."""
        if self.usage is None:
            return {}
        return {
            "user_s": round(self.usage.ru_utime, 3),
            "system_s": round(self.usage.ru_stime, 3),
            "max_rss_mib": self.usage.ru_maxrss // 1024,
        }


def read_new(path: str, offset: int) -> tuple[bytes, int]:
    """The bytes from `offset` on and the next offset; skips ahead where far behind.

    A file that has shrunk was started anew and is read from its beginning.
    """
    size = file_size(path)
    if size == offset:
        return b"", offset
    if size < offset:
        offset = 0
    offset = max(offset, size - BACKLOG_BYTES)
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            chunk = file.read(BACKLOG_BYTES)
    except OSError:
        return b"", offset
    return chunk, offset + len(chunk)


def file_size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def tail(path: str, limit: int) -> tuple[bytes, int]:
    """The last `limit` bytes from the start of a line on, and the number of lines before them.

    Lines are counted exactly in logs up to 64 MiB; in longer ones the count starts at the tail.
    """
    size = file_size(path)
    start = max(0, size - limit)
    try:
        with open(path, "rb") as file:
            before = 0
            if 0 < start <= 64 << 20:
                remaining = start
                while remaining > 0:
                    block = file.read(min(1 << 20, remaining))
                    if not block:
                        break
                    before += block.count(b"\n")
                    remaining -= len(block)
            file.seek(start)
            return file.read(limit), before
    except OSError:
        return b"", 0
