"""What the pulled files of runs say for a report: verdicts, findings about curves, charts."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from overnight.app import Overnight, advising, comparing, fetching, plotting, series
from overnight.app.advising import Advice
from overnight.app.code_changes import Snapshots
from overnight.core import errors, views
from overnight.results import plotted
from overnight.results.advice.verdict import Verdict
from overnight.results.comparison import grouping, pooling
from overnight.results.comparison.arms import Outcome
from overnight.results.health import Finding, judge
from overnight.results.page import Chart
from overnight.results.report.model import Health, Step
from overnight.results.runs import joining
from overnight.results.series import Series

Pair = tuple[views.ServerView, views.RunView]

MOST_READ = 100
MOST_LINES = 12
MOST_STEPS = 2
MOST_REASONS = 2
TRAINING = "loss"


@dataclass(frozen=True, kw_only=True)
class Known:
    """A run whose files are here as they were when its server was asked."""

    server: str
    view: views.RunView
    outcome: Outcome
    series: tuple[Series, ...]


def known(o: Overnight, pairs: Sequence[Pair]) -> list[Known]:
    """Of very many the newest ones; the others are told of as their servers followed them."""
    newest = sorted(pairs, key=lambda pair: pair[1].changed_at, reverse=True)[:MOST_READ]
    here = [(server, run) for server, run in newest if fetching.is_here(o, run)]
    told = series.told(o, [run.name for _, run in here])
    snapshots, found = Snapshots(o), []
    for server, run in here:
        try:
            outcome = comparing.read(snapshots, run.name, told.get(run.name, comparing.NOTHING))
        except errors.UsageError as error:
            o.talk.say(f"{run.name}: {error.message}")
            continue
        curves = series.of_run(o, run.name)
        found.append(Known(server=server.name, view=run, outcome=outcome, series=curves))
    return found


def findings(listed: Sequence[Known]) -> dict[str, tuple[Finding, ...]]:
    """Of runs that have ended; of a running one its server tells what goes wrong."""
    return {each.view.name: judge(each.series, remaining=0.0) for each in listed if each.view.ended}


def health(
    pairs: Sequence[Pair], listed: Sequence[Known], told: Mapping[str, Sequence[Finding]]
) -> list[Health]:
    """What is asserted about finished runs, and the flags of those that go on."""
    found = [
        Health(
            run=each.view.name,
            server=each.server,
            finding=said.finding,
            words=said.sentence,
            confidence=said.confidence,
        )
        for each in listed
        for said in told.get(each.view.name, ())
        if said.is_loud
    ]
    flags = [
        Health(
            run=run.name,
            server=server.name,
            finding=str(flag.get("finding")),
            words=str(flag.get("sentence")),
            confidence=None,
        )
        for server, run in pairs
        for flag in run.flags
    ]
    return flags + found


def advice(
    o: Overnight,
    listed: Sequence[Known],
    told: Mapping[str, Sequence[Finding]],
    apart: Collection[str] = (),
) -> Advice | None:
    """On the finished runs beside each other; None where nothing can be judged.

    `apart`: sweeps that have their own table, verdict and proposals.
    """
    alone = [each for each in listed if not each.view.sweep or each.view.sweep not in apart]
    ended = [each.outcome for each in alone if each.view.state == "finished"]
    if not ended or o.config.metrics is None:
        return None
    outcomes = comparing.with_code(Snapshots(o), comparing.evened(ended))
    try:
        compared = pooling.compare(outcomes, baseline=comparing.planned(o, outcomes, None))
    except errors.UsageError:
        return None
    loud = {run: [each for each in said if each.is_loud] for run, said in told.items()}
    return advising.advice(o, compared, loud)


def verdicts(found: Advice | None) -> dict[str, Verdict]:
    """By run, that of its arm: runs that differ in nothing but their seed are judged together."""
    if found is None:
        return {}
    by_arm = {each.arm: each for each in found.verdicts}
    return {
        outcome.run: by_arm[arm.label]
        for arm in found.comparison.arms
        if arm.label in by_arm
        for outcome in arm.outcomes
    }


def steps(found: Advice | None) -> list[Step]:
    """The most useful proposals, and where to have them written."""
    if found is None:
        return []
    sweep = found.comparison.sweep
    names = [each.run for each in found.comparison.outcomes]
    of = f"--sweep {sweep.name}" if sweep else shlex.join(names)
    return [
        Step(
            what=each.what,
            why="; ".join(each.why.split("; ")[:MOST_REASONS]),
            command=each.command or f"overnight next {of}",
        )
        for each in found.proposals[:MOST_STEPS]
    ]


def charts(o: Overnight, listed: Sequence[Known]) -> list[Chart]:
    """The primary metric and the training loss; seeds of the same thing are one line."""
    metrics = o.config.metrics
    wanted = dict.fromkeys([*([metrics.primary] if metrics else []), TRAINING])
    return [found for name in wanted if (found := chart(o, listed, name)) is not None]


def chart(o: Overnight, listed: Sequence[Known], metric: str) -> Chart | None:
    curves = {
        each.view.name: curve
        for each in listed
        if (curve := joining.find(each.series, metric)) is not None
    }
    outcomes = [each.outcome for each in listed if each.view.name in curves]
    if not outcomes:
        return None
    outcomes = comparing.evened(outcomes)
    groups = grouping.grouped(outcomes, grouping.SEED)[:MOST_LINES]
    planned = comparing.planned(o, outcomes, metric)
    against = (planned.value, f"baseline, {planned.source}") if planned else None
    wish = plotting.Wish(metric=metric)
    return plotted.chart(plotting.plot_of(groups, curves, wish, against))
