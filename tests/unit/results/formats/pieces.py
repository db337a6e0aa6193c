"""Reading a file while it grows, as the store does it, to be compared with reading it whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from overnight.results.curves import Curve, Found, Mark, Reader

Plain = dict[tuple[str, str | None], list[tuple[float | None, ...]]]


def plain(curves: Sequence[Curve]) -> Plain:
    """Comparable: NaN is None, and each curve a list of (value, step, epoch, time, line)."""
    return {
        (each.name, each.split): [
            tuple(None if np.isnan(number) else float(number) for number in row)
            for row in zip(each.value, each.step, each.epoch, each.time, each.line, strict=True)
        ]
        for each in curves
    }


def in_pieces(reader: Reader, path: Path, data: bytes, cuts: Sequence[int]) -> Plain:
    """What somebody has who read `path` when it had the first `cut` bytes, for each cut."""
    kept: Plain = {}
    mark: Mark | None = None
    for cut in sorted({min(cut, len(data)) for cut in cuts} | {len(data)}):
        path.write_bytes(data[:cut])
        before, found = mark, reader.read(path, mark)
        mark = through_json(found.mark)
        if found.mark is None or before is None:
            kept = {}  # the file was read whole
        for key, rows in plain(found.curves).items():
            kept.setdefault(key, []).extend(rows)
    return kept


def through_json(mark: Mark | None) -> Mark | None:
    if mark is None:
        return None
    return Mark(offset=mark.offset, line=mark.line, memory=json.loads(json.dumps(mark.memory)))


def values(found: Found, name: str, split: str | None = None) -> list[float]:
    """The values of a curve, NaN kept."""
    fitting = [each for each in found.curves if (each.name, each.split) == (name, split)]
    assert len(fitting) == 1, [(each.name, each.split) for each in found.curves]
    return [float(value) for value in fitting[0].value]


def curve(found: Found, name: str, split: str | None = None) -> Curve:
    return next(each for each in found.curves if (each.name, each.split) == (name, split))
