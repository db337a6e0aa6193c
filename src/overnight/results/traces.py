"""What a plot shows, before anybody draws it: curves of runs, or of arms as means over their seeds.

One `Plot` is drawn in a terminal, in a figure for a paper and in a page. Pure.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from overnight.core import errors
from overnight.results import thinning
from overnight.results.comparison import statistics
from overnight.results.curves import Floats
from overnight.results.series import Series

Axis = Literal["step", "epoch", "time"]
Spread = Literal["sd", "ci", "range"]
UNITS: Mapping[str, str] = {"step": "step", "epoch": "epoch", "time": "hours"}
SPREADS: Mapping[str, str] = {
    "sd": "\u00b1 1 standard deviation (n - 1)",
    "ci": "95 % t intervals of the mean",
    "range": "from the lowest to the highest",
}
GRID = 500
FEWEST = 2  # seeds that a mean needs


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """One curve: `x`, `y` of the shape (n,), with NaN where a value was not finite.

    `band` is a spread around `y`, `n` over how many seeds. `marks`: places with what happened
    there. `repeated`: what a later attempt did again, as pairs of arrays. `best`: the best point.
    """

    name: str
    x: Floats
    y: Floats
    band: tuple[Floats, Floats] | None = None
    n: int = 1
    nonfinite: Floats = field(default_factory=lambda: np.empty(0))
    marks: tuple[tuple[float, str], ...] = ()
    repeated: tuple[tuple[Floats, Floats], ...] = ()
    best: tuple[float, float] | None = None

    @functools.cached_property
    def thin(self) -> thinning.Thin:
        return thinning.thinned(self.x, self.y)

    @functools.cached_property
    def lost(self) -> Floats:
        """Where values were not finite."""
        own = self.x[~np.isfinite(self.y) & np.isfinite(self.x)]
        return np.unique(np.concatenate((own, self.nonfinite)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Plot:
    """`reference`: a number to compare with, a dashed line. `notes`: what one has to know."""

    title: str
    x_label: str
    y_label: str
    traces: tuple[Trace, ...]
    reference: float | None = None
    reference_label: str = ""
    log: bool = False
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "metric": self.y_label,
            "x": self.x_label,
            "reference": self.reference,
            "reference_label": self.reference_label,
            "notes": list(self.notes),
            "lines": [trace_json(trace) for trace in self.traces],
        }


def trace_json(trace: Trace) -> dict[str, Any]:
    """Thinned: the lowest, mean and highest of each bucket."""
    thin = trace.thin
    band = None
    if trace.band is not None:
        band = [_plain(thinning.thinned(trace.x, each).middle) for each in trace.band]
    return {
        "name": trace.name,
        "n": trace.n,
        "x": _plain(thin.x),
        "low": _plain(thin.low),
        "mean": _plain(thin.middle),
        "high": _plain(thin.high),
        "band": band,
        "nonfinite": _plain(
            thinning.thinned(trace.lost, np.full(trace.lost.size, np.nan)).nonfinite
        ),
        "lost": int(trace.lost.size),
        "marks": [[x, text] for x, text in trace.marks],
        "best": list(trace.best) if trace.best else None,
    }


def _plain(values: Floats) -> list[float]:
    return [float(each) for each in values]


# -- one run ----------------------------------------------------------------------------------


def axis_of(runs: Mapping[str, Series], wanted: Axis | None) -> Axis | None:
    """The axis that all runs can have; None: only the order of the values is known.

    Steps that begin anew with each epoch are one only where they are asked for. Raises UsageError
    where the wanted one is not told of a run.
    """
    axes: tuple[Axis, ...] = ("step", "epoch") if wanted is None else (wanted,)
    is_nested = wanted is None and any(map(counts_in_epochs, runs.values()))
    for axis in axes:
        if axis == "step" and is_nested:
            continue
        if all(is_told(series, axis) for series in runs.values()):
            return axis
    if wanted is None:
        return None
    run = next(name for name, series in runs.items() if not is_told(series, wanted))
    raise errors.UsageError(
        f"the files of {run} do not tell the {wanted} of {runs[run].name}",
        hint="without --x, the plot has the axis that all runs have",
    )


def is_told(series: Series, axis: Axis) -> bool:
    """Of a time a part is enough: what has none is left out."""
    column = getattr(series, axis)
    known = np.isfinite(column)
    return bool(known.any() if axis == "time" else known.all() and known.size)


def counts_in_epochs(series: Series) -> bool:
    """Whether the steps begin anew with an epoch: `Train Epoch: 2 [0/60000 (0%)]`."""
    step, epoch = series.step[series.kept], series.epoch[series.kept]
    return bool(((np.diff(step) < 0) & (np.diff(epoch) > 0)).any())


def of_run(
    name: str, series: Series, axis: Axis | None, changes: Mapping[int, str] | None = None
) -> Trace:
    """`changes`: by attempt, what a repair changed before it."""
    x = _axis(series, axis)
    kept = series.kept
    return Trace(
        name=name,
        x=x[kept],
        y=series.value[kept],
        marks=_marks(series, x, changes or {}),
        repeated=_repeated(series, x),
        best=None if series.best is None else (float(x[series.best]), _value(series, series.best)),
    )


def _axis(series: Series, axis: Axis | None) -> Floats:
    if axis is None:
        return np.arange(1.0, series.value.size + 1)
    column: Floats = getattr(series, axis)
    if axis == "time":
        return (column - np.nanmin(column)) / 3600
    if axis == "epoch" and is_told(series, "step") and counts_in_epochs(series):
        return _within_epochs(column, series.step)
    return column


def _within_epochs(epoch: Floats, step: Floats) -> Floats:
    """Each value in its part of the epoch; at n where n epochs are done, if the first one is 1."""
    if np.any(epoch % 1):
        return epoch
    places = np.unique(step)
    length = float(places[-1] + np.median(np.diff(places)))
    done = 1.0 if epoch.min() >= 1 else 0.0
    x: Floats = epoch - done + step / length
    return x


def _value(series: Series, place: int) -> float:
    return float(series.value[place])


def _marks(series: Series, x: Floats, changes: Mapping[int, str]) -> tuple[tuple[float, str], ...]:
    """Where each later attempt began to count."""
    attempts = series.attempt[series.kept]
    starts = np.flatnonzero(np.diff(attempts)) + 1
    return tuple(
        (float(x[series.kept[start]]), changes.get(number, f"attempt {number}"))
        for start in starts
        for number in (int(attempts[start]),)
    )


def _repeated(series: Series, x: Floats) -> tuple[tuple[Floats, Floats], ...]:
    places = np.flatnonzero(series.is_repeated)
    if not places.size:
        return ()
    cuts = np.flatnonzero(np.diff(places) > 1) + 1
    return tuple((x[part], series.value[part]) for part in np.split(places, cuts))


# -- several seeds ----------------------------------------------------------------------------


def pooled(name: str, traces: Sequence[Trace], spread: Spread = "sd") -> Trace:
    """The mean over seeds with its band, at the steps that all have, else on a grid.

    Each seed is interpolated between its own values and counts nowhere outside of them; the mean is
    drawn where at least two seeds are. A single one is drawn as it is.
    """
    useful = [trace for trace in traces if np.isfinite(trace.y).any()]
    if len(useful) < FEWEST:
        lone = useful[0] if useful else traces[0]
        return Trace(**{**vars_of(lone), "name": name})
    x = common_grid(useful)
    table = np.array([_on_grid(trace, x) for trace in useful])
    count = np.isfinite(table).sum(axis=0)
    x, table, count = x[count >= FEWEST], table[:, count >= FEWEST], count[count >= FEWEST]
    mean = np.nanmean(table, axis=0)
    return Trace(
        name=name,
        x=x,
        y=mean,
        band=_band(table, mean, count, spread),
        n=len(useful),
        nonfinite=np.unique(np.concatenate([trace.lost for trace in traces])),
        marks=tuple(
            sorted((x, f"{trace.name} {what}") for trace in traces for x, what in trace.marks)
        ),
    )


def vars_of(trace: Trace) -> dict[str, Any]:
    return {name: getattr(trace, name) for name in Trace.__dataclass_fields__}


def common_grid(traces: Sequence[Trace]) -> Floats:
    """The places that all seeds share, where they are few; else an even grid over all."""
    places = [np.unique(trace.x[np.isfinite(trace.x)]) for trace in traces]
    if all(np.array_equal(each, places[0]) for each in places) and places[0].size <= GRID:
        return places[0]
    low, high = min(each[0] for each in places), max(each[-1] for each in places)
    return np.linspace(low, high, min(GRID, max(each.size for each in places)))


def _on_grid(trace: Trace, x: Floats) -> Floats:
    """Long curves as means of their buckets, so that noise is averaged and not sampled."""
    thin = trace.thin
    return np.interp(x, thin.x, thin.middle, left=np.nan, right=np.nan)


def _band(table: Floats, mean: Floats, count: Any, spread: Spread) -> tuple[Floats, Floats]:
    if spread == "range":
        return np.nanmin(table, axis=0), np.nanmax(table, axis=0)
    reach = np.nanstd(table, axis=0, ddof=1)
    if spread == "ci":
        factors = {int(n): statistics.critical(int(n) - 1) for n in np.unique(count)}
        reach = reach / np.sqrt(count) * np.array([factors[int(n)] for n in count])
    return mean - reach, mean + reach


def notes(traces: Sequence[Trace], arms: Sequence[Sequence[Trace]], spread: Spread) -> list[str]:
    """What has to be said of means, bands, thinned curves and marks."""
    told = []
    if any(trace.band is not None for trace in traces):
        told.append(
            f"Lines are means over n seeds, bands {SPREADS[spread]}. Each seed is interpolated "
            "only within its own range; a mean is drawn where at least two seeds are"
        )
    told += [said for trace, arm in zip(traces, arms, strict=True) if (said := _fewer(trace, arm))]
    if any(
        trace.band is None and trace.thin.x.size < np.isfinite(trace.y).sum() for trace in traces
    ):
        told.append("Of long curves the mean, the lowest and the highest of equal parts are drawn")
    if any(trace.lost.size for trace in traces):
        told.append("Crosses: NaN or infinity")
    if any(trace.marks for trace in traces):
        told.append("Triangles: a later attempt goes on after a failure")
    return told


def _fewer(trace: Trace, arm: Sequence[Trace]) -> str:
    """Where some seeds end before others."""
    if trace.band is None:
        return ""
    ends = sorted(float(each.thin.x[-1]) for each in arm if each.thin.x.size)
    if ends[0] >= ends[-1] - (ends[-1] - float(trace.x[0])) / 100:
        return ""
    return f"{trace.name}: fewer than {trace.n} seeds after {ends[0]:g}"
