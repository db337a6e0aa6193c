"""The order in which a training passes its values, and which of them it passed again. Pure.

A place is (step, epoch), NaN where it is not told. Steps may count within the epoch, so the epoch
decides first; where nobody can tell, nothing was repeated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Curve, Floats

Marks = NDArray[np.bool_]
# Steps that begin anew more often than this are counted within something that is not told.
MOST_RESTARTS = 50
# A share of values at the place of the one before, up to which they were written again.
FEW_TIES = 1 / 3


def at_or_after(
    step: Floats, epoch: Floats, start_step: Floats | float, start_epoch: Floats | float
) -> Marks:
    """Which places lie in the part of the training that begins with `start`."""
    in_epoch = ~(np.isnan(epoch) | np.isnan(start_epoch))
    counted = ~(np.isnan(step) | np.isnan(start_step))
    by_step = np.where(counted, step >= start_step, in_epoch)
    return np.where(in_epoch & (epoch != start_epoch), epoch > start_epoch, by_step)


def is_told(curve: Curve) -> Marks:
    """Which places of a curve say anything."""
    return ~(np.isnan(curve.step) & np.isnan(curve.epoch))


def backs(curve: Curve) -> NDArray[np.int64]:
    """The indices whose place lies before that of the value written just before them."""
    step, epoch = curve.step, curve.epoch
    back = at_or_after(step[:-1], epoch[:-1], step[1:], epoch[1:])
    back &= ~at_or_after(step[1:], epoch[1:], step[:-1], epoch[:-1])
    return np.flatnonzero(back) + 1


def repeated_within(curve: Curve) -> Marks:
    """What the curve itself passes again later: of two values at one place the later one counts.

    Where many values share their place with the one before, a place has several (batches of an
    epoch, evaluations at a step), and they all count.
    """
    marks = np.zeros(curve.value.size, dtype=bool)
    told = is_told(curve)
    if told.all():
        marks |= _repeated(curve.step, curve.epoch)
    elif told.any():
        marks[told] = _repeated(curve.step[told], curve.epoch[told])
    return marks


def _repeated(step: Floats, epoch: Floats) -> Marks:
    """`repeated_within` for values that all tell a place."""
    lost = np.isnan(step), np.isnan(epoch)
    if any(each.any() and not each.all() for each in lost):
        return _repeated_one_by_one(step, epoch)
    marks = np.zeros(step.size, dtype=bool)
    if not at_or_after(step[:-1], epoch[:-1], step[1:], epoch[1:]).any():
        return marks
    rank = _ranks(step, epoch)
    ties = int((np.diff(rank) == 0).sum())
    are_several = ties > FEW_TIES * rank.size
    later = np.minimum.accumulate(rank[::-1])[::-1]
    marks[:-1] = later[1:] < rank[:-1] if are_several else later[1:] <= rank[:-1]
    return marks


def _ranks(step: Floats, epoch: Floats) -> NDArray[np.int64]:
    """Places as whole numbers; equal ones are equal."""
    keys = np.stack((np.nan_to_num(epoch, nan=0.0), np.nan_to_num(step, nan=0.0)))
    order = np.lexsort(keys[::-1])
    sorted_keys = keys[:, order]
    new = np.any(sorted_keys[:, 1:] != sorted_keys[:, :-1], axis=0)
    ranks = np.empty(step.size, dtype=np.int64)
    ranks[order] = np.concatenate(([0], np.cumsum(new)))
    return ranks


def _repeated_one_by_one(step: Floats, epoch: Floats) -> Marks:
    """For curves that tell their place only now and then."""
    marks = np.zeros(step.size, dtype=bool)
    kept: list[int] = []
    for place in range(step.size):
        start = float(step[place]), float(epoch[place])
        while kept and _is_at_or_after(float(step[kept[-1]]), float(epoch[kept[-1]]), *start):
            marks[kept.pop()] = True
        kept.append(place)
    return marks


def _is_at_or_after(step: float, epoch: float, start_step: float, start_epoch: float) -> bool:
    in_epoch = epoch == epoch and start_epoch == start_epoch
    if in_epoch and epoch != start_epoch:
        return epoch > start_epoch
    if step == step and start_step == start_step:
        return step >= start_step
    return in_epoch
