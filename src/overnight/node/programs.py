"""Asking a program of the server something, for a limited time."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Mapping, NamedTuple


class Answer(NamedTuple):
    """`code` is None where the program did not end within its time."""

    code: int | None
    out: str
    err: str


def ask(
    argv: list[str],
    *,
    timeout_s: float,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Answer:
    """Runs `argv` to its end. OSError where it cannot be started.

    After `timeout_s` its whole process group is killed. A program that even SIGKILL does not end
    (one stuck in a driver) is left behind: we never wait for it.
    """
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        abandon(process)
        return Answer(None, "", "")
    return Answer(
        process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
    )


def abandon(process: subprocess.Popen[bytes]) -> None:
    """The child is not reaped yet, so its pid is still its own and the group is ours to kill."""
    os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    try:
        process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        process.returncode = -signal.SIGKILL  # the kernel will end it; nothing more to do here
