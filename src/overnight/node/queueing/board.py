"""What is free, and when the rest will be. Filled from what runs, then from what is started."""

from __future__ import annotations

from typing import Iterable, Iterator, NamedTuple, Sequence

from overnight.node.queueing.values import Gpu, Host, Running, Waiting

MARGIN = 1.1  # of the measured memory, where runs share a card
ROUNDING = 1e-9
UNKNOWN_S = 86400.0
LATE_S = 900.0


def end_of(run: Running, now: float) -> float:
    """When a run is assumed to end.

    One that is late by its estimate is as late again: estimates are wrong by factors, not by
    minutes. Of one that nobody knows anything of, a day.
    """
    if run.ends_at is None:
        return now + UNKNOWN_S
    if run.ends_at > now:
        return run.ends_at
    return now + max(LATE_S, now - run.ends_at)


class Want(NamedTuple):
    """What a run asks of cards: `number` of them, `share` of each, and which ones are suitable.

    Runs that want the same are equal, so what is known of one is known of all.
    """

    number: int
    share: float
    memory_mib: int | None
    allowed: frozenset[str] | None
    avoid: frozenset[str]
    hosts: frozenset[str] | None


def want_of(run: Waiting) -> Want:
    number = max(1, int(run.gpus))
    share = min(1.0, run.gpus)
    return Want(number, share, run.memory_mib, run.allowed, run.avoid, run.hosts)


class Tenant(NamedTuple):
    end: float
    share: float
    memory_mib: int | None


class Card:
    """One GPU and the runs on it."""

    __slots__ = ("memory_mib", "tenants", "uuid")

    def __init__(self, gpu: Gpu) -> None:
        self.uuid, self.memory_mib = gpu
        self.tenants: list[Tenant] = []

    def takes(self, share: float, memory_mib: int | None, at: float | None = None) -> bool:
        """Whether there is room, now or at a later moment. Suitability is not asked here."""
        others = [each for each in self.tenants if at is None or each.end > at]
        if not others:
            return True
        held_mib = [each.memory_mib for each in others] + [memory_mib]
        if self.memory_mib is None or None in held_mib:
            return False
        shares = share + sum(each.share for each in others)
        memory = sum(each or 0 for each in held_mib)
        return shares <= 1 + ROUNDING and memory * MARGIN <= self.memory_mib

    def takes_at(self, share: float, memory_mib: int | None, now: float) -> float:
        """The first moment at which there is room."""
        if self.takes(share, memory_mib):
            return now
        ends = sorted(each.end for each in self.tenants)
        return next(end for end in ends if self.takes(share, memory_mib, end))


class Place:
    """A host with its cards."""

    __slots__ = ("cards", "free", "least_mib", "name", "rank", "shared", "slots")

    def __init__(self, rank: int, host: Host) -> None:
        self.rank, self.name, self.slots = rank, host.name, host.slots
        self.cards: dict[str, Card] = {gpu.uuid: Card(gpu) for gpu in host.gpus}
        self.least_mib = min((gpu.memory_mib or 0 for gpu in host.gpus), default=0)
        self.free = 0
        self.shared: list[Card] = []  # have a tenant that leaves a share

    def suitable(self, want: Want) -> list[Card]:
        """The cards that this run may use, the smallest ones first."""
        if want.hosts is not None and self.name not in want.hosts:
            return []
        cards = list(self.cards.values())
        if want.memory_mib is not None and want.memory_mib > self.least_mib:
            needed = want.memory_mib
            cards = [c for c in cards if c.memory_mib is None or c.memory_mib >= needed]
        if want.allowed is not None:
            cards = [c for c in cards if c.uuid in want.allowed]
        if want.avoid:
            others = [c for c in cards if c.uuid not in want.avoid]
            cards = others if len(others) >= want.number else cards
        return cards


class Hold(NamedTuple):
    """Cards of one host that are kept for a run: `needed` of `cards` from `at` on."""

    place: Place
    at: float
    cards: frozenset[str]
    needed: int


class Board:
    """All hosts. `most` is the largest number of free cards on one host."""

    def __init__(self, hosts: Iterable[Host], running: Iterable[Running], now: float) -> None:
        self.now = now
        self.places = [Place(rank, host) for rank, host in enumerate(hosts)]
        by_name = {place.name: place for place in self.places}
        for run in running:
            place = by_name.get(run.host)
            if place is not None:
                self.occupy(place, run.gpus, Tenant(end_of(run, now), run.share, run.memory_mib))
        width = max((len(place.cards) for place in self.places), default=0)
        self.by_free: list[dict[int, Place]] = [{} for _ in range(width + 1)]
        for place in self.places:
            place.free = sum(not card.tenants for card in place.cards.values())
            self.by_free[place.free][place.rank] = place
            place.shared = [c for c in place.cards.values() if is_shared(c)]
        self.sharing = [place for place in self.places if place.shared]

    @staticmethod
    def occupy(place: Place, uuids: Iterable[str], tenant: Tenant) -> None:
        uuids = tuple(uuids)
        if not uuids:
            place.slots -= 1
        for uuid in uuids:
            if uuid in place.cards:  # a card that was taken away while we run on it is not there
                place.cards[uuid].tenants.append(tenant)

    @property
    def most(self) -> int:
        return next((n for n in range(len(self.by_free) - 1, -1, -1) if self.by_free[n]), 0)

    def take(self, place: Place, cards: Sequence[Card], tenant: Tenant) -> None:
        del self.by_free[place.free][place.rank]
        self.occupy(place, [card.uuid for card in cards], tenant)
        place.free = sum(not card.tenants for card in place.cards.values())
        self.by_free[place.free][place.rank] = place
        for card in cards:
            if is_shared(card) and card not in place.shared:
                place.shared.append(card)
                if place not in self.sharing:
                    self.sharing.append(place)

    def with_room(self, want: Want) -> Iterator[tuple[Place, list[Card]]]:
        """Hosts that could take this run now, the fullest first, with the cards that it may use."""
        if want.share < 1:
            for place in self.sharing:
                fitting = [c for c in place.shared if c.takes(want.share, want.memory_mib)]
                cards = [c for c in place.suitable(want) if c in fitting] if fitting else []
                if cards:
                    yield place, sorted(cards, key=lambda c: -sum(t.share for t in c.tenants))
        for free in range(want.number, len(self.by_free)):
            for place in list(self.by_free[free].values()):
                cards = [card for card in place.suitable(want) if not card.tenants]
                if len(cards) >= want.number:
                    yield place, cards

    def serves(self, want: Want) -> bool:
        """Whether some host could take it if nothing else ran."""
        return any(len(place.suitable(want)) >= want.number for place in self.places)

    def hold(self, want: Want) -> Hold | None:
        """The host that can take this run first. None where no host ever can."""
        best: Hold | None = None
        for place in self.places:
            times = sorted(
                (card.takes_at(want.share, want.memory_mib, self.now), card.uuid)
                for card in place.suitable(want)
            )
            if len(times) < want.number:
                continue
            at = times[want.number - 1][0]
            if best is None or at < best.at:
                cards = frozenset(uuid for when, uuid in times if when <= at)
                best = Hold(place, at, cards, want.number)
        return best


def is_shared(card: Card) -> bool:
    return bool(card.tenants) and sum(each.share for each in card.tenants) < 1
