"""The question that comes along with a login, if it is a look: answered before all else is loaded.

`status` asks many servers for nothing else. Half of what the node would load, and the greeting,
are for those who stay.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
from typing import Any

from overnight.node import look, states

STAYS_S = 0.3  # whoever is gone by then, or says something, need not be waited for


def quick(root: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    """The answer; None where it is for `requests` to answer, or to say what is wrong.

    A missing watch is started first: on its own machine a laptop that leaves takes us along.
    """
    if asked.get("verb") != "look" or not os.path.isdir(os.path.join(root, "projects")):
        return None
    try:
        told, _ = look.look(root, asked["args"], lambda timeout_s: True)
        if any(map(is_active, told["runs"])) and not look.is_watched(root):
            from overnight.node import server  # needed seldom

            server.ensure_watch(root)
    except Exception:
        return None
    return {"id": asked["id"], "ok": told}


def is_over(root: str, answer: dict[str, Any]) -> bool:
    """Whether the laptop has left, and nobody need see to the watch either."""
    select.select([0], [], [], STAYS_S)
    return has_ended(0) and (not any(map(is_active, answer["ok"]["runs"])) or look.is_watched(root))


def has_ended(fd: int) -> bool:
    """Whether there is no more to read, and never will be."""
    if not select.select([fd], [], [], 0)[0]:
        return False
    try:
        (left,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))
    except OSError:  # of a file, which is not what a login has
        return False
    return int(left) == 0


def is_active(row: dict[str, Any]) -> bool:
    return row.get("state") in states.ACTIVE
