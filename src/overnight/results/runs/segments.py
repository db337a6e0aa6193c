"""Where one run ends and the next begins when a file holds several, one behind the other. Pure.

A counter that starts anew at, or close to, where it began is another run. One that goes back
only a part of its way is the same run, resumed: what it passed before is repeated.
"""

from __future__ import annotations

import numpy as np

from overnight.results.curves import Floats, Whole
from overnight.results.series import Series

NEAR = 0.1  # of the way that the counter had gone: closer than this to its start is a new start
FEWEST = 8  # a last run with fewer values is not judged where an earlier one has more
MOST_RESUMED = 100  # a counter that goes back more often is not that of a resumed run
ORDERED = 0.5  # a counter of which less is in order after the repeats are gone is no axis


def axis(series: Series) -> Floats:
    """Steps where all are told, else epochs, else 1, 2, 3, …: of what counts, shape (series.n,).

    Steps that go back, or stay where they are, while the epoch goes on are counted within the
    epoch: then it is the axis.
    """
    step, epoch = counted(series, series.step), counted(series, series.epoch)
    count = series.n
    has_step, has_epoch = (count > 0 and bool(np.isfinite(each).all()) for each in (step, epoch))
    if has_step and not (has_epoch and _is_within(step, epoch)):
        return step
    return epoch if has_epoch else np.arange(1.0, count + 1)


def counted(series: Series, column: Floats) -> Floats:
    """A column without what was repeated; not copied where nothing was."""
    return column if series.n == column.size else column[series.kept]


def _is_within(step: Floats, epoch: Floats) -> bool:
    ahead, later = np.diff(step), np.diff(epoch) > 0
    stays = ahead.size > 0 and not ahead.any() and later.all()
    return bool(stays or ((ahead < 0) & later).any())


def starts(x: Floats) -> Whole:
    """The places at which a run begins; the first is 0. Shape (runs,), empty without values."""
    if not x.size:
        return np.empty(0, np.int64)
    found, begin = [0], float(x[0])
    for place in np.flatnonzero(np.diff(x) < 0) + 1:
        before, here = float(x[place - 1]), float(x[place])
        if here - begin <= NEAR * (before - begin):
            found.append(int(place))
            begin = here
    return np.array(found, np.int64)


def first_told(x: Floats) -> Whole:
    """The places that no later value passed again; all of them where the axis has no order."""
    back = np.flatnonzero(np.diff(x) < 0) + 1
    if back.size > MOST_RESUMED:
        return np.arange(x.size)
    is_told = np.ones(x.size, np.bool_)
    for place in back:
        is_told[:place] &= x[:place] < x[place]
    kept = np.flatnonzero(is_told)
    return kept if kept.size > ORDERED * x.size else np.arange(x.size)


def runs(series: Series) -> int:
    """How many runs the series holds, one behind the other; 0 without values."""
    return int(starts(axis(series)).size)


def judged(series: Series) -> tuple[Whole, Floats]:
    """What is judged: the last run, or the longest where the last has hardly begun.

    Returns the places in the series, without repeats and in order, and their axis; shape (n,).
    """
    x = axis(series)
    begin = starts(x)
    if not begin.size or (begin.size == 1 and (np.diff(x) >= 0).all()):
        return series.kept, x
    end = np.append(begin[1:], x.size)
    lengths = end - begin
    which = lengths.size - 1 if lengths[-1] >= FEWEST else int(np.argmax(lengths))
    inside = np.arange(begin[which], end[which])
    inside = inside[first_told(x[inside])]
    return series.kept[inside], x[inside]
