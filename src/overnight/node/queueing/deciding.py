"""The decision: in order while they fit, then those that may pass the first who does not."""

from __future__ import annotations

import math
from typing import Collection, Hashable, Iterable, Sequence

from overnight.node.queueing import board as boards
from overnight.node.queueing.board import Board, Card, Hold, Place, Tenant, Want
from overnight.node.queueing.order import in_order
from overnight.node.queueing.values import (
    Decision,
    Host,
    Reservation,
    Running,
    Start,
    Waiting,
)


def decide(
    waiting: Iterable[Waiting],
    running: Iterable[Running],
    hosts: Iterable[Host],
    now: float,
    explain: Collection[Hashable] = (),
) -> Decision:
    """What starts now. `explain`: the keys of runs whose `why` is wanted.

    The first run that finds no place gets a reservation: the host that can take it first, by the
    estimates. Whoever comes later passes only if that costs it nothing: it ends before, or it
    leaves as many of the cards as the reservation needs. Runs over the limit of their group and
    runs that no host can ever serve reserve nothing and keep nobody waiting.
    """
    return Deciding(list(running), Board(hosts, running, now), explain).of(in_order(waiting))


class Deciding:
    """One decision while it is made."""

    def __init__(
        self, running: Sequence[Running], board: Board, explain: Collection[Hashable]
    ) -> None:
        self.board = board
        self.explain = frozenset(explain)
        self.in_group: dict[str, int] = {}
        for run in running:
            self.in_group[run.group] = self.in_group.get(run.group, 0) + 1
        self.starts: list[Start] = []
        self.reserved: Reservation | None = None
        self.hold: Hold | None = None
        self.failed_s: dict[Want, float] = {}  # the shortest that found no place after the hold
        self.never: dict[Want, bool] = {}
        self.why: dict[Hashable, str] = {}

    def of(self, line: Sequence[Waiting]) -> Decision:
        later = []
        for run in line:
            if run.gpus == 0:
                self.try_slot(run)
            elif self.is_limited(run):
                self.tell(run, f"{run.limit} of {run.group} run already")
            elif self.hold is None:
                self.try_first(run)
            else:
                later.append(run)
        self.let_pass(later)
        return Decision(tuple(self.starts), self.reserved, self.why)

    def tell(self, run: Waiting, why: str) -> None:
        if run.key in self.explain:
            self.why[run.key] = why

    def is_limited(self, run: Waiting) -> bool:
        return run.limit is not None and self.in_group.get(run.group, 0) >= run.limit

    def try_slot(self, run: Waiting) -> None:
        if self.is_limited(run):
            return self.tell(run, f"{run.limit} of {run.group} run already")
        for place in self.board.places:
            if place.slots > 0 and (run.hosts is None or place.name in run.hosts):
                place.slots -= 1
                return self.started(run, place, [])
        return self.tell(run, "no CPU slot is free")

    def try_first(self, run: Waiting) -> None:
        want = boards.want_of(run)
        if self.placed(run, want):
            return None
        if want not in self.never:
            self.never[want] = not self.board.serves(want)
        if self.never[want]:
            return self.tell(run, "no server has such GPUs")
        self.hold = self.board.hold(want)
        assert self.hold is not None
        self.reserved = Reservation(run.key, self.hold.place.name, self.hold.at)
        self.tell(run, f"first in line, for {self.hold.place.name}")
        return None

    def let_pass(self, later: Sequence[Waiting]) -> None:
        """The widest first: they find a place least often."""
        most = max(1, self.board.most)
        passing = [run for run in later if run.gpus <= most]
        passing.sort(key=lambda run: (-run.priority, -run.gpus))
        for run in passing:
            if self.is_limited(run):
                continue
            want = boards.want_of(run)
            expected_s = math.inf if run.expected_s is None else run.expected_s
            if want in self.failed_s and expected_s >= self.failed_s[want]:
                continue
            if not self.placed(run, want):
                self.failed_s[want] = expected_s

    def placed(self, run: Waiting, want: Want) -> bool:
        for place, cards in self.board.with_room(want):
            chosen = self.chosen(run, want, place, cards)
            if chosen:
                end = self.board.now + (
                    boards.UNKNOWN_S if run.expected_s is None else run.expected_s
                )
                self.board.take(place, chosen, Tenant(end, want.share, run.memory_mib))
                self.started(run, place, chosen)
                return True
        return False

    def chosen(
        self, run: Waiting, want: Want, place: Place, cards: Sequence[Card]
    ) -> Sequence[Card]:
        """`want.number` of these cards, or none where that would delay the reservation."""
        hold = self.hold
        ends_before = (
            hold is not None
            and run.expected_s is not None
            and self.board.now + run.expected_s <= hold.at
        )
        if hold is None or place is not hold.place or ends_before:
            return cards[: want.number]
        others = [card for card in cards if card.uuid not in hold.cards]
        spare = len(hold.cards) - hold.needed
        if len(others) < want.number:
            held = [card for card in cards if card.uuid in hold.cards]
            missing = want.number - len(others)
            if missing > spare or missing > len(held):
                return []
            others += held[:missing]
        chosen = others[: want.number]
        left = hold.cards - {card.uuid for card in chosen}
        self.hold = hold._replace(cards=left)
        return chosen

    def started(self, run: Waiting, place: Place, cards: Sequence[Card]) -> None:
        self.starts.append(Start(run.key, place.name, tuple(card.uuid for card in cards)))
        self.in_group[run.group] = self.in_group.get(run.group, 0) + 1
