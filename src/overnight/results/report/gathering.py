"""From what servers and files told to what a person has to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from overnight.core import failures, incidents, views
from overnight.results.report import hours
from overnight.results.report.hours import Event
from overnight.results.report.model import (
    Active,
    Away,
    Decision,
    Failed,
    Health,
    Hours,
    Mended,
    Noticed,
    Outcome,
    Report,
    Spent,
    Step,
    Stopped,
    SweepEnd,
    Window,
)

BAD_ENDS = ("failed", views.LOST)
OPEN_SINCE = ("needs-decision",)
OF_MACHINES = ("disk_low", "gpu_fault")
Key = tuple[str, str]  # (server, run)


@dataclass(frozen=True, kw_only=True)
class Told:
    """All that is known when a report is made. `heard_at`: when each server was last heard of.

    `outcomes`: of finished runs, by (server, run). `cards`: how many GPUs a server has.
    """

    project: str
    window: Window
    servers: Sequence[views.ServerView]
    events: Mapping[Key, Sequence[Event]]
    heard_at: Mapping[str, float] = field(default_factory=dict)
    outcomes: Mapping[Key, Outcome] = field(default_factory=dict)
    sweeps: Sequence[SweepEnd] = ()
    health: Sequence[Health] = ()
    steps: Sequence[Step] = ()
    cards: Mapping[str, int] = field(default_factory=dict)


def report(told: Told) -> Report:
    """Only what is new in the window, but for what still waits for a person or goes on."""
    runs = [(server, run) for server in told.servers for run in server.runs]
    ended = [(s, run) for s, run in runs if run.ended and told.window.has(run.changed_at)]
    return Report(
        project=told.project,
        window=told.window,
        decisions=tuple(decision(s, run) for s, run in runs if run.state in OPEN_SINCE),
        failed=tuple(failed(s, run) for s, run in ended if run.state in BAD_ENDS),
        mended=tuple(mended(told, runs)),
        finished=tuple(finished(told, ended)),
        sweeps=tuple(told.sweeps),
        steps=tuple(told.steps),
        health=tuple(told.health),
        stopped=tuple(
            Stopped(run=run.name, server=s.name, at=run.changed_at, reason=run.reason)
            for s, run in ended
            if run.state == "stopped" and run.moved_to is None
        ),
        active=tuple(active(s, run) for s, run in runs if not run.ended),
        away=tuple(away(each) for each in told.servers if not each.reachable),
        old={
            each.name: each.age_s for each in told.servers if each.is_old and each.age_s is not None
        },
        noticed=tuple(noticed(told)),
        hours=spent(told),
    )


# -- what needs a person ----------------------------------------------------------------------


def decision(server: views.ServerView, run: views.RunView) -> Decision:
    answers = run.row.get("answers") or ()
    return Decision(
        run=run.name,
        server=server.name,
        at=run.changed_at,
        reason=run.reason,
        answers=tuple(str(each) for each in answers),
    )


def failed(server: views.ServerView, run: views.RunView) -> Failed:
    failure = run.failure or {}
    kind = str(failure["class"]) if failure.get("class") else None
    words = failures.of(kind) if kind else None
    lost = run.state == views.LOST
    again = f"overnight resume {run.name}   (once it is mended)"
    return Failed(
        run=run.name,
        server=server.name,
        state=run.state,
        at=run.changed_at,
        attempts=run.attempt,
        place=run.place,
        kind=kind,
        meaning=words.meaning if words and kind != "unknown" else "",
        reason=run.reason,
        mend=words.mend if words else "",
        commands=("overnight doctor",) if lost else (f"overnight explain {run.name}", again),
    )


# -- what was mended, and what came out -------------------------------------------------------


def mended(told: Told, runs: Sequence[tuple[views.ServerView, views.RunView]]) -> Iterator[Mended]:
    """Failures that runs went on after; those of a run that has ended badly all the same are told
    with its end."""
    for server, run in runs:
        if run.state in (*BAD_ENDS, *OPEN_SINCE) or run.moved_to is not None:
            continue
        listed = incidents.of_run(run.name, told.events.get((server.name, run.name), ()))
        for each in listed:
            if told.window.has(each.at) and each.kind != "interrupted":
                yield mend(server, run, each)


def mend(server: views.ServerView, run: views.RunView, incident: incidents.Incident) -> Mended:
    kind = incident.kind
    return Mended(
        run=run.name,
        server=server.name,
        incident=incident,
        meaning=failures.of(kind).meaning if kind and kind != "unknown" else "",
        state=run.state,
        changes_science=any(
            each.changes_science and each.attempt == incident.attempt for each in run.repairs
        ),
    )


def finished(
    told: Told, ended: Sequence[tuple[views.ServerView, views.RunView]]
) -> Iterator[Outcome]:
    for server, run in ended:
        if run.state != "finished":
            continue
        yield told.outcomes.get((server.name, run.name)) or Outcome(
            run=run.name,
            server=server.name,
            at=run.changed_at,
            metric=None,
            goal=None,
            best=None,
            last=None,
            altered=any(each.changes_science for each in run.repairs),
            attempts=run.attempt,
            sweep=run.sweep,
        )


# -- what goes on, and the machines -----------------------------------------------------------


def active(server: views.ServerView, run: views.RunView) -> Active:
    state = run.state if server.reachable else "unreachable"
    return Active(run=run.name, server=server.name, state=state, view=run)


def away(server: views.ServerView) -> Away:
    return Away(
        server=server.name,
        since=server.away_since,
        age_s=server.age_s,
        problem=server.problem,
        active=sum(not run.ended for run in server.runs),
    )


def noticed(told: Told) -> Iterator[Noticed]:
    """Of each disk and each kind of fault on a server the last word, whichever run noticed it."""
    newest: dict[tuple[str, str, str], Noticed] = {}
    for (server, run), events in told.events.items():
        for event in events:
            kind, at = str(event.get("kind")), hours.number(event.get("time"))
            if kind not in OF_MACHINES or not told.window.has(at):
                continue
            facts = event.get("facts")
            path = str(facts.get("path")) if isinstance(facts, Mapping) else ""
            known = newest.get((server, kind, path))
            if known is None or known.at < at:
                text = str(event.get("text") or "")
                found = Noticed(kind=kind, server=server, run=run, at=at, text=text)
                newest[server, kind, path] = found
    yield from newest.values()


def spent(told: Told) -> Hours | None:
    """None where no run used a GPU, and none are known."""
    listed: list[Spent] = []
    until: dict[str, float] = {}
    for server in told.servers:
        heard = told.heard_at.get(server.name, told.window.until)
        if heard < told.window.until - views.OLD_S:
            until[server.name] = heard
        for run in server.runs:
            events = told.events.get((server.name, run.name), ())
            bad = run.state in BAD_ENDS
            if used := hours.spent(run.name, server.name, events, told.window, heard, bad):
                listed.append(used)
    if not listed and not told.cards:
        return None
    return Hours(
        runs=tuple(listed),
        window_s=told.window.length_s,
        cards=told.cards,
        unseen=tuple(each.name for each in told.servers if each.name not in told.cards),
        until=until,
    )
