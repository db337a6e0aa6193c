"""How many GPUs a server has that we may use at all: remembered whenever somebody looked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from overnight.app import Overnight

FACT = "cards"


def remember(o: Overnight, server: str, cards: Iterable[Mapping[str, Any]]) -> None:
    """Not those of a cluster's login node, which are nobody's."""
    if o.config.servers[server].kind != "slurm":
        count = sum(card.get("state") != "excluded" for card in cards)
        o.mirror.remember_fact(server, FACT, time.time(), {"count": count})


def known(o: Overnight, server: str) -> int:
    """0 where it has none, or nobody has looked."""
    found = o.mirror.fact(server, FACT)
    count = found[1].get("count") if found else 0
    return count if isinstance(count, int) else 0
