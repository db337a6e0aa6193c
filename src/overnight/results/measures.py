"""What is told of a series without its values: best, last, how many, where each was read. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from overnight.results.series import Point, Series


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of a run, over what counts. `low` and `high` are the first finite extremes.

    `n`: values that count; `repeated`: how many more were done again; `nonfinite`: how many of the
    `n` are NaN or infinite, `nonfinite_at` the first of them.
    """

    name: str
    split: str
    goal: str | None
    n: int
    repeated: int
    low: Point | None
    high: Point | None
    last: Point
    nonfinite: int
    nonfinite_at: Point | None
    written: str = ""

    @property
    def best(self) -> Point | None:
        """None where no direction is known or no value is finite."""
        return {"min": self.low, "max": self.high}.get(self.goal or "")

    def to_json(self) -> dict[str, Any]:
        best, odd = self.best, self.nonfinite_at
        return {
            "best": best.value if best else None,
            "best_at": place(best) if best else None,
            "last": self.last.value if math.isfinite(self.last.value) else None,
            "last_at": place(self.last),
            "source": source(best) if best else None,
            "last_source": source(self.last),
            "attempt": best.attempt or None if best else None,
            "goal": self.goal,
            "split": self.split,
            "written": self.written,
            "n": self.n,
            "repeated": self.repeated,
            "nonfinite": self.nonfinite,
            "nonfinite_at": place(odd) if odd else None,
            "nonfinite_source": source(odd) if odd else None,
        }


def place(point: Point) -> dict[str, Any]:
    return {"step": point.step, "epoch": point.epoch}


def source(point: Point) -> str:
    """`work/metrics.jsonl:12`."""
    return f"{point.source}:{point.line}"


def measure(series: Series) -> Metric | None:
    """None where nothing counts: all of it was done again under another name."""
    kept = series.kept
    if not kept.size:
        return None
    values = series.value[kept]
    finite = np.isfinite(values)
    odd = np.flatnonzero(~finite)
    low = high = None
    if odd.size < values.size:
        low = series.point(int(kept[np.argmin(np.where(finite, values, np.inf))]))
        high = series.point(int(kept[np.argmax(np.where(finite, values, -np.inf))]))
    return Metric(
        name=series.name,
        split=series.split,
        goal=series.goal,
        n=int(kept.size),
        repeated=int(series.value.size - kept.size),
        low=low,
        high=high,
        last=series.point(int(kept[-1])),
        nonfinite=int(odd.size),
        nonfinite_at=series.point(int(kept[odd[0]])) if odd.size else None,
        written=series.written,
    )


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """The part that a later attempt did again, as the metric with most of it tells."""

    metric: str
    count: int
    first: Point
    last: Point

    def to_json(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "values": self.count,
            "from": place(self.first),
            "to": place(self.last),
        }


def repeated(series: Iterable[Series]) -> Repeat | None:
    counted = ((int(each.is_repeated.sum()), each) for each in series)
    count, most = max(counted, key=lambda pair: pair[0], default=(0, None))
    if most is None or not count:
        return None
    places = np.flatnonzero(most.is_repeated)
    first, last = places[np.argmin(most.x[places])], places[np.argmax(most.x[places])]
    return Repeat(
        metric=most.name, count=count, first=most.point(int(first)), last=most.point(int(last))
    )
