"""The morning report: asks all servers once, as `status` does, and reads what is here.

What was shown last is remembered in `.overnight/report.json`, so that the next report begins there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from overnight.app import (
    Overnight,
    advising,
    cards,
    evaluating,
    fetching,
    following,
    publishing,
    report_runs,
    sweep_results,
)
from overnight.app.advising import Advice
from overnight.core import errors, places, views
from overnight.results import sweep_text
from overnight.results.advice import verdict
from overnight.results.advice.verdict import Verdict
from overnight.results.comparison import sweeps as by_point
from overnight.results.comparison.arms import Comparison
from overnight.results.page import Chart
from overnight.results.report import gathering, hours, outcomes, window, words
from overnight.results.report.model import Outcome, Report, Step, SweepEnd, Window
from overnight.results.report.outcomes import Aim

MOST_SWEEPS = 5
MOST_STEPS = 5
MOST_REASONS = 2
RECORD = "report.json"


@dataclass(frozen=True, kw_only=True)
class Made:
    """A report, and what only a page shows of it: the curves of its runs, and why some lack."""

    report: Report
    charts: tuple[Chart, ...] = ()
    missing: tuple[str, ...] = ()


def made(
    o: Overnight,
    since: str | None,
    *,
    cached: bool = False,
    fetched: bool = False,
    drawn: bool = False,
) -> Made:
    """What is to be told. `fetched`: the results of the runs in it are pulled first, with progress.
    `drawn`: with charts.

    Works while servers are away, from what they said last.
    """
    now = time.time()
    covered = window.window(since, now, last_shown(o))
    with o.talk.busy("asking the servers"):
        servers = following.status(o, cached=cached)
    pairs = in_window(servers, covered)
    if fetched:
        fetch(o, pairs)
    here = report_runs.known(o, pairs)
    told = report_runs.findings(here)
    sweeps = ended_sweeps(o, servers, covered, cached=cached)
    advice = report_runs.advice(o, here, told, {each.name for each, _ in sweeps})
    events = {
        (server.name, run.name): o.mirror.events(server.name, run.name)
        for server in servers
        for run in server.runs
    }
    report = gathering.report(
        gathering.Told(
            project=o.project,
            window=covered,
            servers=servers,
            events=events,
            heard_at={each.name: now - each.age_s for each in servers if each.age_s is not None},
            outcomes=of_runs(o, pairs, here, report_runs.verdicts(advice), events),
            sweeps=[each for each, _ in sweeps],
            steps=distinct([*report_runs.steps(advice), *(s for _, own in sweeps for s in own)]),
            health=report_runs.health(pairs, here, told),
            cards={each.name: n for each in servers if (n := cards.known(o, each.name))},
        )
    )
    charts = report_runs.charts(o, here) if drawn else ()
    return Made(report=report, charts=tuple(charts), missing=tuple(without(pairs, here)))


def distinct(steps: Sequence[Step]) -> list[Step]:
    """Runs of a sweep may be told of twice."""
    return list({each.what: each for each in reversed(steps)}.values())[::-1][:MOST_STEPS]


def without(pairs: Sequence[report_runs.Pair], here: Sequence[report_runs.Known]) -> list[str]:
    """In words, the runs whose curves are not here."""
    lacking = sorted({run.name for _, run in pairs} - {each.view.name for each in here})
    return [f"not fetched: {words.some(lacking)}"] if lacking else []


def in_window(
    servers: Sequence[views.ServerView], covered: Window
) -> list[tuple[views.ServerView, views.RunView]]:
    """The runs that the report shows curves of: finished in it, or under way."""
    return [
        (server, run)
        for server in servers
        for run in server.runs
        if run.state == "running" or (run.state == "finished" and covered.has(run.changed_at))
    ]


# -- results ----------------------------------------------------------------------------------


def aim(o: Overnight) -> Aim | None:
    metrics = o.config.metrics
    if metrics is None:
        return None
    target, source = metrics.target, "overnight.toml"
    if target is None and metrics.baseline is not None:
        target, source = metrics.baseline.values.get(metrics.primary), metrics.baseline.source
    return Aim(metric=metrics.primary, goal=metrics.goal, target=target, source=source)


def of_runs(
    o: Overnight,
    pairs: Sequence[report_runs.Pair],
    here: Sequence[report_runs.Known],
    judged: Mapping[str, Verdict],
    events: Mapping[tuple[str, str], Sequence[hours.Event]],
) -> dict[tuple[str, str], Outcome]:
    """From the files where they are here as they ended, else as the server followed it."""
    wanted = aim(o)
    if wanted is None:
        return {}
    measured = {each.view.name: each.outcome.metrics.get(wanted.metric) for each in here}
    found = {}
    for server, run in pairs:
        if run.state != "finished":
            continue
        key = (server.name, run.name)
        if run.name in measured:
            told_of = outcomes.from_files(server.name, run, measured[run.name], wanted)
            found[key] = outcomes.with_verdict(told_of, judged.get(run.name))
        else:
            found[key] = outcomes.from_events(server.name, run, events[key], wanted)
    return found


def fetch(o: Overnight, pairs: Sequence[report_runs.Pair]) -> None:
    """Pulls what is new of each run whose curve is shown; what cannot be had is said."""
    for server, run in pairs:
        if not server.reachable or (run.ended and fetching.is_here(o, run)):
            continue
        try:
            evaluating.pull(o, run.name, server.name)
        except (errors.Unreachable, errors.ServerError, errors.UsageError) as error:
            o.talk.say(f"{run.name} could not be fetched: {error.message}")


# -- sweeps -----------------------------------------------------------------------------------


def ended_sweeps(
    o: Overnight, servers: Sequence[views.ServerView], covered: Window, *, cached: bool
) -> list[tuple[SweepEnd, list[Step]]]:
    """The sweeps whose last run has ended in the window, the newest first, and what they propose.

    Of very many at once the older ones say only where their tables are.
    """
    ends = {name: last_end(servers, name) for name in sweep_results.done(servers)}
    names = [name for name, at in ends.items() if covered.has(at)]
    names.sort(key=lambda name: ends[name], reverse=True)
    found = []
    for name in names[:MOST_SWEEPS]:
        advice = advising.advice(o, compared(o, servers, name, cached=cached), {})
        found.append((swept(o, advice, name, ends[name]), report_runs.steps(advice)))
    return found + [(only_named(name, ends[name]), []) for name in names[MOST_SWEEPS:]]


def only_named(name: str, at: float) -> SweepEnd:
    told = f"ended; overnight sweep results {name}"
    return SweepEnd(name=name, title=told, at=at, header=(), rows=(), best=(), notes=())


def last_end(servers: Sequence[views.ServerView], name: str) -> float:
    return max(
        run.changed_at
        for server in servers
        for run in server.runs
        if run.sweep == name and run.moved_to is None
    )


def compared(
    o: Overnight, servers: Sequence[views.ServerView], name: str, *, cached: bool
) -> Comparison:
    """Asks only servers that have just answered; of the others what they said last."""
    problems = {each.name: each.problem or "not asked now" for each in servers}
    if not cached:
        asked = [o.server(each.name) for each in servers if each.reachable]
        problems |= sweep_results.fetch(o, asked, name)
    runs = [run for each in servers for run in sweep_results.known(o, each.name, name, problems)]
    away = {} if cached else {server: why for server, why in problems.items() if why}
    return by_point.compare(
        name, sweep_results.once(runs), sweep_results.concerned(away, runs) if runs else {}
    )


def swept(o: Overnight, advice: Advice, name: str, at: float) -> SweepEnd:
    found = advice.comparison
    return SweepEnd(
        name=name,
        title=sweep_text.title(found),
        at=at,
        header=sweep_text.point_header(found),
        rows=tuple(sweep_text.point_row(found, each) for each in found.arms),
        best=tuple(n for n, each in enumerate(found.arms) if sweep_text.is_top(found, each)),
        notes=(*verdict_line(o, advice), *found.notes, *sweep_text.unseen(found)),
    )


def verdict_line(o: Overnight, advice: Advice) -> list[str]:
    """On the best arm that is not the base, where something says what a success is."""
    asked = verdict.criterion(o.config.metrics, advice.comparison.metric)
    known = (asked.target, asked.baseline, advice.comparison.baseline)
    if not advice.verdicts or all(each is None for each in known):
        return []
    first = advice.verdicts[0]
    return [f"{first.arm}: {first.grade}: {'; '.join(first.reasons[:MOST_REASONS])}"]


# -- what was shown ---------------------------------------------------------------------------


def record(o: Overnight) -> Path:
    return o.root / places.STATE_FOLDER / RECORD


def last_shown(o: Overnight) -> window.Shown | None:
    try:
        return window.shown(json.loads(record(o).read_bytes()))
    except (OSError, ValueError):
        return None


def note_shown(o: Overnight, found: Report) -> None:
    """The next report begins where this one ended, unless this one left something out."""
    shown = window.read_again(found.window, last_shown(o))
    if shown is not None:
        publishing.publish(record(o), json.dumps(shown.to_json()) + "\n")
