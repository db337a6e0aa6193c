"""Who comes before whom."""

from __future__ import annotations

from typing import Iterable

from overnight.node.queueing.values import FAIR_STEP_S, Waiting


def in_order(waiting: Iterable[Waiting]) -> list[Waiting]:
    """The higher priority, then who has waited longer; equal ones stay as they were given."""
    return sorted(waiting, key=place_in_line)


def place_in_line(run: Waiting) -> tuple[int, float]:
    return -run.priority, run.queued_at + FAIR_STEP_S * run.order
