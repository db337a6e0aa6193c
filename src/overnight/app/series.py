"""The series of runs, from what lies in .overnight/results. Nothing here asks a server."""

from __future__ import annotations

from dataclasses import replace

from overnight.app import Overnight
from overnight.core import config, places
from overnight.results import joining, run_files
from overnight.results.series import Series


def of_run(o: Overnight, run: str) -> tuple[Series, ...]:
    """The series of a run, sorted by name; the goal of the primary metric is that of the project.

    Reads what lies in .overnight/results/RUN and asks no server; empty where nothing was pulled.
    """
    found = run_files.whole(places.results_folder(o.root, run))
    return aimed(found.joined.series, o.config.metrics)


def aimed(series: tuple[Series, ...], metrics: config.Metrics | None) -> tuple[Series, ...]:
    """With the project's goal for the primary metric."""
    primary = joining.find(series, metrics.primary) if metrics else None
    if metrics is None or primary is None:
        return series
    return tuple(replace(s, goal=metrics.goal) if s is primary else s for s in series)
