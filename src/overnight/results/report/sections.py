"""A report in words: sections, the most important first; those without anything to say are left
out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from overnight.core import durations
from overnight.results import wording
from overnight.results.report.model import (
    Active,
    Away,
    Failed,
    Health,
    Mended,
    Number,
    Outcome,
    Report,
    SweepEnd,
)
from overnight.results.report.parts import (
    BAD,
    MOST_ITEMS,
    NEUTRAL,
    WARNING,
    Item,
    Section,
    Table,
    left_out,
    of_items,
)
from overnight.results.report.spending import spent
from overnight.results.report.words import ago, clock, hours, some
from overnight.results.tables import rounding

MOST_REASONS = 2
ALTERED = "†"
FOLLOWED = "~"
QUIET = "nothing needs you"


def title(found: Report) -> str:
    return f"{found.project}, {found.window.why}"


def summary(found: Report) -> str:
    """3 finished, 1 failed, 2 running; 4 failures mended; 41.2 GPU h"""
    counts: Counter[str] = Counter()
    need = "needs a decision" if len(found.decisions) == 1 else "need a decision"
    counts.update({need: len(found.decisions), "failed": len(found.failed)})
    counts.update({"finished": len(found.finished), "stopped": len(found.stopped)})
    counts.update(each.state for each in found.active)
    told = ", ".join(f"{n} {state}" for state, n in counts.items() if n) or "no runs"
    parts = [told]
    if found.mended:
        parts.append(f"{wording.count(len(found.mended), 'failure')} mended")
    if found.hours and found.hours.used:
        parts.append(f"{hours(found.hours.used)} used")
    return "; ".join(parts)


def sections(found: Report) -> list[Section]:
    listed = [
        decisions(found),
        failed(found),
        servers(found),
        results(found),
        *(sweep(each) for each in found.sweeps),
        steps(found),
        mended(found),
        health(found),
        running(found),
        stopped(found),
        spent(found.hours) if found.hours else None,
    ]
    return [each for each in listed if each is not None]


# -- what needs a person ----------------------------------------------------------------------


def decisions(found: Report) -> Section | None:
    items = [
        Item(
            head=f"{each.run} on {each.server}, {clock(each.at)}",
            says=(each.reason,),
            commands=each.answers or (f"overnight explain {each.run}",),
            tone=WARNING,
        )
        for each in found.decisions
    ]
    return of_items("decisions", "Needs a decision", items)


def failed(found: Report) -> Section | None:
    """Runs that failed alike are one item."""
    groups: dict[tuple[str | None, str], list[Failed]] = {}
    for each in found.failed:
        groups.setdefault((each.kind, each.reason), []).append(each)
    return of_items("failed", "Failed", [failure(group) for group in groups.values()])


def failure(group: Sequence[Failed]) -> Item:
    first = group[0]
    if len(group) == 1:
        told = [f"{first.run} on {first.server}", clock(first.at), first.place]
        told += [f"attempt {first.attempts}"] * (first.attempts > 1)
    else:
        told = [f"{len(group)} runs, {clock(min(each.at for each in group))} and later"]
    says = [": ".join(part for part in (first.kind or "", first.reason) if part)]
    says += [first.meaning] * bool(first.meaning) + [first.mend] * bool(first.mend)
    if len(group) > 1:
        says.append(some([each.run for each in group]))
    return Item(
        head=", ".join(part for part in told if part),
        says=tuple(says),
        commands=first.commands,
        tone=BAD,
    )


def servers(found: Report) -> Section | None:
    """Those that are away, whose word is old, whose disks fill up or GPUs fail; silent runs."""
    items = [absent(each) for each in found.away]
    items += [
        Item(head=server, says=(f"as it was {ago(age_s)}; nobody was asked now",))
        for server, age_s in found.old.items()
    ]
    items += [
        Item(
            head=each.server,
            says=(f"{each.text} (seen by {each.run}, {clock(each.at)})",),
            commands=(f"overnight doctor {each.server}",),
            tone=WARNING,
        )
        for each in found.noticed
    ]
    items += [
        Item(
            head=f"{each.run} on {each.server}",
            says=(f"no sign of life for {durations.text(each.view.silent_s)}",),
            commands=(f"overnight explain {each.run}",),
            tone=WARNING,
        )
        for each in silent(found)
    ]
    return of_items("servers", "Servers", items)


def silent(found: Report) -> list[Active]:
    """Runs of servers that answer which give no sign of life."""
    return [each for each in found.active if each.view.is_silent and each.state != "unreachable"]


def absent(each: Away) -> Item:
    since = f" since {clock(each.since)}" if each.since is not None else ""
    seen = f"last heard of {ago(each.age_s)}" if each.age_s is not None else "never heard of"
    says = [f"unreachable{since}, {seen}: {each.problem}"]
    if each.active:
        runs = wording.count(each.active, "run")
        says.append(
            f"{runs} had not ended there; they go on without us, and are shown as last seen"
        )
    return Item(
        head=each.server,
        says=tuple(says),
        commands=(f"overnight doctor {each.server}",),
        tone=WARNING,
    )


# -- results ----------------------------------------------------------------------------------


def results(found: Report) -> Section | None:
    """The best first, where all have the same metric; runs of a sweep are in its own table."""
    tables = {each.name for each in found.sweeps if each.rows}
    listed = sorted((each for each in found.finished if each.sweep not in tables), key=rank)
    if not listed:
        return None
    metrics = {each.metric for each in listed if each.metric}
    name = metrics.pop() if len(metrics) == 1 else ""
    targets = {(each.target, each.source) for each in listed if each.target is not None}
    header = ("run", "server", f"best {name}".strip(), "at", "last", "to target", "verdict")
    rows = [row(each, name) for each in listed[:MOST_ITEMS]]
    notes = [
        f"target {number(value)}{f' ({source})' if source else ''}" for value, source in targets
    ]
    notes += [each for each in dict.fromkeys(each.note for each in listed) if each]
    notes += reasons(listed)
    if any(each.altered for each in listed):
        notes.append(f"{ALTERED} a repair has changed the experiment")
    if any(each.best and each.best.file is None for each in listed):
        notes.append(
            "~ as the server followed it, without a verdict; overnight results RUN reads its files"
        )
    notes += left_out(len(listed), "finished run")
    if not any(each.metric for each in listed):
        notes.append("no metric is named: set primary and goal under [metrics] in overnight.toml")
    table = Table(header=header, rows=tuple(rows), best=top(listed))
    return Section(key="results", title="Results", table=table, notes=tuple(notes))


def reasons(listed: Sequence[Outcome]) -> list[str]:
    """Of each verdict once; runs that differ in nothing but their seed have the same."""
    told = {
        (each.arm or each.run): f"{each.verdict}: {'; '.join(each.reasons[:MOST_REASONS])}"
        for each in listed
        if each.reasons
    }
    return [f"{arm}: {said}" for arm, said in told.items()]


def rank(each: Outcome) -> tuple[bool, bool, float]:
    """What a repair has made another experiment comes behind the others, as what has no value."""
    if each.best is None or each.goal not in ("min", "max"):
        return True, each.altered, each.at
    value = each.best.value
    return False, each.altered, value if each.goal == "min" else -value


def top(listed: Sequence[Outcome]) -> tuple[int, ...]:
    """The first, where there is something to compare it with."""
    known = [each for each in listed if each.best is not None and each.goal and not each.altered]
    return (0,) if len(known) > 1 and len({each.metric for each in known}) == 1 else ()


def row(each: Outcome, common: str) -> tuple[str, ...]:
    name = "" if common or not each.metric else f"{each.metric} "
    gap = rounding.plain(each.difference, signed=True) if each.difference is not None else ""
    if gap and each.is_better is not None:
        gap += " (better)" if each.is_better else " (worse)" if each.difference else ""
    return (
        each.run + ALTERED * each.altered,
        each.server,
        f"{name}{value(each.best)}" if each.best else "-",
        each.best.place if each.best else "",
        value(each.last) if each.last else "-",
        gap,
        each.verdict,
    )


def value(told: Number) -> str:
    """With a mark where nobody has read it from a file."""
    return f"{rounding.plain(told.value)}{FOLLOWED if told.file is None else ''}"


def number(told: float | None) -> str:
    return "-" if told is None else rounding.plain(told)


def sweep(each: SweepEnd) -> Section:
    table = Table(header=each.header, rows=each.rows, best=each.best) if each.rows else None
    return Section(
        key=f"sweep {each.name}",
        title=f"Sweep {each.name}",
        table=table,
        notes=(each.title, *each.notes),
    )


def steps(found: Report) -> Section | None:
    items = [
        Item(head=each.what, says=(each.why,), commands=(each.command,) if each.command else ())
        for each in found.steps
    ]
    return of_items("next", "Next", items)


# -- what went on -----------------------------------------------------------------------------


def mended(found: Report) -> Section | None:
    listed = sorted(found.mended, key=lambda each: each.incident.at)
    return of_items("mended", "Mended in the night", [repaired(each) for each in listed])


def repaired(each: Mended) -> Item:
    """When, what it was, what was done about it, and how the run is now."""
    seen = each.incident
    what = [seen.kind or "", seen.summary or each.meaning]
    done = seen.repair or {"under way": "being looked at", "went on": "went on"}.get(seen.ended, "")
    warning = " (CHANGES THE EXPERIMENT)" if each.changes_science else ""
    says = [": ".join(part for part in what if part), f"{done}{warning}; now {each.state}"]
    return Item(
        head=f"{each.run} on {each.server}, {clock(seen.at)}, attempt {seen.attempt}",
        says=tuple(says),
        tone=WARNING if each.changes_science else NEUTRAL,
    )


def health(found: Report) -> Section | None:
    """A kind of finding is one item, with the surest of its sentences."""
    groups: dict[str, list[Health]] = {}
    for each in found.health:
        groups.setdefault(each.finding, []).append(each)
    return of_items("health", "How the curves do", [seen(group) for group in groups.values()])


def seen(group: Sequence[Health]) -> Item:
    surest = max(group, key=lambda each: each.confidence or 1.0)
    runs = list(dict.fromkeys(each.run for each in group))
    if len(runs) == 1:
        says = tuple(dict.fromkeys(each.words for each in group))
        return Item(head=f"{surest.run} on {surest.server}", says=says, tone=WARNING)
    kind = surest.finding.replace("_", " ")
    says = (f"{surest.run}: {surest.words}", some(runs))
    return Item(head=f"{kind}, {len(runs)} runs", says=says, tone=WARNING)


def running(found: Report) -> Section | None:
    """Those that wait are counted; the others have a row each."""
    waiting = [each for each in found.active if each.state == "queued"]
    others = [each for each in found.active if each.state != "queued"]
    if not found.active:
        return None
    header = ("run", "server", "state", "where", "loss", "left")
    table = None
    if others:
        rows = tuple(under_way(each) for each in others[:MOST_ITEMS])
        table = Table(header=header, rows=rows)
    notes = list(left_out(len(others), "run"))
    if waiting:
        names = some([each.run for each in waiting])
        notes.append(f"{wording.count(len(waiting), 'run')} in the queue: {names}")
    return Section(key="running", title="Going on", table=table, notes=tuple(notes))


def under_way(each: Active) -> tuple[str, ...]:
    run = each.view
    is_sure = each.state != "unreachable" and not run.is_silent
    left = durations.text(run.eta_s) if is_sure else ""
    silent = f"no sign of life for {durations.text(run.silent_s)}" if run.is_silent else left
    loss = f"{run.loss:.4g}" if run.loss is not None else ""
    return (run.name, each.server, each.state, run.place, loss, silent)


def stopped(found: Report) -> Section | None:
    items = [
        Item(head=f"{each.run} on {each.server}, {clock(each.at)}", says=(each.reason,))
        for each in found.stopped
    ]
    return of_items("stopped", "Stopped", items)
