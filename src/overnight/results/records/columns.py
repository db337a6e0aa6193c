"""Columns of numbers that arrive in batches, each number with the series that it belongs to."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from overnight.results.curves import Curve, Floats, Whole


class Columns:
    """Grows by batches; `curves` sorts them into series, each in the order of its batches."""

    def __init__(self) -> None:
        self._keys: dict[Hashable, int] = {}
        self._which: list[Whole] = []
        self._columns: tuple[list[Floats], ...] = ([], [], [], [])

    def number(self, key: Hashable) -> int:
        """The number of a series, in the order in which they come first."""
        return self._keys.setdefault(key, len(self._keys))

    def add(self, which: Whole | int, rows: Sequence[Floats] | Floats) -> None:
        """`rows`: value, step, time, line of shape (n,); `which`: one number or n of them."""
        columns = [np.array(row, np.float64) for row in rows]
        count = columns[0].size
        self._which.append(np.full(count, which, np.int64) if isinstance(which, int) else which)
        for kept, column in zip(self._columns, columns, strict=True):
            kept.append(column)

    def sorted(self) -> Iterable[tuple[Any, tuple[Floats, ...]]]:
        """Each key with value, step, time and line of its rows, in order. Only once.

        A database of many runs is as large as the memory allows, so no more than one column is
        there twice at any time.
        """
        if not self._which:
            return
        which = np.concatenate(self._which)
        self._which = []
        order = np.argsort(which, kind="stable") if len(self._keys) > 1 else None
        columns = tuple(_joined(each, order) for each in self._columns)
        edges = np.searchsorted(
            which if order is None else which[order], np.arange(len(self._keys) + 1)
        )
        del which, order
        for number, key in enumerate(self._keys):
            mine = tuple(column[edges[number] : edges[number + 1]] for column in columns)
            if (np.diff(mine[3]) < 0).any():  # what was read one by one comes after its batch
                by_line = np.argsort(mine[3], kind="stable")
                mine = tuple(column[by_line] for column in mine)
            if mine[0].size:
                yield key, mine

    def curves(self) -> tuple[Curve, ...]:
        """Where the keys are (run, name)."""
        return tuple(of_columns(name, rows, run=run) for (run, name), rows in self.sorted())


def _joined(batches: list[Floats], order: Whole | None) -> Floats:
    whole = np.concatenate(batches)
    batches.clear()
    return whole if order is None else whole[order]


def of_columns(
    name: str, columns: Sequence[Floats], *, run: str = "", split: str | None = None
) -> Curve:
    """`columns`: value, step, time and line, each of shape (n,); no epoch is told."""
    value, step, time, line = columns
    return Curve(
        name=name,
        value=value,
        step=step,
        epoch=np.broadcast_to(np.float64(np.nan), value.shape),  # takes no memory
        time=time,
        line=line.astype(np.int64),
        run=run,
        split=split,
    )


def number(value: Any) -> float | None:
    """A number of JSON or of a cell; None for what is none. Truth and text are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def flat(row: Any, front: str = "") -> Iterable[tuple[str, Any]]:
    """The leaves of nested JSON objects, named `a/b`."""
    for key, value in row.items():
        name = f"{front}{key}"
        if isinstance(value, dict) and "_type" not in value and name.count("/") < 16:
            yield from flat(value, f"{name}/")
        else:
            yield name, value
