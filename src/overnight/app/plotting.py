"""Curves of runs, or of the arms of a sweep, as one plot: fetched first, and read from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overnight.app import Overnight, comparing, evaluating, series
from overnight.app.code_changes import Snapshots
from overnight.core import errors
from overnight.results import traces
from overnight.results.comparison import grouping, pooling
from overnight.results.comparison.arms import Outcome
from overnight.results.comparison.grouping import Group
from overnight.results.series import Series
from overnight.results.traces import Axis, Plot, Spread, Trace

MOST_NAMED = 12


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be plotted. `metric` None: the primary one. `axis` None: one that all runs have.

    `by` as in `overnight compare`: 'seed', 'none', or a setting.
    """

    runs: tuple[str, ...] = ()
    sweep: str | None = None
    metric: str | None = None
    by: str = grouping.SEED
    axis: Axis | None = None
    log: bool = False
    spread: Spread = "sd"
    server: str | None = None


def plotted(o: Overnight, wish: Wish) -> Plot:
    """Raises UsageError where there is nothing to plot, with what there is."""
    if not wish.runs and wish.sweep is None:
        raise errors.UsageError(
            "nothing to plot", hint="overnight plot train01 train02   or   --sweep NAME"
        )
    metric = wish.metric or primary(o)
    found, _ = comparing.gathered(Snapshots(o), wish.runs, wish.sweep, wish.server)
    fetch_going(o, found)
    curves = {each.run: told for each in found if (told := series.one(o, each.run, metric))}
    if not curves:
        raise nowhere(o, found, metric)
    missing = [each.run for each in found if each.run not in curves]
    kept = comparing.evened([each for each in found if each.run in curves])
    groups = grouping.grouped(kept, wish.by)
    return plot_of(groups, curves, wish, reference(o, kept, metric), missing)


def primary(o: Overnight) -> str:
    if o.config.metrics is None:
        raise errors.UsageError(
            "overnight.toml names no primary metric", hint="--metric NAME, as in --metric loss"
        )
    return o.config.metrics.primary


def fetch_going(o: Overnight, found: Sequence[Outcome]) -> None:
    """What runs of a sweep that go on have written so far."""
    for each in found:
        if each.has_ended:
            continue
        try:
            evaluating.pull(o, each.run, each.server)
        except errors.OvernightError as error:
            o.talk.say(f"{each.run}: {error.message}")


def nowhere(o: Overnight, found: Sequence[Outcome], metric: str) -> errors.UsageError:
    known = list(dict.fromkeys(s.name for each in found for s in series.of_run(o, each.run)))
    if not known:
        return errors.UsageError(
            "no metrics were found in the files of these runs",
            hint=f"overnight results {found[0].run}" if found else "overnight status",
        )
    near = errors.nearest(metric, known)
    more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return errors.UsageError(
        f"no run has {metric!r}; there are: {', '.join(known[:MOST_NAMED])}{more}",
        hint=f"--metric {near or known[0]}",
    )


def reference(o: Overnight, found: Sequence[Outcome], metric: str) -> tuple[float, str] | None:
    planned = comparing.planned(o, found, metric)
    return (planned.value, f"baseline ({planned.source})") if planned else None


# -- pure from here ---------------------------------------------------------------------------


def plot_of(
    groups: Sequence[Group],
    curves: Mapping[str, Series],
    wish: Wish,
    against: tuple[float, str] | None,
    missing: Sequence[str] = (),
) -> Plot:
    """One line for each group, the mean over its runs where it has several.

    What a comparison keeps out of its means (altered, not finished, the same seed twice) has a line
    of its own.
    """
    axis = traces.axis_of(curves, wish.axis)
    _, unfit = pooling.sorted_out(groups, wish.by)
    drawn: list[Trace] = []
    arms: list[list[Trace]] = []
    for group in groups:
        inside = [each for each in group.outcomes if pooling.key_of(each) not in unfit]
        if inside:
            arms.append([of_run(each, curves[each.run], axis) for each in inside])
            name = inside[0].run if wish.by == grouping.NONE else group.label
            drawn.append(traces.pooled(name, arms[-1], wish.spread))
    for outcome, _ in unfit.values():
        arms.append([of_run(outcome, curves[outcome.run], axis)])
        drawn += arms[-1]
    metric = next(iter(curves.values())).name
    notes = traces.notes(drawn, arms, wish.spread)
    notes += [f"{outcome.run} is in no mean: {why}" for outcome, why in unfit.values()]
    if missing:
        notes.append(f"Without {metric}: {', '.join(missing[:MOST_NAMED])}")
    return Plot(
        title=f"{metric} of {wish.sweep}" if wish.sweep else metric,
        x_label=traces.UNITS[axis] if axis else "values",
        y_label=metric,
        traces=tuple(drawn),
        reference=against[0] if against else None,
        reference_label=against[1] if against else "",
        log=wish.log,
        notes=tuple(notes),
    )


def of_run(outcome: Outcome, curve: Series, axis: Axis | None) -> Trace:
    changes = {each.attempt + 1: f"after {each.failure}: {each.change}" for each in outcome.repairs}
    return traces.of_run(outcome.run, curve, axis, changes)
