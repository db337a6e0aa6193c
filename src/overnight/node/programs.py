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


class Said(NamedTuple):
    """As `Answer`, with the very bytes."""

    code: int | None
    out: bytes
    err: bytes


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
    said = ask_bytes(argv, timeout_s=timeout_s, cwd=cwd, env=env)
    return Answer(
        said.code, said.out.decode("utf-8", "replace"), said.err.decode("utf-8", "replace")
    )


def ask_bytes(
    argv: list[str],
    *,
    timeout_s: float,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Said:
    """As `ask`, for answers that must stay what they are."""
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
        return Said(None, b"", b"")
    return Said(process.returncode, out, err)


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
