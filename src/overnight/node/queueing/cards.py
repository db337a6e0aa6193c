"""The cards of one host, who is on them until when, and what a run asks of them."""

from __future__ import annotations

from typing import Iterable, NamedTuple

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

    __slots__ = ("memory_mib", "tenants", "uuid")

    def __init__(self, gpu: Gpu) -> None:
        self.uuid, self.memory_mib = gpu
        self.tenants: list[Tenant] = []

    def left(self) -> float:
        """The share that nobody has."""
        return 1 - sum(each.share for each in self.tenants)

    def takes(self, share: float, memory_mib: int | None, at: float | None = None) -> bool:
        """Whether there is room, now or at a later moment, on a card that is suitable."""
        others = self.tenants if at is None else [t for t in self.tenants if t.end > at]
        if not others:
            return True
        memories = [memory_mib, *(each.memory_mib for each in others)]
        if share >= 1 or self.memory_mib is None or None in memories:
            return False
        shares = share + sum(each.share for each in others)
        needed_mib = MARGIN * sum(each or 0 for each in memories)
        return shares <= 1 + ROUNDING and needed_mib <= self.memory_mib

    def takes_at(self, want: Want, now: float) -> float:
        """The first moment at which there is room."""
        if want.share >= 1:
            return max([each.end for each in self.tenants], default=now)
        if self.takes(want.share, want.memory_mib):
            return now
        ends = sorted(each.end for each in self.tenants)
        return next(end for end in ends if self.takes(want.share, want.memory_mib, end))


class Place:
    """A host: its cards, how many are free, and its free CPU slots. `rank`: its number."""

    __slots__ = ("cards", "free", "is_shared", "least_mib", "name", "rank", "slots", "whole")

    def __init__(self, rank: int, host: Host) -> None:
        self.rank, self.name, self.slots = rank, host.name, host.slots
        self.cards = {gpu.uuid: Card(gpu) for gpu in host.gpus}
        self.least_mib = min((gpu.memory_mib or 0 for gpu in host.gpus), default=0)
        self.free = len(self.cards)
        self.is_shared = False  # some card is, or was
        self.whole: list[tuple[float, str]] | None = None  # when each card is free, sorted

    def occupy(self, uuids: Iterable[str], tenant: Tenant) -> None:
        """No UUIDs: a CPU slot. A card that is no longer offered counts for nothing."""
        uuids = tuple(uuids)
        self.slots -= not uuids
        self.whole = None
        self.is_shared |= tenant.share < 1
        for uuid in uuids:
            if uuid in self.cards:
                self.free -= not self.cards[uuid].tenants
                self.cards[uuid].tenants.append(tenant)

    def shared(self) -> list[Card]:
        """The cards that have a run on them and may take another."""
        if not self.is_shared:
            return []
        return [card for card in self.cards.values() if card.tenants and card.left() > ROUNDING]

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
