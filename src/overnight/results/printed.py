"""Curves from what the attempts of a run printed, joined where each took up the training."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from overnight.core import output
from overnight.results import logs, names, points


def read(folder: Path) -> points.Curves:
    """The joined curves of all attempts; empty where there is no log."""
    joined: points.Curves = {}
    for number in _attempts(folder):
        later = _from_log(folder / "attempts" / str(number) / "output.log", folder)
        start = _start(later)
        for name, curve in joined.items():
            if start is not None:
                joined[name] = [each for each in curve if not points.is_at_or_after(each, start)]
        for name, curve in later.items():
            joined.setdefault(name, []).extend(curve)
    return joined


def _attempts(folder: Path) -> list[int]:
    try:
        found = os.listdir(folder / "attempts")
    except OSError:
        return []
    return sorted(int(name) for name in found if name.isdecimal() and name.isascii())


def _start(curves: points.Curves) -> points.Point | None:
    """Where an attempt took up the training: its first value, of the training if it has one."""
    first = [curve[0] for curve in curves.values()]
    trained = [curves[name][0] for name in curves if names.fold(name)[0] == names.TRAIN]
    placed = [p for p in trained or first if p.step is not None or p.epoch is not None]
    return min(placed, key=lambda point: point.line, default=None)


def _from_log(path: Path, folder: Path) -> points.Curves:
    curves: points.Curves = {}
    for each in _log_values(path, path.relative_to(folder).as_posix()):
        curve = curves.setdefault(names.spelled(each.name, each.split), [])
        if curve and _is_redrawn(curve[-1], each.point):
            curve[-1] = each.point
        else:
            curve.append(each.point)
    return curves


def _is_redrawn(before: points.Point, now: points.Point) -> bool:
    """Whether a progress bar showed the same step again; lines of several ranks are not that."""
    return now.step is not None and before.line == now.line and before[:2] == now[:2]


def _log_values(path: Path, source: str) -> Iterator[points.Value]:
    lines = logs.Lines(path)
    if not points.is_file(path):
        return
    for _, sample in output.samples(lines):
        for name, value in sample.metrics.items():
            point = points.Point(sample.step, sample.epoch, value, source, lines.number)
            yield points.Value(name, sample.split, point)
