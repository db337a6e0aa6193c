"""What found no place in this decision, so that nobody looks for it twice."""

from __future__ import annotations

from typing import Hashable, NamedTuple

from overnight.node.queueing.cards import Want


class Small(NamedTuple):
    """A run that asks for a share of a card, for so long."""

    share: float
    memory_mib: int
    expected_s: float

    def asks_no_more_than(self, other: Small) -> bool:
        return (
            self.share <= other.share
            and self.memory_mib <= other.memory_mib
            and self.expected_s <= other.expected_s
        )


class Failures:
    """Nothing comes free while a decision is made: who wants as much, for as long, finds none."""

    def __init__(self) -> None:
        self.shortest_s: dict[Want, float] = {}
        self.small: dict[Hashable, list[Small]] = {}  # by what makes a card suitable

    def cover(self, want: Want, expected_s: float) -> bool:
        if want in self.shortest_s and expected_s >= self.shortest_s[want]:
            return True
        if want.share >= 1 or want.memory_mib is None:
            return False
        asked = Small(want.share, want.memory_mib, expected_s)
        return any(each.asks_no_more_than(asked) for each in self.small.get(want[3:], ()))

    def add(self, want: Want, expected_s: float) -> None:
        self.shortest_s[want] = expected_s
        if want.share < 1 and want.memory_mib is not None:
            asked = Small(want.share, want.memory_mib, expected_s)
            others = self.small.get(want[3:], [])
            kept = [each for each in others if not asked.asks_no_more_than(each)]
            self.small[want[3:]] = [*kept, asked]
