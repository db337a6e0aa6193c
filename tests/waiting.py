"""Waiting for a condition, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], timeout_s: float = 20, interval_s: float = 0.02, what: str = ""
) -> T:
    """Asks again until `condition()` is true and returns that value.

    Raises AssertionError after `timeout_s`, which says what was awaited and what was there last.
    """
    deadline_s = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline_s:
            awaited = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"waited {timeout_s:g} s for {awaited}; the last value: {value!r}")
        time.sleep(interval_s)
    return value
