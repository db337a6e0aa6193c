"""Columns of numbers as bytes for the store, small where they are regular. Exact, NaN included.

Most columns of a curve are regular: steps count on, epochs stay the same for long, times are not
told. Each column says in one byte how it is kept:

    C  one value for all     P  first value and stride     R  runs of equal values
    f  32-bit floats         d  64-bit floats
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Curve, Floats, untold
from overnight.results.thinning import Thin

_HEAD = struct.Struct("<cxxxI")  # how it is kept, and how many bytes follow
_FEW = 8  # runs of equal values are worth it where they are this many times fewer than values
_TRIED = 64
FEWEST = 16  # with less, nothing is gained


class NotPacked(ValueError):
    """Bytes that are none of ours, or damaged."""


def packed(column: NDArray[np.generic]) -> bytes:
    """A column of any number type."""
    values = np.ascontiguousarray(column, dtype=np.float64)
    kind, body = _body(values)
    return _HEAD.pack(kind, len(body)) + body + b"\0" * (-len(body) % 8)


def _body(values: Floats) -> tuple[bytes, bytes]:
    if values.size < FEWEST:
        return b"d", values.tobytes()
    first = values[0]
    if np.isnan(first) and np.isnan(values).all():
        return b"C", values[:1].tobytes()
    if (stride := _stride(values)) is not None:
        kept = np.array((first, stride))
        return (b"P", kept.tobytes()) if stride else (b"C", kept[:1].tobytes())
    changes = np.flatnonzero(_differ(values)) + 1 if _may_be_runs(values) else None
    if changes is not None and changes.size * _FEW < values.size:
        starts = np.concatenate(([0], changes))
        return b"R", starts.astype(np.float64).tobytes() + values[starts].tobytes()
    if (small := _halved(values)) is not None:
        return b"f", small.tobytes()
    return b"d", values.tobytes()


def _stride(values: Floats) -> float | None:
    """What each value adds to the one before, where that gives all of them exactly."""
    first, last, steps = float(values[0]), float(values[-1]), values.size - 1
    if not (math.isfinite(first) and math.isfinite(last)):
        return None
    stride = float(values[1]) - first if steps else 0.0
    if not math.isfinite(stride) or last != first + stride * steps:
        return None
    exact = first + stride * np.arange(values.size)
    return stride if np.array_equal(exact.view(np.int64), values.view(np.int64)) else None


def _may_be_runs(values: Floats) -> bool:
    head = values[:_TRIED]
    return int(_differ(head).sum()) * 4 < _TRIED


def _differ(values: Floats) -> NDArray[np.bool_]:
    """Which neighbours differ; NaN is equal to NaN."""
    bits = values.view(np.int64)
    return np.asarray(bits[1:] != bits[:-1])


def _halved(values: Floats) -> NDArray[np.float32] | None:
    """As 32-bit floats, where that loses nothing."""
    with np.errstate(over="ignore"):
        if not _same(values[:_TRIED].astype(np.float32), values[:_TRIED]):
            return None
        small = values.astype(np.float32)
    return small if _same(small, values) else None


def _same(small: NDArray[np.float32], values: Floats) -> bool:
    return np.array_equal(small.astype(np.float64), values, equal_nan=True)


def unpacked(data: bytes, offset: int, count: int) -> tuple[Floats, int]:
    """(the column of `count` values that begins at `offset`, where the next one begins).

    Raises `NotPacked`.
    """
    try:
        kind, size = _HEAD.unpack_from(data, offset)
        start = offset + _HEAD.size
        return _values(kind, data, start, size, count), start + size + -size % 8
    except (struct.error, KeyError, IndexError, ValueError) as error:
        raise NotPacked(f"no packed column: {error!r}") from error


def _values(kind: bytes, data: bytes, start: int, size: int, count: int) -> Floats:
    numbers = np.frombuffer(data, {b"f": "<f4"}.get(kind, "<f8"), size // _WIDTH[kind], start)
    if kind == b"C":
        return np.full(count, numbers[0])
    if kind == b"P":
        return np.asarray(numbers[0] + numbers[1] * np.arange(count))
    if kind == b"R":
        starts, values = np.split(numbers, 2)
        return np.repeat(values, np.diff(np.append(starts, count)).astype(np.int64))
    if numbers.size != count:
        raise IndexError("a column of another length")
    return np.asarray(numbers, dtype=np.float64)


_WIDTH = {b"C": 8, b"P": 8, b"R": 8, b"f": 4, b"d": 8}


def pack(columns: Sequence[NDArray[np.generic]]) -> bytes:
    return b"".join(packed(each) for each in columns)


def unpack(data: bytes, columns: int, count: int) -> list[Floats]:
    found, offset = [], 0
    for _ in range(columns):
        column, offset = unpacked(data, offset, count)
        found.append(column)
    return found


# -- curves ---------------------------------------------------------------------------------------


def of_curve(curve: Curve) -> bytes:
    return pack((curve.value, curve.step, curve.epoch, curve.time, curve.line))


def columns_of(chunks: Sequence[tuple[int, bytes]]) -> list[Floats]:
    """Value, step, epoch, time and line of chunks of (count, bytes), in their order."""
    parts = [unpack(data, 5, count) for count, data in chunks]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return [untold(0)] * 5
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


def of_thin(thin: Thin) -> bytes:
    head = np.array((thin.x.size, thin.nonfinite.size, thin.lost), dtype=np.float64)
    return head.tobytes() + pack((thin.x, thin.low, thin.high, thin.middle, thin.nonfinite))


def to_thin(data: bytes) -> Thin:
    """Raises `NotPacked`."""
    count, odd, lost = (int(each) for each in np.frombuffer(data, "<f8", 3))
    offset, found = 24, []
    for size in (count, count, count, count, odd):
        column, offset = unpacked(data, offset, size)
        found.append(column)
    x, low, high, mean, nonfinite = found
    return Thin(x=x, low=low, high=high, nonfinite=nonfinite, lost=lost, mean=mean)
