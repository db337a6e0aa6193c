"""The primary metric of an attempt as it goes: the best so far at each moment, and the last values.

Bounded, whatever the output is. `joined` puts the attempts of a run together as `overnight results`
does: where a later attempt begins, the earlier ones end, so that a repeated part counts once. Pure.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from typing import Any, Iterable, List, NamedTuple, Optional

from overnight.node import spellings

OUTPUT, JSONL = "output.log", "metrics.jsonl"
MAX_BESTS = 256
TAIL = 64
RECENT = 16  # of them go into each heartbeat
OTHER_SPELLINGS = ("", "_epoch", "_step")
NO_MATCH = 9

Row = List[Optional[float]]  # step, epoch, value


class Joined(NamedTuple):
    """What a run reached. `best` and `last`: {"value", "step", "epoch", "attempt", "source"}."""

    best: dict[str, Any] | None
    last: dict[str, Any] | None
    nonfinite: int


class Curve:
    """Follows the series that `name` means best; where a better spelling appears, starts over."""

    def __init__(self, name: str, goal: str) -> None:
        self.name = name
        self.sign = -1.0 if goal == "min" else 1.0
        self.began: Row | None = None
        self._rank = (NO_MATCH, NO_MATCH)
        self._trained = False
        self._start_over()

    def _start_over(self) -> None:
        self.count = self.nonfinite = 0
        self.bests: list[Row] = []
        self.tail: deque[Row] = deque(maxlen=TAIL)

    def take(self, sample: Any, source: str) -> None:
        """`sample` is a `families.Sample` of the output or of metrics.jsonl, as it was written."""
        if not sample.metrics:
            return
        self._note_begin(sample)
        for name, value in sample.metrics.items():
            found = (match(self.name, name, sample.split), 0 if source == JSONL else 1)
            if found[0] == NO_MATCH or found > self._rank:
                continue
            if found < self._rank:
                self._rank = found
                self._start_over()
            self._add(sample.step, sample.epoch, value)

    def _note_begin(self, sample: Any) -> None:
        """Where the attempt took up the training: its first training value, or its first at all."""
        if self._trained or (sample.step is None and sample.epoch is None):
            return
        splits = (spellings.fold(name, sample.split)[0] for name in sample.metrics)
        self._trained = spellings.TRAIN in splits
        if self.began is None or self._trained:
            self.began = [sample.step, sample.epoch]

    def _add(self, step: int | None, epoch: float | None, value: float) -> None:
        self.count += 1
        is_finite = math.isfinite(value)
        self.nonfinite += not is_finite
        self.tail.append([step, epoch, value if is_finite else None])
        if is_finite and (not self.bests or self.sign * (value - self.bests[-1][2]) > 0):  # type: ignore[operator]
            self.bests.append([step, epoch, value])
            if len(self.bests) > MAX_BESTS:
                del self.bests[1:-1:2]

    def to_dict(self) -> dict[str, Any]:
        """For the exit record."""
        return {
            "name": self.name,
            "source": JSONL if self._rank[1] == 0 else OUTPUT,
            "began": self.began,
            "bests": self.bests,
            "tail": list(self.tail),
            "n": self.count,
            "nonfinite": self.nonfinite,
        }

    def brief(self) -> dict[str, Any] | None:
        """For the heartbeat: the last value, the best and the newest points, None before them."""
        if not self.tail:
            return None
        step, epoch, value = self.tail[-1]
        told = {"name": self.name, "value": value, "step": step, "epoch": epoch}
        best = self.bests[-1][2] if self.bests else None
        return {**told, "best": best, "recent": list(self.tail)[-RECENT:]}


def wanted(metrics: Any) -> Curve | None:
    """The curve that a spec's `metrics` ({"primary", "goal"}) asks for."""
    if not isinstance(metrics, dict) or not metrics.get("primary"):
        return None
    return Curve(str(metrics["primary"]), str(metrics.get("goal")))


@functools.lru_cache(maxsize=512)
def match(wanted: str, name: str, split: str | None) -> int:
    """How well a printed name means the wanted one: 0 exactly, 1 to 3 in another spelling."""
    spelled = spellings.spelled(name, split)
    canonical = spellings.fold(spelled)[1]
    if canonical in (wanted, spellings.spelled(wanted), spellings.fold(wanted)[1]):
        return 0
    for rank, ending in enumerate(OTHER_SPELLINGS, 1):
        bare = canonical[: -len(ending)] if ending and canonical.endswith(ending) else canonical
        if spellings.same(bare) == spellings.same(wanted):
            return rank
    return NO_MATCH


def is_at_or_after(place: Row, start: Row) -> bool:
    """Whether a place (step, epoch, …) lies in the part that begins with `start`.

    False where nobody can tell. Steps may count within the epoch, so the epoch decides first.
    """
    in_epoch = False
    if place[1] is not None and start[1] is not None:
        if place[1] != start[1]:
            return place[1] > start[1]
        in_epoch = True
    if place[0] is not None and start[0] is not None:
        return place[0] >= start[0]
    return in_epoch


def joined(curves: Iterable[tuple[int, dict[str, Any]]], goal: str) -> Joined:
    """`curves`: (number of the attempt, `Curve.to_dict()`), in order. Never better than the truth:

    a long row of improvements is thinned out, and then the best before a resume may be older.
    """
    best = last = None
    nonfinite = 0
    starts: list[Row] = []
    sign = -1.0 if goal == "min" else 1.0
    for number, curve in reversed(list(curves)):
        bests, tail = kept(curve.get("bests"), starts), kept(curve.get("tail"), starts)
        nonfinite += int(curve.get("nonfinite") or 0)
        if bests and (best is None or sign * (bests[-1][2] - best["value"]) > 0):
            best = told(bests[-1], number, curve)
        if tail and last is None:
            last = told(tail[-1], number, curve)
        if curve.get("began"):
            starts.append(curve["began"])
    return Joined(best, last, nonfinite)


def points(curves: Iterable[dict[str, Any]]) -> list[Row]:
    """The newest points of each attempt, without what a later one has repeated; in order."""
    found: list[Row] = []
    starts: list[Row] = []
    for curve in reversed(list(curves)):
        found = [*kept(curve.get("tail"), starts), *found]
        if curve.get("began"):
            starts.append(curve["began"])
    return found


def kept(rows: Any, starts: list[Row]) -> list[Any]:
    """The rows that no later attempt has repeated."""
    return [row for row in rows or [] if not any(is_at_or_after(row, each) for each in starts)]


def told(row: Row, number: int, curve: dict[str, Any]) -> dict[str, Any]:
    place = {"value": row[2], "step": row[0], "epoch": row[1]}
    return {**place, "attempt": number, "source": curve.get("source")}
