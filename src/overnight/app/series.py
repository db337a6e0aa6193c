"""The series of runs, from what lies in .overnight/results. Nothing here asks a server.

Whatever is asked, the folders are looked at first (one stat a file), and what has changed is read
into the store.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from overnight.app import Overnight, ingesting, second_reader
from overnight.core import config, errors, places
from overnight.results import summary, thinning
from overnight.results.runs import joining, measures, packing, renewing, run_files
from overnight.results.runs.joining import Unused
from overnight.results.runs.measures import Metric
from overnight.results.series import Series
from overnight.results.thinning import BUCKETS, Thin
from overnight.store.series import SeriesStore
from overnight.store.series_file import Damaged, Unwritable

T = TypeVar("T")
# From here on a second process is worth its start.
HEAVY_BYTES = 24 << 20


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """What was read: how many runs had something new, and how many bytes it was."""

    runs: int
    bytes: int
    seconds: float


def of_run(o: Overnight, run: str) -> tuple[Series, ...]:
    """The series of a run, sorted by name; the goal of the primary metric is that of the project.

    Empty where nothing was pulled.
    """
    series = _used(o, [run], lambda store: tuple(map(ingesting.series_of, store.series(run))))
    return aimed(series, o.config.metrics)


def one(o: Overnight, run: str, metric: str) -> Series | None:
    """The series that `metric` means, without reading the others."""

    def load(store: SeriesStore) -> Series | None:
        name = joining.meant(store.names(run), metric)
        found = store.series(run, [name]) if name is not None else []
        return ingesting.series_of(found[0]) if found else None

    series = _used(o, [run], load)
    goal = _goal(o.config.metrics, metric)
    return replace(series, goal=goal) if series and goal else series


def curve(o: Overnight, run: str, metric: str, buckets: int = BUCKETS) -> Thin | None:
    """A curve ready to draw, without what was done again; None where the run has none."""
    if buckets != BUCKETS:
        series = one(o, run, metric)
        if series is None:
            return None
        return thinning.thinned(series.x[series.kept], series.value[series.kept], buckets)

    def load(store: SeriesStore) -> Thin | None:
        name = joining.meant(store.names(run), metric)
        data = store.thumbnail(run, name) if name is not None else None
        return packing.to_thin(data) if data is not None else None

    return _used(o, [run], load)


def summaries(o: Overnight, runs: Sequence[str], metric: str) -> dict[str, Metric]:
    """What is told of `metric` for each run that has it, without its curve."""

    def load(store: SeriesStore) -> dict[str, Metric]:
        found = {row["run"]: row for row in store.metrics(runs, metric)}
        others = [run for run in runs if run not in found]
        by_name: dict[str, list[str]] = {}
        for run, names in store.names_of(others).items():
            if (name := joining.meant(names, metric)) is not None:
                by_name.setdefault(name, []).append(run)
        for name, some in by_name.items():
            found |= {row["run"]: row for row in store.metrics(some, name)}
        return {run: measures.of_row(found[run]) for run in runs if run in found}

    metrics = _used(o, runs, load)
    goal = _goal(o.config.metrics, metric)
    return {run: replace(m, goal=goal) for run, m in metrics.items()} if goal else metrics


class Told(NamedTuple):
    """What the store tells of a run without its curves: its metrics by name, and the settings of
    its records and of its metric files (a logger's config).
    """

    metrics: dict[str, Metric]
    settings: dict[str, Any]


def told(o: Overnight, runs: Sequence[str]) -> dict[str, Told]:
    """By run; the goal of the primary metric is that of the project."""

    def load(store: SeriesStore) -> dict[str, Told]:
        found = {run: Told({}, held) for run, held in store.settings(runs).items()}
        for row in store.metrics(runs):
            found[row["run"]].metrics[row["name"]] = measures.of_row(row)
        return found

    wanted = o.config.metrics
    found = _used(o, runs, load)
    for metrics, _ in found.values():
        primary = joining.meant(list(metrics), wanted.primary) if wanted else None
        if wanted is not None and primary is not None:
            metrics[primary] = replace(metrics[primary], goal=wanted.goal)
    return found


def read(o: Overnight, run: str) -> summary.Read:
    """What a run's files say, for its summary."""

    def load(store: SeriesStore) -> summary.Read:
        files, unused, repeated = store.told_of(run)
        return summary.Read(
            metrics=tuple(measures.of_row(row) for row in store.metrics([run])),
            unused=tuple(Unused(name=name, path=path, used=used) for name, path, used in unused),
            skipped=tuple(_passed(files)),
            repeated=measures.Repeat.of_json(repeated) if repeated else None,
        )

    return _used(o, [run], load)


def _passed(files: Iterable[tuple[str, str]]) -> Iterable[run_files.Passed]:
    for path, told in files:
        found = renewing.found_of("", told, ())
        if found.skipped or found.more_skipped:
            yield run_files.Passed(path=path, skipped=found.skipped, more=found.more_skipped)


def aimed(series: tuple[Series, ...], metrics: config.Metrics | None) -> tuple[Series, ...]:
    """With the project's goal for the primary metric."""
    primary = joining.find(series, metrics.primary) if metrics else None
    if metrics is None or primary is None:
        return series
    return tuple(replace(s, goal=metrics.goal) if s is primary else s for s in series)


def _goal(metrics: config.Metrics | None, metric: str) -> str | None:
    """The project's goal where `metric` is its primary one."""
    if metrics is None or joining.meant([metrics.primary], metric) is None:
        return None
    return metrics.goal


# -- the store kept up to date --------------------------------------------------------------------


def known_runs(o: Overnight) -> list[str]:
    """The runs of which something lies here, sorted."""
    folder = places.results_folder(o.root, ".").resolve()
    try:
        listed = [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return []
    return sorted(name for name in listed if _is_run(o, name))


def _is_run(o: Overnight, name: str) -> bool:
    folder = places.results_folder(o.root, name)
    return any((folder / each).exists() for each in (*ingesting.RECORDS, "work", "attempts"))


def ingest(o: Overnight, runs: Sequence[str] | None = None) -> Ingested:
    """Reads what is new of these runs, or of all, into the store; of much with two processes."""
    began = time.monotonic()
    wanted = known_runs(o) if runs is None else runs
    plans = _guarded(o, lambda store: _ingest(o, store, wanted, forget=runs is None))
    return Ingested(
        runs=len(plans),
        bytes=sum(each.size for each in plans),
        seconds=time.monotonic() - began,
    )


def _ingest(
    o: Overnight, store: SeriesStore, runs: Sequence[str], *, forget: bool = False
) -> list[ingesting.Plan]:
    if forget and (gone := sorted(set(store.runs()) - set(runs))):
        store.forget(gone)
    plans = ingesting.needed(store, o.root, runs)
    if not plans:
        return plans
    told = Progress(o, plans)
    if store.is_shared and sum(plan.size for plan in plans) >= HEAVY_BYTES and _cores() > 1:
        second_reader.carry_out(store, plans, o.root, told)
    else:
        ingesting.carry_out(store, plans, o.root, told)
    return plans


class Progress:
    """Tells how much has been read, run after run."""

    def __init__(self, o: Overnight, plans: Sequence[ingesting.Plan]) -> None:
        self._talk = o.talk
        self._total = sum(plan.size for plan in plans)
        self._done = 0

    def __call__(self, plan: ingesting.Plan) -> None:
        self._done += plan.size
        self._talk.progress(f"reading {plan.run}", self._done, self._total)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _used(o: Overnight, runs: Sequence[str], load: Callable[[SeriesStore], T]) -> T:
    """`load` from a store that is up to date with these runs."""

    def work(store: SeriesStore) -> T:
        _ingest(o, store, runs)
        return load(store)

    return _guarded(o, work)


def _guarded(o: Overnight, work: Callable[[SeriesStore], T]) -> T:
    """A damaged store is made anew; where it cannot be written, one in memory does."""
    try:
        try:
            return work(o.series)
        except Unwritable as error:
            o.talk.say(f"the results are read anew: {error}")
            o.series_in_memory()
            return work(o.series)
    except (Damaged, packing.NotPacked):
        o.without_series()
    try:
        return work(o.series)
    except Damaged as error:
        raise errors.UsageError(
            f"the store of series cannot be used: {error}",
            hint=f"rm {o.root / places.STATE_FOLDER / 'series.db'}*",
        ) from error
