"""What is free, and when the rest will be. Filled from what runs, then from what is started."""

from __future__ import annotations

from typing import Collection, Iterable, Iterator, NamedTuple, Sequence

from overnight.node.queueing.cards import Card, Place, Tenant, Want
from overnight.node.queueing.values import Host, Running

UNKNOWN_S = 86400.0
LATE_S = 900.0
LATE_SHARE = 0.5


def end_of(run: Running, now: float) -> float:
    """When a run is assumed to end; of one that nobody knows anything of, a day from now.

    Estimates are wrong by factors, not by minutes: one that is late goes on for half as long
    again as it has run, or is as late again where its begin is not known.
    """
    if run.ends_at is None:
        return now + UNKNOWN_S
    if run.ends_at > now:
        return run.ends_at
    if run.began_at is None:
        return now + max(LATE_S, now - run.ends_at)
    return now + LATE_SHARE * max(LATE_S, now - run.began_at)


class Hold(NamedTuple):
    """Cards of a host that are kept for a run: it needs `number` of `cards` from `at` on."""

    place: Place
    at: float
    cards: frozenset[str]
    number: int


class Board:
    """All hosts. `by_free[n]` are those with n free cards, `sharing` those with shared ones.

    `servers`: how many have cards at all.
    """

    def __init__(self, hosts: Iterable[Host], running: Iterable[Running], now: float) -> None:
        self.now = now
        self.places = [Place(rank, host) for rank, host in enumerate(hosts)]
        self.servers = sum(bool(place.cards) for place in self.places)
        by_name = {place.name: place for place in self.places}
        for run in running:
            place = by_name.get(run.host)
            if place is not None:
                place.occupy(run.gpus, Tenant(end_of(run, now), run.share, run.memory_mib))
        width = max((len(place.cards) for place in self.places), default=0)
        self.by_free: list[dict[int, Place]] = [{} for _ in range(width + 1)]
        for place in self.places:
            self.by_free[place.free][place.rank] = place
        self.sharing = [place for place in self.places if place.partly]

    def room(self) -> int:
        """The widest gang that may find a place now, a share of a card counting as one."""
        most = next((n for n in range(len(self.by_free) - 1, 0, -1) if self.by_free[n]), 0)
        return most or int(bool(self.sharing))

    def take(self, place: Place, cards: Sequence[Card], tenant: Tenant) -> None:
        del self.by_free[place.free][place.rank]
        place.occupy([card.uuid for card in cards], tenant)
        self.by_free[place.free][place.rank] = place
        if tenant.share < 1 and place not in self.sharing:
            self.sharing.append(place)

    def with_room(self, want: Want) -> Iterator[tuple[Place, list[Card]]]:
        """Hosts that could take this run now, the fullest first, with the cards for it.

        So whole hosts stay free for wide gangs, and shares go onto cards that are shared already.
        """
        if want.share < 1:
            for place in self.sharing:
                cards = [card for card in place.partly if card.takes(want)]
                if cards and not place.suits_all(want):
                    suitable = place.suitable(want)
                    cards = [card for card in cards if card in suitable]
                if cards:
                    yield place, cards
        for free in range(want.number, len(self.by_free)):
            for place in list(self.by_free[free].values()):
                cards = [card for card in place.suitable(want) if not card.tenants]
                if len(cards) >= want.number:
                    yield place, cards

    def serves(self, want: Want) -> bool:
        """Whether some host could take this run if nothing else ran."""
        return any(len(place.suitable(want)) >= want.number for place in self.places)

    def hold(self, want: Want, held: Collection[int] = ()) -> Hold | None:
        """The host that can take this run first, of those whose rank is not in `held`."""
        best: tuple[float, Place] | None = None
        for place in self.places:
            if len(place.cards) < want.number or place.rank in held:
                continue
            times = place.times(want, self.now)
            if len(times) >= want.number and (best is None or times[want.number - 1][0] < best[0]):
                best = times[want.number - 1][0], place
        if best is None:
            return None
        at, place = best
        cards = frozenset(uuid for when, uuid in place.times(want, self.now) if when <= at)
        return Hold(place, at, cards, want.number)
