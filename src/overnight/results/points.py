"""Values on the way from a file to a curve, and the order in which a training passes them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Point(NamedTuple):
    """One value and where it was read: `source` is relative to the run's folder, `line` from 1."""

    step: int | None
    epoch: float | None
    value: float
    source: str
    line: int


class Value(NamedTuple):
    """A point with its metric as it was written; `split` only where the line told it."""

    name: str
    split: str | None
    point: Point


# By the name as it was written, with the split in front where only the line told it.
Curves = dict[str, list[Point]]


def is_at_or_after(point: Point, start: Point) -> bool:
    """Whether `point` lies in the part that begins with `start`; False where nobody can tell.

    Steps may count within the epoch, so the epoch decides first.
    """
    in_epoch = False
    if point.epoch is not None and start.epoch is not None:
        if point.epoch != start.epoch:
            return point.epoch > start.epoch
        in_epoch = True
    if point.step is not None and start.step is not None:
        return point.step >= start.step
    return in_epoch


def is_file(path: Path) -> bool:
    """Whether there is a regular file that is no link."""
    return path.is_file() and not path.is_symlink()
