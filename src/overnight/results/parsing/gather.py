"""Puts curves together from pieces: many rows at once where they are regular, single ones else."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from overnight.results.curves import Curve, Floats, Whole
from overnight.results.parsing.growing_arrays import Axes, Column, GrowingAxes

__all__ = ["Axes", "Gather"]

MOST_ROWS = 1 << 14  # single rows are made a piece before there are more


@dataclass
class _Grown:
    """A curve on its way. `taken`: how many pieces of its axes it has; `rows`: single ones."""

    rank: tuple[int, int]
    axes: GrowingAxes
    taken: int = 0
    value: Column[np.float64] = field(default_factory=lambda: Column(np.float64))
    rows: list[tuple[float, float, float, float, int]] = field(default_factory=list)


class Gather:
    """Collects the curves of one file."""

    def __init__(self) -> None:
        self._grown: dict[tuple[str, str | None], _Grown] = {}
        self._newest = GrowingAxes()
        self._goals: dict[str, str] = {}
        self._untold: dict[int, Floats] = {}

    def add(self, name: str, split: str | None, place: int, value: Floats, axes: Axes) -> None:
        """A piece, its lines ascending. `place`: of the column in its row."""
        if value.size:
            self._append(self._of(name, split, int(axes.line[0]), place), value, axes)

    def row(
        self,
        name: str,
        split: str | None,
        place: int,
        value: float,
        *,
        line: int,
        step: float = np.nan,
        epoch: float = np.nan,
        time: float = np.nan,
    ) -> None:
        """One value."""
        grown = self._of(name, split, line, place)
        grown.rows.append((value, step, epoch, time, line))
        if len(grown.rows) >= MOST_ROWS:
            self._settle(grown)

    def aim(self, name: str, goal: str) -> None:
        """The file says that of this metric lower ('min') or higher ('max') is better."""
        self._goals[name] = goal

    def _of(self, name: str, split: str | None, line: int, place: int) -> _Grown:
        key, rank = (name, split), (line, place)
        grown = self._grown.get(key)
        if grown is None:
            grown = self._grown[key] = _Grown(rank, self._newest)
        elif rank < grown.rank:
            grown.rank = rank
        return grown

    def _append(self, grown: _Grown, value: Floats, axes: Axes) -> None:
        """Curves that have had the same pieces share their axes; who has another one leaves."""
        shared = grown.axes
        is_there = shared.last is axes and grown.taken == shared.count - 1
        if not is_there and grown.taken != shared.count:
            shared = grown.axes = self._apart(grown, axes)
            is_there = shared.last is axes
        if not is_there:
            shared.append(axes)
        grown.taken = shared.count
        grown.value.append(value)

    def _apart(self, grown: _Grown, axes: Axes) -> GrowingAxes:
        if grown.value.size:
            return grown.axes.until(grown.value.size)
        if not (self._newest.count == 1 and self._newest.last is axes):
            self._newest = GrowingAxes()
        return self._newest

    def _settle(self, grown: _Grown) -> None:
        """Makes a piece of the single rows."""
        if grown.rows:
            value, step, epoch, time, line = np.array(grown.rows, dtype=np.float64).T.copy()
            grown.rows = []
            self._append(grown, value, Axes(line.astype(np.int64), step, epoch, time))

    def curves(self) -> tuple[Curve, ...]:
        """In the order in which each name came first. May be asked for once: it empties this."""
        ranked = sorted(self._grown.items(), key=lambda item: item[1].rank)
        self._grown = {}
        for _, grown in ranked:
            self._settle(grown)
        done: dict[tuple[int, int], Axes] = {}
        return tuple(self._curve(name, split, grown, done) for (name, split), grown in ranked)

    def _curve(
        self,
        name: str,
        split: str | None,
        grown: _Grown,
        done: dict[tuple[int, int], Axes],
    ) -> Curve:
        size = grown.value.size
        key = id(grown.axes), size
        if key not in done:
            done[key] = grown.axes.first(size)
        axes = done[key]
        value, line = grown.value.first(size), axes.line
        step, epoch, time = (self._told(each, size) for each in axes.columns)
        if not _is_ascending(line):
            order = np.argsort(line, kind="stable")
            value, line = value[order], line[order]
            step, epoch, time = step[order], epoch[order], time[order]
        return Curve(
            name=name,
            value=value,
            step=step,
            epoch=epoch,
            time=time,
            line=line,
            split=split,
            goal=self._goals.get(name),
        )

    def _told(self, column: Floats | None, size: int) -> Floats:
        if column is not None:
            return column
        return self._untold.setdefault(size, np.full(size, np.nan))


def _is_ascending(line: Whole) -> bool:
    return bool((line[1:] >= line[:-1]).all())
