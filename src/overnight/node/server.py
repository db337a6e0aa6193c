"""Starting our own processes on this server, each at most once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

from overnight.node import layout, lock


def node_folder() -> str:
    """The folder (or archive) from which this node runs."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def entry() -> list[str]:
    """The command line of this node, without a verb. Where we write no bytecode, it does not."""
    bytecode = ["-B"] if sys.dont_write_bytecode else []
    return [sys.executable, "-X", "utf8", "-S", "-E", *bytecode, "-c", BOOT, node_folder()]


# -S and -E keep the user's site-packages and PYTHON* variables out; imports are light and safe.
# -X utf8: whatever the locale, texts become the bytes that the laptop meant.
BOOT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from overnight.node.main import main; main()"
)


started: list[int] = []


def spawn(arguments: list[str], log: str, *, marker: str | None = None) -> int:
    """Starts a process of ours in its own session; its talk goes to the file `log`. The pid.

    It carries no marker but its own: a node that was called by a training is no part of it.
    """
    variables = {key: value for key, value in os.environ.items() if key != layout.MARKER}
    if marker is not None:
        variables[layout.MARKER] = marker
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [*entry(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            env=variables,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    process.returncode = 0  # `reap` waits for it, if it ends before we do
    started.append(process.pid)
    return process.pid


def reap() -> None:
    """Lets go of the processes that we started and that have ended."""
    for pid in list(started):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
        started.remove(pid)


def wait_for_started(timeout_s: float) -> bool:
    """Waits for the end of all that we started; False where something still runs."""
    deadline = time.monotonic() + timeout_s
    while True:
        reap()
        if not started or time.monotonic() > deadline:
            return not started
        time.sleep(0.05)


def ensure_supervisor(run: layout.Run) -> bool:
    """Starts the supervisor of a run where none holds its lock. True where one was started."""
    if not lock.is_free(run.file("supervisor.lock")):
        return False
    spawn(["supervise", run.root, run.project, run.name], run.file("supervisor.log"))
    return True


def ensure_watch(root: str) -> bool:
    """Starts the watch of this server where none holds its lock. True where one was started."""
    if not lock.is_free(os.path.join(root, "watch.lock")):
        return False
    spawn(["watch", root], os.path.join(root, "watch.log"))
    return True
