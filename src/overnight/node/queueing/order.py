"""Who comes before whom."""

from __future__ import annotations

from typing import Hashable, Iterable

from overnight.node.queueing.values import FAIR_STEP_S, Waiting

TURN_S = 86400.0


def in_order(
    waiting: Iterable[Waiting], servers: int, promised: Hashable | None = None
) -> list[Waiting]:
    """The higher priority, then who was queued in an earlier turn, then the wider gang, then the
    one that was queued first. Equal ones stay as they were given.

    A wide gang has to wait until a server is empty, which leaves GPUs idle; so once one is, the
    other wide gangs of the same turn follow. Nobody is overtaken by a run that was queued more
    than a turn later. A turn is a day for one server and shorter for many, where one is nearly
    empty sooner. Whoever has been `promised` a place keeps it before its equals.
    """
    turn_s = TURN_S / max(1, servers)

    def place_in_line(run: Waiting) -> tuple[int, bool, float, float, float]:
        fair = run.queued_at + FAIR_STEP_S * run.order
        return -run.priority, run.key != promised, fair // turn_s, -run.gpus, fair

    return sorted(waiting, key=place_in_line)
