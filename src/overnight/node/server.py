"""Starting our own processes on this server, each at most once."""

from __future__ import annotations

import os
import subprocess
import sys

from overnight.node import layout, lock


def node_folder() -> str:
    """The folder (or archive) from which this node runs."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def entry() -> list[str]:
    """The command line of this node, without a verb."""
    return [sys.executable, "-S", "-E", "-c", BOOT, node_folder()]


# -S and -E keep the user's site-packages and PYTHON* variables out; imports are light and safe.
BOOT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from overnight.node.main import main; main()"
)


started: list[int] = []


def spawn(arguments: list[str], log: str) -> int:
    """Starts a process of ours in its own session; its talk goes to the file `log`. The pid."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [*entry(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
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
        try:
            gone, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            gone = pid
        if gone:
            started.remove(pid)


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
