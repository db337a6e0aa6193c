"""Arrays that grow piece by piece without being copied at the end, so that large files fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Floats, Whole


@dataclass(eq=False)
class Axes:
    """Where the values of a piece stand; shape (n,) each, None where the file does not tell.

    Metrics that stand on the same rows share one, so that memory does not grow with their number.
    """

    line: Whole
    step: Floats | None = None
    epoch: Floats | None = None
    time: Floats | None = None

    def where(self, told: NDArray[np.bool_]) -> Axes:
        columns = (None if each is None else each[told] for each in self.columns)
        return Axes(self.line[told], *columns)

    @property
    def columns(self) -> tuple[Floats | None, Floats | None, Floats | None]:
        return self.step, self.epoch, self.time


Kind = TypeVar("Kind", np.float64, np.int64)


class Column(Generic[Kind]):
    """Numbers of one type. Grows in place: a large block of memory is moved, and not copied."""

    def __init__(self, kind: type[Kind]) -> None:
        self._array: NDArray[Kind] = np.empty(0, dtype=kind)
        self.size = 0

    def append(self, piece: NDArray[Kind]) -> None:
        self._room(piece.size)[:] = piece

    def _room(self, count: int) -> NDArray[Kind]:
        start, self.size = self.size, self.size + count
        if self.size > self._array.size:
            more = 0 if start == 0 else self.size // 2
            self._array.resize(self.size + more, refcheck=False)
        return self._array[start : self.size]

    def copied(self, count: int) -> NDArray[Kind]:
        return self._array[:count].copy()

    def first(self, count: int) -> NDArray[Kind]:
        """The first `count`; nothing may be appended any more."""
        if self._array.size > self.size:
            self._array.resize(self.size, refcheck=False)
        return self._array if count == self.size else self.copied(count)


class GrowingAxes:
    """Axes of curves that have had the same pieces so far. `count`: how many pieces."""

    def __init__(self) -> None:
        self.count = 0
        self.last: Axes | None = None
        self._line = Column(np.int64)
        self._columns: list[Column[np.float64] | None] = [None, None, None]

    def append(self, axes: Axes) -> None:
        before = self._line.size
        self._line.append(axes.line)
        for place, piece in enumerate(axes.columns):
            column = self._columns[place]
            if column is None and piece is not None:
                column = self._columns[place] = Column(np.float64)
                column.append(np.full(before, np.nan))
            if column is not None:
                column.append(np.full(axes.line.size, np.nan) if piece is None else piece)
        self.count, self.last = self.count + 1, axes

    def first(self, size: int) -> Axes:
        """The axes of the first `size` values; nothing may be appended any more."""
        columns = (None if each is None else each.first(size) for each in self._columns)
        return Axes(self._line.first(size), *columns)

    def until(self, size: int) -> GrowingAxes:
        """A copy of the first `size`, to go on with other pieces."""
        copied = GrowingAxes()
        columns = (None if each is None else each.copied(size) for each in self._columns)
        copied.append(Axes(self._line.copied(size), *columns))
        copied.last = None
        return copied
