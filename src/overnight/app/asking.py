"""Asking several servers at once: a slow or dead one delays nobody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from overnight.core import errors
from overnight.ports import Server

T = TypeVar("T")

EARLY_S = 1.5
EXPECTED = (errors.Unreachable, errors.ServerError)


def at_once(
    servers: Sequence[Server],
    ask: Callable[[Server], T],
    waiting: Callable[[Sequence[T | errors.OvernightError | None]], None] | None = None,
) -> list[T | errors.OvernightError]:
    """`ask(server)` for each, all at the same time; for one that did not answer, why not.

    `waiting` is told once, after EARLY_S, what there is while some have not answered (None).
    """
    answers: list[T | errors.OvernightError | BaseException | None] = [None] * len(servers)

    def one(number: int, server: Server) -> None:
        try:
            answers[number] = ask(server)
        except BaseException as error:  # what nobody expects is raised again in `checked`
            answers[number] = error

    # a pool of concurrent.futures would do, and loads for longer than a server takes to answer
    threads = [threading.Thread(target=one, args=each) for each in enumerate(servers)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + EARLY_S
    if waiting is not None and not all(ended_by(thread, deadline) for thread in threads):
        there = [each if each is None else checked(each) for each in answers]
        if any(each is not None for each in there):
            waiting(there)
    for thread in threads:
        thread.join()
    return [checked(each) for each in answers]


def ended_by(thread: threading.Thread, deadline: float) -> bool:
    thread.join(max(0.0, deadline - time.monotonic()))
    return not thread.is_alive()


def checked(answer: T | BaseException | None) -> T | errors.OvernightError:
    assert answer is not None
    if isinstance(answer, BaseException) and not isinstance(answer, EXPECTED):
        raise answer
    return answer
