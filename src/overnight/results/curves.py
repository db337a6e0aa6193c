"""What a file of metrics holds, as a reader gives it: curves of arrays, and what was passed over.

A reader is a module (or object) with three things; `results/formats/` has ours, other packages add
theirs under the entry point group `overnight.readers`:

    FORMAT = "keras_csv"                        its name in `overnight inspect`
    def claims(path, head) -> int               how sure it is, from NO to SURE; opens nothing
    def read(path, mark) -> Found               whole, or what came after `mark`

It never raises on what a file holds: what it cannot read is in `skipped`, and a torn last line is
left for the next time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

# How sure a reader is that a file is of its format.
NO, PERHAPS, LIKELY, SURE = 0, 1, 2, 3
HEAD_BYTES = 1 << 14  # how much of a file `claims` is shown
MOST_SKIPPED = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One metric of one file in the order in which it was written. Arrays of shape (n,).

    `name` is as written, without padding. `split` ('train', 'val', 'test') only where the file told
    it beside the name. `step` and `epoch` as the training counts, `time` in Unix seconds; NaN where
    the file does not tell. `value` keeps NaN and infinity. `line` counts from 1; in binary files it
    is the number of the record. `run` names the run where one file holds several by name. `goal`
    ('min', 'max') only where the file itself says which way is better. `is_full`: the name is all
    of it, although the split stands beside (Caffe: the output of a net has its own name).
    """

    name: str
    value: Floats
    step: Floats
    epoch: Floats
    time: Floats
    line: Whole
    split: str | None = None
    run: str = ""
    goal: str | None = None
    is_full: bool = False


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A part of a file that was not read: where (from 1; None for no single line), what and why."""

    line: int | None
    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Where reading goes on when the file has grown: all before `offset` has been read.

    `line`: complete lines (records) before it. `memory`: what the reader has to remember, as JSON.
    """

    offset: int
    line: int
    memory: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one reading gave. `mark` None: the file is rewritten and not added to; read it whole.

    `more_skipped`: how many more were passed over than `skipped` lists. `settings`: the
    hyperparameters that the file holds, by run ("" where it knows no runs). `ended`: False where
    the file itself tells that its run was cut off, None where it does not say.
    `headers`: lines with a second or later header, where another run may have begun.
    `restarts`: (line, step) where the writer said that it began again: what it wrote before that
    line, in this or an earlier file, is void from that step on.
    """

    format: str
    curves: tuple[Curve, ...]
    skipped: tuple[Skipped, ...] = ()
    more_skipped: int = 0
    mark: Mark | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ended: bool | None = None
    headers: tuple[int, ...] = ()
    restarts: tuple[tuple[int, float], ...] = ()


class Reader(Protocol):
    """What every format offers; a module does."""

    @property
    def FORMAT(self) -> str: ...  # noqa: N802  a constant of a module

    def claims(self, path: Path, head: bytes) -> int:
        """`head`: the first HEAD_BYTES of the file."""
        ...

    def read(self, path: Path, mark: Mark | None = None) -> Found:
        """An answer without a mark is the whole file, and replaces what was read of it before."""
        ...


class Table:
    """Collects values one by one, for readers that meet them row by row."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str | None], list[tuple[float, ...]]] = {}
        self._goals: dict[str, str] = {}

    def add(
        self,
        name: str,
        value: float,
        *,
        line: int,
        step: float | None = None,
        epoch: float | None = None,
        time: float | None = None,
        split: str | None = None,
        run: str = "",
    ) -> None:
        row = (value, _told(step), _told(epoch), _told(time), float(line))
        self._rows.setdefault((run, name, split), []).append(row)

    def aim(self, name: str, goal: str) -> None:
        """The file says that of this metric lower ('min') or higher ('max') is better."""
        self._goals[name] = goal

    def curves(self) -> tuple[Curve, ...]:
        """In the order in which each name came first."""
        return tuple(
            curve(name, np.array(rows).T, split=split, run=run, goal=self._goals.get(name))
            for (run, name, split), rows in self._rows.items()
        )


class Passed:
    """Collects what a reader passes over, without growing with the file."""

    def __init__(self) -> None:
        self.listed: list[Skipped] = []
        self.more = 0

    def add(self, line: int | None, what: str, why: str) -> None:
        if len(self.listed) < MOST_SKIPPED:
            self.listed.append(Skipped(line=line, what=what[:80], why=why))
        else:
            self.more += 1


def _told(value: float | None) -> float:
    return np.nan if value is None else value


def curve(
    name: str,
    columns: Floats,
    *,
    split: str | None = None,
    run: str = "",
    goal: str | None = None,
) -> Curve:
    """`columns` has the shape (5, n): value, step, epoch, time, line."""
    value, step, epoch, time, line = np.ascontiguousarray(columns)
    return Curve(
        name=name,
        value=value,
        step=step,
        epoch=epoch,
        time=time,
        line=line.astype(np.int64),
        split=split,
        run=run,
        goal=goal,
    )


def untold(count: int) -> Floats:
    """A column of which the file tells nothing."""
    return np.full(count, np.nan)


def names_of(found: Sequence[Curve]) -> list[str]:
    return list(dict.fromkeys(each.name for each in found))
