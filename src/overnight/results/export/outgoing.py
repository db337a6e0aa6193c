"""A run as it leaves for another tracker: its points by step, and what is told beside. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from overnight.core import views
from overnight.results.curves import Floats, Whole
from overnight.results.series import Series


class Row(NamedTuple):
    """What was measured at one step; `time` in Unix seconds, NaN where it is not known."""

    step: int
    time: float
    values: dict[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Outgoing:
    """`config`: the settings of the run. `notes`: repairs and others, one line each.

    `started_at` and `ended_at` in Unix seconds, None where they are not known.
    """

    project: str
    run: str
    state: str
    config: Mapping[str, Any]
    tags: tuple[str, ...]
    notes: tuple[str, ...]
    series: tuple[Series, ...]
    started_at: float | None
    ended_at: float | None

    @property
    def points(self) -> int:
        return sum(each.n for each in self.series)

    @property
    def is_failed(self) -> bool:
        return self.state not in ("finished", "running", "repairing", "starting", "queued")

    def header(self) -> dict[str, Any]:
        """What is no series, as JSON."""
        return {
            "project": self.project,
            "run": self.run,
            "state": self.state,
            "config": dict(self.config),
            "tags": list(self.tags),
            "notes": "\n".join(self.notes),
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "failed": self.is_failed,
            "points": self.points,
        }


def notes_of(repairs: Sequence[views.Repair], series: Sequence[Series]) -> tuple[str, ...]:
    """Every repair, whether it changed the experiment, and what was left out."""
    notes = [
        f"repair after attempt {each.attempt}: {each.failure}"
        + (f", {each.change}" if each.change else "")
        + (" (changes the experiment)" if each.changes_science else "")
        for each in repairs
    ]
    repeated = sum(each.value.size - each.n for each in series)
    if repeated:
        notes.append(f"{repeated} points that were done again after a resume are left out")
    counted = [each.name for each in series if not _has_whole_steps(each)]
    if counted:
        notes.append(f"the steps of these are counted, not told: {', '.join(sorted(counted))}")
    timeless = [each.name for each in series if each.n and np.isnan(each.time[each.kept]).all()]
    if timeless:
        notes.append(f"when these were measured is not known: {', '.join(sorted(timeless))}")
    return tuple(notes)


def tags_of(state: str, repairs: Sequence[views.Repair]) -> tuple[str, ...]:
    tags = ["overnight", state]
    if repairs:
        tags.append("repaired")
    if any(each.changes_science for each in repairs):
        tags.append("altered")
    return tuple(tags)


def steps(series: Series) -> Whole:
    """A whole number for each point that counts: its step, its epoch, or its place from 1."""
    if _has_whole_steps(series):
        return series.x[series.kept].astype(np.int64)
    return np.arange(1, series.n + 1)


def _has_whole_steps(series: Series) -> bool:
    x = series.x[series.kept]
    return bool((np.isfinite(x) & (x == np.floor(x)) & (np.abs(x) < 2.0**53)).all())


def rows(series: Sequence[Series]) -> Iterator[Row]:
    """By step. Where a series has several points at one step, further rows hold them."""
    kept = [each for each in series if each.n]
    if not kept:
        return
    step = np.concatenate([steps(each) for each in kept])
    which = np.repeat(np.arange(len(kept)), [each.n for each in kept])
    value, time = (_joined(kept, column) for column in ("value", "time"))
    turn = _turns(step, which)
    order = np.lexsort((which, turn, step))
    is_new = np.diff(step[order], prepend=np.nan) != 0
    is_new |= np.diff(turn[order], prepend=np.nan) != 0
    begins = np.flatnonzero(is_new)
    names = [each.name for each in kept]
    for start, end in zip(begins.tolist(), [*begins[1:].tolist(), order.size], strict=True):
        places = order[start:end].tolist()
        told = [float(time[place]) for place in places]
        known = [each for each in told if math.isfinite(each)]
        yield Row(
            int(step[places[0]]),
            max(known) if known else math.nan,
            {names[which[place]]: float(value[place]) for place in places},
        )


def _joined(kept: Sequence[Series], column: str) -> Floats:
    return np.concatenate([getattr(each, column)[each.kept] for each in kept])


def _turns(step: Whole, which: Whole) -> Whole:
    """How many points of the same series at the same step come before each."""
    order = np.lexsort((which, step))
    is_first = np.ones(order.size, np.bool_)
    is_first[1:] = (np.diff(step[order]) != 0) | (np.diff(which[order]) != 0)
    begin = np.maximum.accumulate(np.where(is_first, np.arange(order.size), 0))
    turns = np.empty(order.size, np.int64)
    turns[order] = np.arange(order.size) - begin
    return turns
