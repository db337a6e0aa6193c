"""Columns of numbers that arrive in batches, each number with the series that it belongs to."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overnight.results import curves
from overnight.results.curves import Curve, Floats, Whole


class Columns:
    """Grows by batches; `curves` sorts them into series, each in the order of its batches."""

    def __init__(self) -> None:
        self._keys: dict[Hashable, int] = {}
        self._which: list[Whole] = []
        self._rows: list[NDArray[np.float64]] = []

    def number(self, key: Hashable) -> int:
        """The number of a series, in the order in which they come first."""
        return self._keys.setdefault(key, len(self._keys))

    def add(self, which: Whole | int, rows: Sequence[Floats] | Floats) -> None:
        """`rows`: value, step, time, line of shape (n,); `which`: one number or n of them."""
        table = np.stack([np.asarray(row, np.float64) for row in rows])
        count = table.shape[1]
        self._which.append(np.full(count, which, np.int64) if isinstance(which, int) else which)
        self._rows.append(table)

    def sorted(self) -> Iterable[tuple[Any, NDArray[np.float64]]]:
        """Each key with its rows: an array of shape (5, n) as `curves.curve` takes it."""
        if not self._rows:
            return
        which = np.concatenate(self._which)
        table = np.concatenate(self._rows, axis=1)
        self._which, self._rows = [], []
        if len(self._keys) > 1:
            order = np.argsort(which, kind="stable")
            which, table = which[order], table[:, order]
        edges = np.searchsorted(which, np.arange(len(self._keys) + 1))
        for number, key in enumerate(self._keys):
            mine = table[:, edges[number] : edges[number + 1]]
            if (np.diff(mine[3]) < 0).any():  # what was read one by one comes after its batch
                mine = mine[:, np.argsort(mine[3], kind="stable")]
            value, step, time, line = mine
            if value.size:
                yield key, np.stack([value, step, curves.untold(value.size), time, line])

    def curves(self) -> tuple[Curve, ...]:
        """Where the keys are (run, name)."""
        return tuple(curves.curve(name, rows, run=run) for (run, name), rows in self.sorted())


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
