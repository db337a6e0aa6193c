"""The decision: everybody in order, past those for whom cards are held."""

from __future__ import annotations

import math
from typing import Collection, Hashable, Iterable, Sequence

from overnight.node.queueing.board import UNKNOWN_S, Board, Hold
from overnight.node.queueing.cards import Card, Place, Tenant, Want, want_of
from overnight.node.queueing.failures import Failures
from overnight.node.queueing.order import in_order
from overnight.node.queueing.values import (
    Decision,
    Host,
    Reservation,
    Running,
    Start,
    Waiting,
)

SERVERS_PER_HOLD = 4


def decide(
    waiting: Iterable[Waiting],
    running: Iterable[Running],
    hosts: Iterable[Host],
    now: float,
    promised: Hashable | None = None,
    explain: Collection[Hashable] = (),
) -> Decision:
    """What starts now. `promised`: the key of the last `Decision.reserved`, which is then kept.
    `explain`: the keys of runs whose `why` is wanted.

    The first run that finds no place gets a reservation: on the host that can take it first, by
    the estimates. Whoever comes later passes only if that costs it nothing: it ends before, or it
    leaves as many of the cards as the reservation needs. Among many servers a few more gangs get
    one, each on a host of its own; else runs of one GPU would pass until none but gangs wait.
    Runs over the limit of their group and runs that no host can ever serve keep nobody waiting.
    """
    running, board = list(running), Board(hosts, running, now)
    return Deciding(running, board, explain).of(in_order(waiting, board.servers, promised))


class Deciding:
    """One decision while it is made."""

    def __init__(
        self, running: Sequence[Running], board: Board, explain: Collection[Hashable]
    ) -> None:
        self.board = board
        self.room = board.room()
        self.explain = frozenset(explain)
        self.in_group: dict[str, int] = {}
        for run in running:
            self.in_group[run.group] = self.in_group.get(run.group, 0) + 1
        self.starts: list[Start] = []
        self.reserved: Reservation | None = None
        self.holds: dict[int, Hold] = {}  # by the rank of the host
        self.most_holds = 1 + board.servers // SERVERS_PER_HOLD
        self.failures = Failures()
        self.never: set[Want] = set()
        self.why: dict[Hashable, str] = {}

    def of(self, line: Sequence[Waiting]) -> Decision:
        for run in line:
            if run.limit is not None and self.in_group.get(run.group, 0) >= run.limit:
                self.tell(run, f"{run.limit} of {run.group} run already")
            elif run.gpus == 0:
                self.try_slot(run)
            elif run.gpus <= self.room or self.may_hold(run):
                self.try_cards(run)
            else:
                self.tell_cards(run)
        return Decision(tuple(self.starts), self.reserved, self.why)

    def tell(self, run: Waiting, why: str) -> None:
        if run.key in self.explain:
            self.why[run.key] = why

    def tell_cards(self, run: Waiting) -> None:
        if run.key in self.explain:
            served = self.board.serves(want_of(run))
            self.why[run.key] = "others come first" if served else "no server has such GPUs"

    def may_hold(self, run: Waiting) -> bool:
        """After the first, only gangs: a single GPU goes to whoever is next anyway."""
        return not self.holds or (run.gpus > 1 and len(self.holds) < self.most_holds)

    def try_slot(self, run: Waiting) -> None:
        for place in self.board.places:
            if place.slots > 0 and (run.hosts is None or place.name in run.hosts):
                place.slots -= 1
                self.started(run, place, ())
                return
        self.tell(run, "no CPU slot is free")

    def try_cards(self, run: Waiting) -> None:
        want = want_of(run)
        expected_s = math.inf if run.expected_s is None else run.expected_s
        if not self.failures.cover(want, expected_s):
            if self.placed(run, want):
                return
            self.failures.add(want, expected_s)
        self.tell_cards(run)
        if self.may_hold(run) and want not in self.never:
            self.reserve(run, want)

    def reserve(self, run: Waiting, want: Want) -> None:
        hold = self.board.hold(want, self.holds)
        if hold is None and not self.holds:
            self.never.add(want)
        if hold is None:
            return
        if not self.holds:
            self.reserved = Reservation(run.key, hold.place.name, hold.at)
            self.tell(run, f"next on {hold.place.name}")
        self.holds[hold.place.rank] = hold

    def placed(self, run: Waiting, want: Want) -> bool:
        lasts_s = UNKNOWN_S if run.expected_s is None else run.expected_s
        tenant = Tenant(self.board.now + lasts_s, want.share, run.memory_mib)
        for place, cards in self.board.with_room(want):
            chosen = self.chosen(run, want, place, cards)
            if chosen:
                self.board.take(place, chosen, tenant)
                self.started(run, place, chosen)
                self.room = self.board.room()
                return True
        return False

    def chosen(
        self, run: Waiting, want: Want, place: Place, cards: Sequence[Card]
    ) -> Sequence[Card]:
        """`want.number` of these cards; none where that would delay the one they are held for."""
        hold = self.holds.get(place.rank)
        if hold is None or ends_by(run, self.board.now, hold.at):
            return cards[: want.number]
        spare = len(hold.cards) - hold.number
        chosen = sorted(cards, key=lambda card: card.uuid in hold.cards)[: want.number]
        left = hold.cards - {card.uuid for card in chosen}
        if len(hold.cards) - len(left) > spare:
            return ()
        self.holds[place.rank] = hold._replace(cards=left)
        return chosen

    def started(self, run: Waiting, place: Place, cards: Sequence[Card]) -> None:
        self.starts.append(Start(run.key, place.name, tuple(card.uuid for card in cards)))
        self.in_group[run.group] = self.in_group.get(run.group, 0) + 1


def ends_by(run: Waiting, now: float, moment: float) -> bool:
    """By its estimate; without one it is not trusted to."""
    return run.expected_s is not None and now + run.expected_s <= moment
