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
from typing import Any, Callable, NoReturn

from overnight.node import fs


class FailedError(Exception):
    """The function raised something, or its process died. The text says what, for people."""


def call(function: Callable[[], Any], *, limit_s: float | None = None) -> Any:
    """What `function` returns, which must be a JSON value. After `limit_s` its process is ended."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        answer(function, write_end)
    os.close(write_end)
    is_late = False
    with open(read_end, "rb") as answers:
        if limit_s is not None and not select.select([answers], [], [], limit_s)[0]:
            is_late = True
            os.kill(child, signal.SIGKILL)  # not reaped yet, so the pid is still its own
        text = answers.read()
    os.waitpid(child, 0)
    why = f"it took longer than {limit_s:g} s" if is_late else "its process died"
    said = json.loads(text) if text and not is_late else {"error": why}
    if "error" in said:
        raise FailedError(said["error"])
    return said["value"]


def answer(function: Callable[[], Any], write_end: int) -> NoReturn:
    """What the child does."""
    try:
        close_all_but(write_end)
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
