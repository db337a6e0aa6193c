"""Numbers, places and times of a result in words. Text that comes from files is made harmless."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from overnight.core import text, views

if TYPE_CHECKING:
    from overnight.results.series import Point  # late: `status` words sweeps without arrays

BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


def number(value: float) -> str:
    """Six significant digits: 0.213, 93.7, 1.5e-05, nan."""
    return f"{value:.6g}"


def signed(value: float) -> str:
    return f"{value:+.6g}"


def place(point: Point) -> str:
    """`epoch 42, step 16400`; empty where the file did not tell."""
    told = []
    if point.epoch is not None:
        told.append(f"epoch {number(point.epoch)}")
    if point.step is not None:
        told.append(f"step {point.step}")
    return ", ".join(told)


def place_told(told: Mapping[str, Any]) -> str:
    """`epoch 42`, else `step 16400`, of what was recorded of a value; empty for neither."""
    if told.get("epoch") is not None:
        return f"epoch {number(told['epoch'])}"
    return f"step {told['step']}" if told.get("step") is not None else ""


def at(point: Point) -> str:
    """` at epoch 42`, or nothing."""
    where = place(point)
    return f" at {where}" if where else ""


def moment(seconds: Any) -> str:
    """Local date and time of seconds since 1970; a question mark for what is no time."""
    try:
        return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
    except (TypeError, ValueError, OverflowError, OSError):
        return "?"


def repair(value: views.Repair) -> str:
    """`cuda_oom: batch 64 -> 32 x 2`, with a warning where the experiment itself was changed."""
    warning = " (CHANGES THE EXPERIMENT)" if value.changes_science else ""
    return text.printable(f"{value.failure}: {value.change}") + warning


def shell(argv: Sequence[str]) -> str:
    """A command as one would type it."""
    return text.printable(shlex.join(argv))


def bold(shown: str, *, color: bool) -> str:
    return f"{BOLD}{shown}{PLAIN}" if color else shown


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
