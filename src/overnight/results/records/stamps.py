"""Times in ISO 8601, one or many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from overnight.results.curves import Floats

_SHAPE = b"0000-00-00T00:00:00.000000+00:00"  # as Python writes a time in UTC


def seconds(stamps: Sequence[Any]) -> Floats:
    """Unix seconds of each; UTC where it does not say, NaN for what is no time."""
    try:
        raw = np.array(stamps, dtype=f"S{len(_SHAPE) + 1}")
    except (TypeError, ValueError):
        raw = np.zeros(0, "S1")
    if raw.size != len(stamps) or not raw.size or raw.dtype.itemsize != len(_SHAPE) + 1:
        return np.array([of(each) for each in stamps])
    bytes_of = raw.view(np.uint8).reshape(raw.size, -1)
    shape = np.frombuffer(_SHAPE + b"\0", np.uint8)
    is_digit = shape == ord("0")
    is_digit[-6:] = False  # the zone has to be UTC
    digits = bytes_of[:, is_digit].astype(np.int64) - ord("0")
    is_regular = (bytes_of[:, ~is_digit] == shape[~is_digit]).all() and (
        (digits >= 0) & (digits <= 9)
    ).all()
    if not is_regular:
        return np.array([of(each) for each in stamps])
    return _sum(raw, digits)


def _sum(raw: Any, digits: Any) -> Floats:
    """`digits` of shape (n, 20): date, time and microseconds."""
    days, which = np.unique(raw.astype("S10"), return_inverse=True)
    begin = np.array([of(day) for day in days.tolist()])
    clock = digits[:, 8:14] @ np.array([36000, 3600, 600, 60, 10, 1])
    micro = digits[:, 14:] @ np.array([100000, 10000, 1000, 100, 10, 1])
    # whole microseconds first, so that the sum is rounded once
    total: Floats = ((begin[which] + clock) * 1e6 + micro) / 1e6
    return total


def of(stamp: Any) -> float:
    try:
        told = datetime.fromisoformat(stamp.decode("ascii"))
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, AttributeError, OverflowError):
        return np.nan
