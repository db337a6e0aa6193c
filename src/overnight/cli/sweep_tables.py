"""How sweeps look on a terminal. Pure: values in, text out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from overnight.cli import render, terminal
from overnight.core import durations

if TYPE_CHECKING:
    from overnight.app.sweep_plan import Plan, Planned
    from overnight.app.sweep_views import SweepView, Swept
    from overnight.app.sweeping import Started

UNKNOWN = "?"


def value(each: Any) -> str:
    if each is None:
        return UNKNOWN
    return str(each).lower() if isinstance(each, bool) else str(each)


# -- before it starts ---------------------------------------------------------------------------


def plan(planned: Plan) -> str:
    """The runs with their points and places, what is turned, and how long it will take."""
    keys = list(planned.base)
    seeds = [each for each in planned.runs if each.point.seed is not None]
    head = ["run", *keys, *(["seed"] if seeds else []), "server", "starts", "ends"]
    rows = [head, *(plan_row(each, keys, bool(seeds)) for each in planned.runs)]
    lines = [render.table(rows), "", *turned(planned), length(planned)]
    return terminal.safe_text("\n".join(lines))


def plan_row(run: Planned, keys: Sequence[str], has_seeds: bool) -> list[str]:
    point = run.sweep["point"]
    seed = [value(run.point.seed)] if has_seeds else []
    when = ["there already", ""] if run.there else [start(run.starts_at), end(run.ends_at)]
    return [run.run, *cells(point, run.point.changes, keys), *seed, run.server, *when]


def cells(point: Mapping[str, Any], changes: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """Values as they were written; a star at those that differ from the base."""
    return [f"{changes[key].text} *" if key in changes else value(point.get(key)) for key in keys]


def start(at: float | None) -> str:
    return "now" if at is not None and at <= time.time() + 1 else end(at)


def end(at: float | None) -> str:
    return UNKNOWN if at is None else render.clock(at)


def counted(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def turned(planned: Plan) -> Iterator[str]:
    for key, where in planned.where.items():
        yield f"{key} is set at {where}"


def length(planned: Plan) -> str:
    """`5 runs; each about 1 h 20 min (smoke test), 6 h 40 min together; the last ends at 14:05`."""
    number = counted(len(planned.runs))
    if not planned.fresh:
        return f"{number}; all are there already"
    if planned.expected_s is None:
        return f"{number}; how long each takes is not known before a smoke test"
    total = planned.expected_s * len(planned.fresh)
    each = f"each about {durations.text(planned.expected_s)} ({planned.expected_from})"
    ends = planned.to_json()["ends_at"]
    last = f"; the last ends about {render.clock(ends)}" if ends is not None else ""
    return f"{number}; {each}, {durations.text(total)} together{last}"


# -- when it was started ------------------------------------------------------------------------


def started(done: Started) -> str:
    new = [each for each in done.runs if each.error is None and not each.existed]
    old = sum(each.existed for each in done.runs)
    by_server: dict[str, int] = {}
    for each in new:
        by_server[each.planned.server] = by_server.get(each.planned.server, 0) + 1
    places = ", ".join(f"{number} on {server}" for server, number in by_server.items())
    lines = [f"{done.plan.name}: {counted(len(new))} launched" + (f" ({places})" if places else "")]
    if old:
        lines[0] += f"; {old} were there already, nothing was started twice"
    lines += [f"  {each.planned.run}: {each.error.message}" for each in done.refused if each.error]
    if done.refused:
        lines.append("  those were not launched; the same typed again goes on with them")
    lines.append(f"  next: overnight sweep status {done.plan.name}")
    return terminal.safe_text("\n".join(lines))


# -- while it goes on ---------------------------------------------------------------------------


def status(seen: SweepView) -> str:
    """A line about the whole, then one for each run."""
    keys = list(seen.keys)
    has_seeds = any(each.sweep.get("seed") is not None for each in seen.runs)
    metric = seen.metric or ""
    head = ["run", *keys, *(["seed"] if has_seeds else []), "state", "progress", metric, "server"]
    rows = [head, *(status_row(each, keys, has_seeds) for each in seen.runs)]
    lines = [
        terminal.safe_text(summary(seen)),
        render.table(rows),
        *map(terminal.safe_text, after(seen)),
    ]
    return "\n".join(lines)


def after(seen: SweepView) -> Iterator[str]:
    """What to type where some of it went wrong."""
    failed = [each.run for each in seen.runs if each.state in ("failed", "needs-decision")]
    if failed:
        retry = f"overnight sweep retry-failed {seen.name}"
        yield f"  next: overnight explain {failed[0]}   |   {retry}"
    elif any(each.state == "stopped" for each in seen.runs):
        yield f"  next: overnight sweep resume {seen.name}"


def summary(seen: SweepView) -> str:
    states = ", ".join(f"{number} {state}" for state, number in seen.counts.items())
    left = ""
    if seen.done < len(seen.runs):
        known = seen.eta_s is not None
        left = f"; about {durations.text(seen.eta_s)} left" if known else "; time left not known"
    return f"{seen.name}  {seen.done}/{len(seen.runs)} done ({states}){left}"


def status_row(run: Swept, keys: Sequence[str], has_seeds: bool) -> list[str]:
    point = run.sweep.get("point", {})
    seed = [value(run.sweep.get("seed"))] if has_seeds else []
    seen = run.view
    state = render.state(seen, run.reachable) if seen else run.state
    metric = f"{run.metric:.6g}" if run.metric is not None else ""
    place = seen.place if seen else ""
    return [
        run.run, *(value(point.get(key)) for key in keys), *seed, state, place, metric, run.server
    ]  # fmt: skip


def listed(found: Sequence[SweepView]) -> str:
    if not found:
        return "this project has no sweep"
    return "\n".join(terminal.safe_text(summary(each)) for each in found)
