"""The series of a run: one metric over all attempts and files, in the order of the training.

What an attempt repeated after it was resumed is kept and marked, and counts in no number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Floats, Whole


class Point(NamedTuple):
    """One value and where it was read: `source` is relative to the run's folder, `line` from 1.

    `attempt` is 0 where it is unknown.
    """

    step: int | None
    epoch: float | None
    value: float
    source: str
    line: int
    attempt: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """Arrays of shape (n,). NaN in `step`, `epoch` or `time` means: not told.

    `name` is the folded one (`val_loss`), `written` as the file has it (`eval/loss`). `file` points
    into `files`; `attempt` is 0 where no attempt is known. `is_repeated` marks what a later attempt
    passed again. `goal` is None where nobody told which way is better: it is never guessed.
    """

    name: str
    written: str
    split: str
    goal: str | None
    value: Floats
    step: Floats
    epoch: Floats
    time: Floats
    line: Whole
    file: NDArray[np.int16]
    files: tuple[str, ...]
    attempt: NDArray[np.int16]
    is_repeated: NDArray[np.bool_]

    @cached_property
    def kept(self) -> Whole:
        """The places of what counts, in order."""
        return np.flatnonzero(~self.is_repeated)

    @cached_property
    def x(self) -> Floats:
        """The axis of the whole series: steps where all are told, else epochs, else 1, 2, 3, …"""
        for column in (self.step, self.epoch):
            if column.size and not np.isnan(column).any():
                return column
        return np.arange(1.0, self.value.size + 1)

    @property
    def n(self) -> int:
        return int(self.kept.size)

    @cached_property
    def best(self) -> int | None:
        """The place of the first best finite value; None without a goal or a finite value."""
        best = best_place(self.value[self.kept], self.goal)
        return None if best is None else int(self.kept[best])

    @property
    def last(self) -> int | None:
        """The place of the last value, finite or not."""
        return int(self.kept[-1]) if self.kept.size else None

    def point(self, place: int) -> Point:
        step, epoch = float(self.step[place]), float(self.epoch[place])
        return Point(
            step=int(step) if np.isfinite(step) else None,
            epoch=epoch if np.isfinite(epoch) else None,
            value=float(self.value[place]),
            source=self.files[int(self.file[place])],
            line=int(self.line[place]),
            attempt=int(self.attempt[place]),
        )


def best_place(values: Floats, goal: str | None) -> int | None:
    """Of the first best finite value; None without a goal or a finite value."""
    finite = np.isfinite(values)
    if goal is None or not finite.any():
        return None
    if goal == "min":
        return int(np.argmin(np.where(finite, values, np.inf)))
    return int(np.argmax(np.where(finite, values, -np.inf)))
