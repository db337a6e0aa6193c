"""`overnight query`: a question in SQL to what the runs' files say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overnight.app import Overnight, ingesting, series
from overnight.core import errors
from overnight.results.runs import joining, packing
from overnight.results.series import Series
from overnight.store import query
from overnight.store.series import SeriesStore
from overnight.store.series_file import Damaged, path_of

MOST_POINTS = 20_000_000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A question. `runs` and `metrics` say which single values it may need; empty for all."""

    statement: str
    runs: Sequence[str] = ()
    metrics: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`rows` come one by one, while the question goes on."""

    columns: Sequence[str]
    rows: Iterator[tuple[Any, ...]]


def tables(o: Overnight) -> dict[str, Sequence[str]]:
    with opened(o) as questions:
        return query.tables(questions)


def opened(o: Overnight) -> query.Questions:
    """Over a store that is up to date with all runs that lie here."""
    series.ingest(o)
    return query.Questions(path_of(o.root) if o.series.is_shared else o.series.image())


@contextlib.contextmanager
def ask(o: Overnight, wanted: Wanted) -> Iterator[Answer]:
    """The store stays open for as long as the answer is used."""
    with prepared(o, wanted) as questions:
        columns, rows = questions.ask(wanted.statement)
        yield Answer(columns=columns, rows=rows)


def prepared(o: Overnight, wanted: Wanted) -> query.Questions:
    """With all that the question needs; a store that turns out to be damaged is made anew."""
    try:
        return brought(o, wanted)
    except (Damaged, packing.NotPacked):
        o.without_series()
    return brought(o, wanted)


def brought(o: Overnight, wanted: Wanted) -> query.Questions:
    questions = opened(o)
    try:
        known = o.series.runs()
        runs = chosen(known, wanted.runs, "run")
        questions.aim(goals(o, known))
        if questions.needs_points(wanted.statement):
            questions.bring(points(o.series, selected(o.series, runs, wanted.metrics)))
    except BaseException:
        questions.close()
        raise
    return questions


def goals(o: Overnight, runs: Sequence[str]) -> dict[tuple[str, str], str]:
    """The project's goal for the primary metric, by run and the name that it has there."""
    metrics = o.config.metrics
    if metrics is None:
        return {}
    named = {
        run: joining.meant(names, metrics.primary) for run, names in o.series.names_of(runs).items()
    }
    return {(run, name): metrics.goal for run, name in named.items() if name is not None}


def chosen(known: Sequence[str], wanted: Sequence[str], what: str) -> Sequence[str]:
    """Those that were asked for; an error for one that is not there."""
    for each in wanted:
        if each not in known:
            near = errors.nearest(each, known)
            raise errors.UsageError(
                f"no {what} {each!r} is here" + (f"; did you mean {near!r}?" if near else ""),
                hint="overnight query 'select run from runs'",
            )
    return wanted or known


def selected(
    store: SeriesStore, runs: Sequence[str], metrics: Sequence[str]
) -> list[tuple[str, str]]:
    """(run, name) of the series whose values are needed."""
    known = store.names_of(runs)
    if not metrics:
        pairs = [(run, name) for run in runs for name in known.get(run, ())]
    else:
        meant = ((run, joining.meant(known.get(run, ()), each)) for run in runs for each in metrics)
        pairs = list(dict.fromkeys((run, name) for run, name in meant if name is not None))
    size = store.count(pairs)
    if size > MOST_POINTS:
        raise errors.UsageError(
            f"this would bring {size} values from {len(pairs)} series",
            hint="name what is needed: --run RUN --metric METRIC",
        )
    return pairs


def points(store: SeriesStore, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[Any, ...]]:
    """Rows of the table `points`."""
    by_run: dict[str, list[str]] = {}
    for run, name in pairs:
        by_run.setdefault(run, []).append(name)
    for run, names in by_run.items():
        for stored in store.series(run, names):
            yield from rows(run, ingesting.series_of(stored))


def rows(run: str, found: Series) -> Iterator[tuple[Any, ...]]:
    """NaN becomes NULL, as in every database."""
    count = found.value.size
    sources = np.array(found.files, dtype=object)[found.file]
    return zip(
        [run] * count,
        [found.name] * count,
        found.step.tolist(),
        found.epoch.tolist(),
        found.time.tolist(),
        found.value.tolist(),
        found.attempt.tolist(),
        found.is_repeated.astype(int).tolist(),
        sources.tolist(),
        found.line.tolist(),
        strict=True,
    )
