"""The cards of one host, who is on them until when, and what a run asks of them."""

from __future__ import annotations

import math
from typing import Iterable, NamedTuple, Sequence

from overnight.node.queueing.values import Gpu, Host, Waiting

MARGIN = 1.1  # times the measured memory, where runs share a card
ROUNDING = 1e-9


class Want(NamedTuple):
    """What a run asks for: `number` cards, `share` of each, and which ones are suitable.

    Runs that want the same are equal here, so what is known of one is known of all.
    """

    number: int
    share: float
    memory_mib: int | None
    allowed: frozenset[str] | None
    avoid: frozenset[str]
    hosts: frozenset[str] | None


def want_of(run: Waiting) -> Want:
    number, share = (int(run.gpus), 1.0) if run.gpus >= 1 else (1, run.gpus)
    return Want(number, share, run.memory_mib, run.allowed, run.avoid, run.hosts)


class Tenant(NamedTuple):
    """A run on a card."""

    end: float
    share: float
    memory_mib: int | None


class Card:
    """One GPU and the runs on it."""

    __slots__ = ("memory_mib", "share", "spare_mib", "tenants", "uuid")

    def __init__(self, gpu: Gpu) -> None:
        self.uuid, self.memory_mib = gpu
        self.tenants: list[Tenant] = []
        self.share = 0.0  # that they have together
        self.spare_mib = math.inf  # that one more may need, with the margin

    def add(self, tenant: Tenant) -> None:
        self.tenants.append(tenant)
        self.share += tenant.share
        self.spare_mib = self.spare_beside(self.tenants)

    def spare_beside(self, others: Sequence[Tenant]) -> float:
        """Nothing where it is not known what they need, or what there is."""
        if not others:
            return math.inf
        needed = [each.memory_mib for each in others if each.memory_mib is not None]
        if self.memory_mib is None or len(needed) < len(others):
            return -math.inf
        return self.memory_mib / MARGIN - sum(needed)

    def takes(self, want: Want) -> bool:
        """Whether there is room beside the runs that are on it; it is suitable, and in use."""
        return (
            want.memory_mib is not None
            and self.share + want.share <= 1 + ROUNDING
            and want.memory_mib <= self.spare_mib
        )

    def takes_after(self, want: Want, moment: float) -> bool:
        others = [each for each in self.tenants if each.end > moment]
        then = Card(Gpu(self.uuid, self.memory_mib))
        for each in others:
            then.add(each)
        return not others or then.takes(want)

    def takes_at(self, want: Want, now: float) -> float:
        """The first moment at which there is room."""
        if want.share >= 1:
            return max([each.end for each in self.tenants], default=now)
        if not self.tenants or self.takes(want):
            return now
        ends = sorted(each.end for each in self.tenants)
        return next(end for end in ends if self.takes_after(want, end))


class Place:
    """A host: its cards, how many are free, and its free CPU slots. `rank`: its number."""

    __slots__ = ("cards", "free", "least_mib", "name", "partly", "rank", "slots", "whole")

    def __init__(self, rank: int, host: Host) -> None:
        self.rank, self.name, self.slots = rank, host.name, host.slots
        self.cards = {gpu.uuid: Card(gpu) for gpu in host.gpus}
        self.least_mib = min((gpu.memory_mib or 0 for gpu in host.gpus), default=0)
        self.free = len(self.cards)
        self.partly: list[Card] = []  # a share of these is left, the fullest first
        self.whole: list[tuple[float, str]] | None = None  # when each card is free, sorted

    def occupy(self, uuids: Iterable[str], tenant: Tenant) -> None:
        """No UUIDs: a CPU slot. A card that is no longer offered counts for nothing."""
        uuids = tuple(uuids)
        self.slots -= not uuids
        self.whole = None
        for uuid in uuids:
            if uuid in self.cards:
                self.free -= not self.cards[uuid].tenants
                self.cards[uuid].add(tenant)
        if tenant.share < 1:
            partly = [card for card in self.cards.values() if 0 < card.share < 1 - ROUNDING]
            self.partly = sorted(partly, key=lambda card: -card.share)

    def suits_all(self, want: Want) -> bool:
        """Whether every card is suitable; seen at once, for it is asked most often."""
        restricted = want.allowed is not None or want.hosts is not None or want.avoid
        return not restricted and (want.memory_mib or 0) <= self.least_mib

    def suitable(self, want: Want) -> list[Card]:
        """The cards that this run may use, the smallest ones first."""
        cards = list(self.cards.values())
        if self.suits_all(want):
            return cards
        if want.hosts is not None and self.name not in want.hosts:
            return []
        needed_mib = want.memory_mib or 0
        cards = [c for c in cards if c.memory_mib is None or c.memory_mib >= needed_mib]
        if want.allowed is not None:
            cards = [card for card in cards if card.uuid in want.allowed]
        others = [card for card in cards if card.uuid not in want.avoid]
        cards = others if len(others) >= want.number else cards
        return sorted(cards, key=lambda card: card.memory_mib or 0)

    def times(self, want: Want, now: float) -> list[tuple[float, str]]:
        """When each suitable card has room for this run, the first one first."""
        if want.share < 1 or not self.suits_all(want):
            return sorted((card.takes_at(want, now), card.uuid) for card in self.suitable(want))
        if self.whole is None:
            self.whole = sorted((card.takes_at(want, now), u) for u, card in self.cards.items())
        return self.whole
