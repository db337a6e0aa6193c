"""What waits on the servers, and moving what starts earlier elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from overnight.app import Overnight, following, moving, placing
from overnight.core import errors
from overnight.core.placement import Offer


@dataclass(frozen=True, kw_only=True)
class Queues:
    """All servers as they answered, and what was moved before."""

    project: str
    offers: tuple[Offer, ...]
    moved: tuple[moving.Moved, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "servers": [server_json(each, self.project) for each in self.offers],
            "moved": [each.to_json() for each in self.moved],
        }


def server_json(offer: Offer, project: str) -> dict[str, Any]:
    return {
        "name": offer.server,
        "reachable": offer.reachable,
        "problem": offer.problem,
        "gpus": dict(Counter(str(card.get("state")) for card in offer.cards)),
        "slots": offer.slots,
        "running": [by_our_clock(run, offer, project) for run in offer.running],
        "waiting": [by_our_clock(run, offer, project) for run in offer.waiting],
    }


def by_our_clock(run: Any, offer: Offer, project: str) -> dict[str, Any]:
    times = ("queued_at", "starts_at", "since", "ends_at")
    ours = {
        name: float(run[name]) - offer.clock_offset_s for name in times if run.get(name) is not None
    }
    return {**run, **ours, "mine": run.get("project") == project}


def queues(o: Overnight, server_name: str | None, *, balance: bool = False) -> Queues:
    """Completes moves that were cut short, and begins new ones where that is wanted."""
    if balance and server_name is not None:
        raise errors.UsageError(
            "runs are balanced over all servers, not on one", hint="overnight queue --balance"
        )
    moved: list[moving.Moved] = []
    if balance or o.mirror.moves.pending():
        following.status(o)
    names = None if server_name is None else [o.server(server_name).name]
    told = placing.offers(o, names)
    if balance:
        moved = moving.balance(o, told)
        told = placing.offers(o) if moved else told
    return Queues(project=o.project, offers=tuple(told), moved=tuple(moved))
