"""The series of runs, from what lies in .overnight/results. Nothing here asks a server."""

from __future__ import annotations

import numpy as np

from overnight.app import Overnight
from overnight.core import places
from overnight.results import readers
from overnight.results.series import Series


def of_run(o: Overnight, run: str) -> tuple[Series, ...]:
    """The series of a run, sorted by name; empty where nothing was pulled."""
    return tuple(map(series, readers.read(places.results_folder(o.root, run))))


def series(found: readers.Series) -> Series:
    files = tuple(dict.fromkeys(each.source for each in found.points))
    n = len(found.points)
    return Series(
        name=found.name,
        written=found.name,
        split=found.split,
        goal=None,
        value=np.array([each.value for each in found.points], dtype=np.float64),
        step=np.array([np.nan if p.step is None else p.step for p in found.points], np.float64),
        epoch=np.array([np.nan if p.epoch is None else p.epoch for p in found.points], np.float64),
        time=np.full(n, np.nan),
        line=np.array([each.line for each in found.points], dtype=np.int64),
        file=np.array([files.index(each.source) for each in found.points], dtype=np.int16),
        files=files,
        attempt=np.zeros(n, dtype=np.int16),
        is_repeated=np.zeros(n, dtype=np.bool_),
    )
