"""Puts curves together from pieces: many rows at once where they are regular, single ones else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from overnight.results.curves import Curve, Floats, Whole

_AXES = ("value", "step", "epoch", "time", "line")


@dataclass
class _Growing:
    rank: tuple[int, int]
    pieces: list[tuple[Floats | None, ...]] = field(default_factory=list)
    rows: list[tuple[float, ...]] = field(default_factory=list)


class Gather:
    """Collects the curves of one file. A column that is not told is None."""

    def __init__(self) -> None:
        self._growing: dict[tuple[str, str | None], _Growing] = {}
        self._goals: dict[str, str] = {}

    def add(
        self,
        name: str,
        split: str | None,
        place: int,
        value: Floats,
        *,
        line: Floats,
        step: Floats | None = None,
        epoch: Floats | None = None,
        time: Floats | None = None,
    ) -> None:
        """A piece; arrays of one length, lines ascending. `place`: of the column in its row."""
        if value.size:
            grown = self._of(name, split, int(line[0]), place)
            grown.pieces.append((value, step, epoch, time, line))

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
        self._of(name, split, line, place).rows.append((value, step, epoch, time, line))

    def aim(self, name: str, goal: str) -> None:
        """The file says that of this metric lower ('min') or higher ('max') is better."""
        self._goals[name] = goal

    def _of(self, name: str, split: str | None, line: int, place: int) -> _Growing:
        key, rank = (name, split), (line, place)
        grown = self._growing.get(key)
        if grown is None:
            grown = self._growing[key] = _Growing(rank)
        elif rank < grown.rank:
            grown.rank = rank
        return grown

    def curves(self) -> tuple[Curve, ...]:
        """In the order in which each name came first; may be asked for once."""
        ranked = sorted(self._growing.items(), key=lambda item: item[1].rank)
        self._growing = {}
        joined = _Joined()
        return tuple(self._curve(name, split, grown, joined) for (name, split), grown in ranked)

    def _curve(self, name: str, split: str | None, grown: _Growing, joined: _Joined) -> Curve:
        if grown.rows:
            grown.pieces.append(tuple(np.array(grown.rows, dtype=np.float64).T))
        pieces, grown.pieces, grown.rows = grown.pieces, [], []
        size = sum(_size(piece[0]) for piece in pieces)
        columns = [joined.column([piece[at] for piece in pieces], pieces, size) for at in range(5)]
        if len(pieces) > 1 and (np.diff(columns[4]) < 0).any():
            order = np.argsort(columns[4], kind="stable")
            columns = [column[order] for column in columns]
        value, step, epoch, time, line = columns
        return Curve(
            name=name,
            value=value,
            step=step,
            epoch=epoch,
            time=time,
            line=joined.whole(line),
            split=split,
            goal=self._goals.get(name),
        )


def _size(column: Floats | None) -> int:
    return 0 if column is None else column.size


class _Joined:
    """Joins columns once where several curves share the pieces of an axis: it saves memory."""

    def __init__(self) -> None:
        self._columns: dict[tuple[int, ...], tuple[list[Floats | None], Floats]] = {}
        self._lines: dict[int, tuple[Floats, Whole]] = {}
        self._untold: dict[int, Floats] = {}

    def column(
        self, parts: list[Floats | None], pieces: Iterable[tuple[Floats | None, ...]], size: int
    ) -> Floats:
        if all(part is None for part in parts):
            return self._untold.setdefault(size, np.full(size, np.nan))
        if len(parts) == 1 and parts[0] is not None:
            return np.ascontiguousarray(parts[0])
        key = tuple(id(part) for part in parts)
        is_whole = all(part is not None for part in parts)
        if is_whole and key in self._columns:
            return self._columns[key][1]
        told = [
            np.full(_size(piece[0]), np.nan) if part is None else part
            for part, piece in zip(parts, pieces, strict=True)
        ]
        column = np.concatenate(told)
        if is_whole:
            self._columns[key] = (parts, column)  # keeps the parts, so that their ids stay theirs
        return column

    def whole(self, line: Floats) -> Whole:
        """Shared as well; a float64 counts lines exactly up to 2**53."""
        if id(line) not in self._lines:
            self._lines[id(line)] = (line, line.astype(np.int64))
        return self._lines[id(line)][1]
