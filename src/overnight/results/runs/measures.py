"""What is told of a series without its values: best, last, how many, where each was read. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
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


def measure(series: Series) -> Metric:
    """Of a series of which something counts; there is no other."""
    kept = series.kept
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


def flat(metric: Metric) -> tuple[Any, ...]:
    """As a row of the store: name to nonfinite, then six values for each point."""
    told = (metric.name, metric.written, metric.split, metric.goal)
    points = (metric.low, metric.high, metric.last, metric.nonfinite_at)
    parts = (part for point in points for part in _parts(point))
    return (*told, metric.n, metric.repeated, metric.nonfinite, *parts)


def _parts(point: Point | None) -> tuple[Any, ...]:
    if point is None:
        return (None,) * 6
    step = None if point.step is None else float(point.step)  # whole in the store, if it fits
    return (point.value, step, point.epoch, point.source, point.line, point.attempt)


def of_row(row: Mapping[str, Any]) -> Metric:
    """What `flat` made, by the columns of the store. NaN comes back as NULL."""
    last = _point(row, "last")
    assert last is not None  # whatever is kept has a last value
    return Metric(
        name=row["name"],
        split=row["split"],
        goal=row["goal"],
        n=row["n"],
        repeated=row["repeated"],
        low=_point(row, "low"),
        high=_point(row, "high"),
        last=last,
        nonfinite=row["nonfinite"],
        nonfinite_at=_point(row, "odd"),
        written=row["written"],
    )


def _point(row: Mapping[str, Any], which: str) -> Point | None:
    source = row[f"{which}_source"]
    if source is None:
        return None
    value, step = row[which], row[f"{which}_step"]
    return Point(
        step=None if step is None else int(step),
        epoch=row[f"{which}_epoch"],
        value=math.nan if value is None else float(value),
        source=source,
        line=row[f"{which}_line"],
        attempt=row[f"{which}_attempt"],
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

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Repeat:
        first, last = (
            Point(told[key]["step"], told[key]["epoch"], math.nan, "", 0) for key in ("from", "to")
        )
        return cls(metric=told["metric"], count=told["values"], first=first, last=last)


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
