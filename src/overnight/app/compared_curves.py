"""The curves behind a comparison, for its page: a line for each arm, its seeds as mean and band."""

from __future__ import annotations

from overnight.app import Overnight, comparing, plotting, series
from overnight.results import plotted
from overnight.results.comparison.arms import Comparison
from overnight.results.comparison.grouping import Group
from overnight.results.page import Chart
from overnight.results.series import Series

MOST_ARMS = 12


def chart(o: Overnight, found: Comparison) -> Chart | None:
    """Of the compared metric, the best arms first; None where no curve is here."""
    if found.metric is None:
        return None
    groups: list[Group] = []
    curves: dict[str, Series] = {}
    for arm in found.arms[:MOST_ARMS]:
        told = {run.run: series.one(o, run.run, found.metric) for run in arm.pooled}
        known = {run: curve for run, curve in told.items() if curve is not None}
        if known:
            here = tuple(run for run in arm.pooled if run.run in known)
            told_of = tuple(run.config for run in here)
            groups.append(
                Group(label=arm.label, config=arm.config, outcomes=here, settings=told_of)
            )
            curves |= known
    if not curves:
        return None
    planned = comparing.planned(o, found.outcomes, found.metric)
    against = (planned.value, f"baseline, {planned.source}") if planned else None
    wish = plotting.Wish(metric=found.metric)
    return plotted.chart(plotting.plot_of(groups, curves, wish, against))
