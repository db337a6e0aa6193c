"""Puts curves together from pieces: many rows at once where they are regular, single ones else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from overnight.results.curves import Curve, Floats, Whole


@dataclass(eq=False)
class Axes:
    """Where the values of a piece stand; shape (n,) each, None where the file does not tell.

    Metrics that stand on the same rows share one, so that memory does not grow with their number.
    """

    line: Whole
    step: Floats | None = None
    epoch: Floats | None = None
    time: Floats | None = None

    def where(self, told: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Axes:
        return Axes(self.line[told], *(_where(each, told) for each in self.columns))

    @property
    def columns(self) -> tuple[Floats | None, Floats | None, Floats | None]:
        return self.step, self.epoch, self.time


@dataclass
class _Grown:
    rank: tuple[int, int]
    pieces: list[tuple[Floats, Axes]] = field(default_factory=list)
    rows: list[tuple[float, float, float, float, int]] = field(default_factory=list)


class Gather:
    """Collects the curves of one file."""

    def __init__(self) -> None:
        self._grown: dict[tuple[str, str | None], _Grown] = {}
        self._goals: dict[str, str] = {}

    def add(self, name: str, split: str | None, place: int, value: Floats, axes: Axes) -> None:
        """A piece, its lines ascending. `place`: of the column in its row."""
        if value.size:
            piece = (np.ascontiguousarray(value), axes)
            self._of(name, split, int(axes.line[0]), place).pieces.append(piece)

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

    def _of(self, name: str, split: str | None, line: int, place: int) -> _Grown:
        key, rank = (name, split), (line, place)
        grown = self._grown.get(key)
        if grown is None:
            grown = self._grown[key] = _Grown(rank)
        elif rank < grown.rank:
            grown.rank = rank
        return grown

    def curves(self) -> tuple[Curve, ...]:
        """In the order in which each name came first. May be asked for once: it empties this."""
        ranked = sorted(self._grown.items(), key=lambda item: item[1].rank)
        self._grown = {}
        for _, grown in ranked:
            _settle(grown)
        joined = _Joined([[axes for _, axes in grown.pieces] for _, grown in ranked])
        return tuple(self._curve(name, split, grown, joined) for (name, split), grown in ranked)

    def _curve(self, name: str, split: str | None, grown: _Grown, joined: _Joined) -> Curve:
        axes = joined.axes([each for _, each in grown.pieces])
        value = _joined([each for each, _ in grown.pieces])
        grown.pieces.clear()
        step, epoch, time = (joined.told(each, value.size) for each in axes.columns)
        line = axes.line
        if (np.diff(line) < 0).any():
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


def _where(
    column: Floats | None, told: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Floats | None:
    return None if column is None else column[told]


def _settle(grown: _Grown) -> None:
    """Makes a piece of the single rows."""
    if grown.rows:
        value, step, epoch, time, line = np.array(grown.rows, dtype=np.float64).T.copy()
        grown.pieces.append((value, Axes(line.astype(np.int64), step, epoch, time)))
        grown.rows = []


def _filled(parts: Sequence[Floats | None], sizes: Sequence[int]) -> list[Floats]:
    return [
        np.full(size, np.nan) if part is None else part
        for part, size in zip(parts, sizes, strict=True)
    ]


def _joined(parts: Sequence[Floats]) -> Floats:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


class _Joined:
    """Joins the axes that curves share once, and lets go of the pieces that nobody else needs."""

    def __init__(self, curves: Sequence[Sequence[Axes]]) -> None:
        keys = {tuple(map(id, pieces)) for pieces in curves}
        self._wanted = Counter(each for key in keys for each in key)
        self._kept = list(curves)  # ids stay theirs
        self._done: dict[tuple[int, ...], Axes] = {}
        self._untold: dict[int, Floats] = {}

    def axes(self, pieces: Sequence[Axes]) -> Axes:
        key = tuple(map(id, pieces))
        if key not in self._done:
            self._done[key] = pieces[0] if len(pieces) == 1 else self._join(pieces)
        return self._done[key]

    def _join(self, pieces: Sequence[Axes]) -> Axes:
        """Column by column: each piece is let go of before the next is joined."""
        sizes = [piece.line.size for piece in pieces]
        alone = [piece for piece in pieces if self._wanted[id(piece)] == 1]
        made = Axes(np.concatenate([piece.line for piece in pieces]))
        for piece in alone:
            piece.line = made.line[:0]
        for name in ("step", "epoch", "time"):
            parts = [getattr(piece, name) for piece in pieces]
            if any(part is not None for part in parts):
                setattr(made, name, np.concatenate(_filled(parts, sizes)))
            del parts
            for piece in alone:
                setattr(piece, name, None)
        return made

    def told(self, column: Floats | None, size: int) -> Floats:
        if column is not None:
            return column
        return self._untold.setdefault(size, np.full(size, np.nan))
