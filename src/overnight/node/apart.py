"""Doing something in a process of its own that is gone afterwards, with the memory that it took.

A supervisor stays small for a whole night, and whatever a damaged file does to the function does
not happen to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from typing import Any, Callable, NoReturn

from overnight.node import fs

KILLED_S = 1.0  # by then SIGKILL has ended what it can end

left_behind: list[int] = []  # our children that are not reaped yet


class FailedError(Exception):
    """The function raised something, or its process died. The text says what, for people."""


def call(function: Callable[[], Any], *, limit_s: float | None = None) -> Any:
    """What `function` returns, which must be a JSON value. After `limit_s` its process is ended.

    A process that even SIGKILL does not end (one stuck in a driver) is left behind: we never wait
    for it.
    """
    reap(0.0)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        answer(function, write_end)
    os.close(write_end)
    left_behind.append(child)
    with open(read_end, "rb") as answers:
        if limit_s is not None and not select.select([answers], [], [], limit_s)[0]:
            os.kill(child, signal.SIGKILL)  # not reaped yet, so the pid is still its own
            reap(KILLED_S)
            raise FailedError(f"it took longer than {limit_s:g} s")
        text = answers.read()
    os.waitpid(child, 0)
    left_behind.remove(child)
    said = json.loads(text) if text else {"error": "its process died"}
    if "error" in said:
        raise FailedError(said["error"])
    return said["value"]


def reap(timeout_s: float) -> None:
    """Takes the ends of those that were killed, as far as they have ended by then."""
    deadline = time.monotonic() + timeout_s
    while True:
        for child in list(left_behind):
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(child, os.WNOHANG)[0] == 0:
                    continue
            left_behind.remove(child)
        if not left_behind or time.monotonic() >= deadline:
            return
        time.sleep(0.01)


def answer(function: Callable[[], Any], write_end: int) -> NoReturn:
    """What the child does."""
    try:
        close_all_but(write_end)
        be_silent(write_end)
        with open(write_end, "wb") as answers:
            answers.write(fs.dump(outcome(function)))
    finally:
        os._exit(0)


def outcome(function: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"value": function()}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def close_all_but(kept: int) -> None:
    """The locks of the parent must not outlive it in its child."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def be_silent(kept: int) -> None:
    """What a library prints must not get into a pipe of the parent, nor keep that open."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in {0, 1, 2} - {kept}:
        os.dup2(nothing, fd)
