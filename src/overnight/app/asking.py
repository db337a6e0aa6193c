"""Asking several servers at once: a slow or dead one delays nobody else."""

from __future__ import annotations

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

    if len(servers) == 1:
        return [one(servers[0])]
    from concurrent.futures import ThreadPoolExecutor  # late: who asks one needs no threads

    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as pool:
        return list(pool.map(one, servers))
