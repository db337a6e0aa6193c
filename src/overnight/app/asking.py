"""Asking several servers at once: a slow or dead one delays nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from overnight.core import errors
from overnight.ports import Server

T = TypeVar("T")

EXPECTED = (errors.Unreachable, errors.ServerError)


def at_once(
    servers: Sequence[Server], ask: Callable[[Server], T]
) -> list[T | errors.OvernightError]:
    """`ask(server)` for each, all at the same time; for one that did not answer, why not."""

    def one(server: Server) -> T | errors.OvernightError:
        try:
            return ask(server)
        except EXPECTED as error:
            return error

    answers: list[T | errors.OvernightError | BaseException] = [AssertionError()] * len(servers)

    def keep(number: int, server: Server) -> None:
        try:
            answers[number] = one(server)
        except BaseException as error:  # raised again below, where somebody sees it
            answers[number] = error

    # a pool of concurrent.futures would do, and loads for longer than a server takes to answer
    threads = [threading.Thread(target=keep, args=each) for each in enumerate(servers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [checked(each) for each in answers]


def checked(answer: T | errors.OvernightError | BaseException) -> T | errors.OvernightError:
    if isinstance(answer, BaseException) and not isinstance(answer, EXPECTED):
        raise answer
    return answer
