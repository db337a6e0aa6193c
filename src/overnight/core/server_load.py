"""When a server has room, by what its queue says and by what was placed there meanwhile. Pure.

All times are seconds from now. A moment that rests on a guess is never told as known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

UNKNOWN_S = 86400.0  # a run of which nobody knows how long it takes, and a labmate's GPU
LATE_S = 900.0
RESTING_S = 60.0  # a card that somebody has just left is watched for a while
MARGIN = 1.1  # of the measured memory, where runs share a card
ROUNDING = 1e-9
UNUSABLE = frozenset(("excluded", "unknown"))


class Moment(NamedTuple):
    """`sure` is False where it is a guess."""

    at: float
    sure: bool


NOW = Moment(0.0, True)


class Tenant(NamedTuple):
    end: Moment
    share: float
    memory_mib: int | None


class Shape(NamedTuple):
    """What a run asks of cards: `gpus` 0 is a CPU slot, below 1 a share of one card."""

    gpus: float
    memory_mib: int | None

    @property
    def number(self) -> int:
        return max(1, int(self.gpus))

    @property
    def share(self) -> float:
        return min(1.0, self.gpus)


class Card:
    """A GPU and who is on it, or will be. Whoever comes later starts after those before it."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.uuid = str(told.get("uuid", ""))
        self.memory_mib: int | None = told.get("memory_mib")
        self.tenants: list[Tenant] = []
        self.opens = NOW  # when the last of them starts

    def room_at(self, shape: Shape) -> Moment:
        """Sure only where all that has to end before is sure to."""
        ends = {each.end.at for each in self.tenants if each.end.at > self.opens.at}
        times = sorted({self.opens.at, *ends})
        at = next((each for each in times if self.has_room(shape, each)), times[-1])
        before = [each.end.sure for each in self.tenants if each.end.at <= at]
        return Moment(at, self.opens.sure and all(before))

    def has_room(self, shape: Shape, at: float) -> bool:
        others = [each for each in self.tenants if each.end.at > at]
        if not others:
            return True
        held_mib = [each.memory_mib for each in others] + [shape.memory_mib]
        if self.memory_mib is None or None in held_mib:
            return False
        shares = shape.share + sum(each.share for each in others)
        return (
            shares <= 1 + ROUNDING
            and sum(each or 0 for each in held_mib) * MARGIN <= self.memory_mib
        )

    def take(self, tenant: Tenant, start: Moment) -> None:
        self.tenants = [each for each in self.tenants if each.end.at > start.at] + [tenant]
        self.opens = max(self.opens, start, key=lambda each: (each.at, not each.sure))


class Room(NamedTuple):
    """Where and when a run could start. `cards` is empty for a CPU slot."""

    start: Moment
    cards: tuple[Card, ...]


class ServerLoad:
    """The cards and CPU slots of one server over time."""

    def __init__(self, cards: Iterable[Mapping[str, Any]], slots: int) -> None:
        self.cards: list[Card] = []
        for told in cards:
            if told.get("state") in UNUSABLE:
                continue
            card = Card(told)
            self.cards.append(card)
            if told.get("state") == "resting":
                card.take(Tenant(Moment(RESTING_S, True), 1.0, None), NOW)
            elif told.get("state") in ("other", "quiet"):
                card.take(Tenant(Moment(UNKNOWN_S, False), 1.0, None), NOW)
        self.slots = [NOW] * slots
        self._found: dict[Shape, Room | None] = {}

    @property
    def free(self) -> int:
        """Cards that nobody uses or will use."""
        return sum(not card.tenants for card in self.cards)

    def runs(self, run: Mapping[str, Any], now: float) -> None:
        """A run of ours that runs there; `now` by the clock of its times."""
        end = end_of(run.get("ends_at"), now)
        uuids = set(run.get("gpus") or ())
        share, memory_mib = float(run.get("share") or 1.0), run.get("memory_mib")
        for card in self.cards:
            if card.uuid in uuids:
                card.take(Tenant(end, share, memory_mib), NOW)
        if not uuids and self.slots:
            self.slots[self.slots.index(min(self.slots))] = end
        self._found.clear()

    def room(self, shape: Shape) -> Room | None:
        """The first moment at which it could start; None where it never can."""
        if shape not in self._found:
            self._found[shape] = self._find(shape)
        return self._found[shape]

    def _find(self, shape: Shape) -> Room | None:
        if shape.gpus == 0:
            return Room(min(self.slots), ()) if self.slots else None
        fitting = self.suitable(shape.memory_mib)
        if len(fitting) < shape.number:
            return None
        times = sorted(
            ((card.room_at(shape), card.memory_mib or 0, n) for n, card in enumerate(fitting)),
        )[: shape.number]
        sure = all(moment.sure for moment, _, _ in times)
        start = Moment(times[-1][0].at, sure)
        return Room(start, tuple(fitting[n] for _, _, n in times))

    def suitable(self, memory_mib: int | None) -> list[Card]:
        needed = memory_mib or 0
        return [each for each in self.cards if each.memory_mib is None or each.memory_mib >= needed]

    def take(self, shape: Shape, room: Room, expected_s: float | None) -> None:
        """A run that will start there."""
        lasts_s = UNKNOWN_S if expected_s is None else expected_s
        end = Moment(room.start.at + lasts_s, room.start.sure and expected_s is not None)
        for card in room.cards:
            card.take(Tenant(end, shape.share, shape.memory_mib), room.start)
        if not room.cards:
            self.slots[self.slots.index(min(self.slots))] = end
        self._found.clear()


def end_of(ends_at: float | None, now: float) -> Moment:
    """One that is late by its estimate is assumed to be as late again."""
    if ends_at is None:
        return Moment(UNKNOWN_S, False)
    if ends_at > now:
        return Moment(ends_at - now, True)
    return Moment(max(LATE_S, now - ends_at), False)


def loaded(
    cards: Sequence[Mapping[str, Any]],
    slots: int,
    running: Iterable[Mapping[str, Any]],
    waiting: Iterable[Mapping[str, Any]],
    now: float,
) -> ServerLoad:
    """The load of a server as its `queue` tells it: what runs, then what waits, in order."""
    load = ServerLoad(cards, slots)
    for run in running:
        load.runs(run, now)
    for run in waiting:
        shape = Shape(float(run.get("gpus") or 0), run.get("memory_mib"))
        room = load.room(shape)
        if room is not None:
            load.take(shape, room, run.get("expected_s"))
    return load
