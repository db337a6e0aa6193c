"""Which queued runs go to another server, because they would start earlier there. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from overnight.core import durations, placement
from overnight.core.placement import Offer, Placement, Wanted


@dataclasses.dataclass(frozen=True, kw_only=True)
class Move:
    """`why` is for people: what it gains."""

    run: str
    source: str
    target: str
    why: str

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def immovable(row: Mapping[str, Any]) -> str:
    """Why a run stays where it is, by its row of a `look`; "" where it may be moved."""
    queue = row.get("queue") or {}
    if row.get("state") != "queued":
        return f"is {row.get('state')}"
    if row.get("attempts"):
        return "has started before"
    if queue.get("pinned"):
        return "its server was chosen with --server"
    if queue.get("after"):
        return "waits for other runs there"
    if queue.get("group") and queue.get("max_concurrent"):
        return "its sweep limits how many run at once on each server"
    return ""


def balance(candidates: Sequence[Wanted], offers: Sequence[Offer], now: float) -> list[Move]:
    """The moves that are worth it.

    `candidates`: queued runs that may be moved, with `waits_at`, in the order in which they would
    start. All of them are placed anew, after those that stay. A run that is not sure to start
    earlier stays, so that asking again at once moves nothing.
    """
    movable = {(each.waits_at, each.key) for each in candidates}
    stay = [without(offer, movable) for offer in offers]
    placed = placement.place(candidates, stay, now)
    stood = {
        (offer.server, str(run.get("run"))): told_start(offer, run)
        for offer in offers
        for run in offer.waiting
    }
    moves = []
    for wanted, found in zip(candidates, placed, strict=True):
        source = wanted.waits_at or ""
        gained = gain(stood.get((source, wanted.key)), found, now)
        if found.server not in (None, source) and gained:
            moves.append(Move(run=wanted.key, source=source, target=str(found.server), why=gained))
    return moves


def without(offer: Offer, movable: set[tuple[str | None, str]]) -> Offer:
    left = [run for run in offer.waiting if (offer.server, str(run.get("run"))) not in movable]
    return dataclasses.replace(offer, waiting=left)


def told_start(offer: Offer, run: Mapping[str, Any]) -> float | None:
    """The start that its server expects, by our clock; None where it does not know."""
    starts_at = run.get("starts_at")
    return None if starts_at is None else float(starts_at) - offer.clock_offset_s


def gain(stays: float | None, found: Placement, now: float) -> str:
    """What a run gains by the move, in words; "" where that is too little, or not sure."""
    if found.starts_at is None:
        return ""
    moved = durations.text(found.starts_at - now) if found.starts_at > now else "now"
    if stays is None:
        return f"starts {moved if moved == 'now' else 'in ' + moved}, there nobody knows when"
    if stays - found.starts_at < placement.MOVE_S:
        return ""
    where = "now" if moved == "now" else f"in {moved}"
    return f"starts {where} instead of in {durations.text(stays - now)}"
