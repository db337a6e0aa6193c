"""The results of a sweep over all its servers: one request each, none waits for another.

What a server said is remembered, so that a comparison stands also while one of them is away; what
is old is marked as old.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from overnight.app import Overnight, asking, following, publishing, sweep_views
from overnight.core import errors, places, spec, sweep, views
from overnight.ports import Request, Server
from overnight.results import sweep_text
from overnight.results.comparison import sweeps
from overnight.results.comparison.arms import Comparison, Outcome

FACT = "sweep:"
MOST_TABLES = 2


def compared(o: Overnight, name: str) -> Comparison:
    """The sweep as its servers know it now; `errors.UsageError` where nobody knows it."""
    sweep.checked_name(name)
    servers = [o.server(each) for each in following.used_servers(o)]
    with o.talk.busy(f"asking for the results of {name}"):
        problems = fetch(o, servers, name)
    runs = [run for server in servers for run in known(o, server.name, name, problems)]
    if not runs:
        raise unknown(o, name, problems)
    away = {server: problem for server, problem in problems.items() if problem}
    found = sweeps.compare(name, once(runs), concerned(away, runs))
    keep(o, found)
    return found


def fetch(o: Overnight, servers: Sequence[Server], name: str) -> dict[str, str]:
    """Asks each server once and remembers its answer; by server what was wrong with it, or ""."""
    request = Request("sweep", {"project": o.project, "sweeps": [name]})
    for server in servers:
        following.hurry(o, server)
    answers = asking.at_once(servers, lambda server: server.call(request).data)
    problems = {}
    for server, answer in zip(servers, answers, strict=True):
        if isinstance(answer, errors.OvernightError):
            problems[server.name] = answer.message
            continue
        problems[server.name] = ""
        body = answer["sweeps"].get(name) or {"runs": {}}
        if body["runs"] or o.mirror.fact(server.name, FACT + name):
            o.mirror.remember_fact(server.name, FACT + name, time.time(), body)
    return problems


def known(o: Overnight, server: str, name: str, problems: Mapping[str, str]) -> list[Outcome]:
    """What the server said of the runs, now or last; else what `status` has seen of them."""
    fact = o.mirror.fact(server, FACT + name)
    rows = {str(each["run"]): each for each in seen(o, server, name)}
    at, told = (fact[0], dict(fact[1]["runs"])) if fact else (None, {})
    age_s = None if not problems.get(server) or at is None else max(0.0, time.time() - at)
    found = [sweeps.outcome(row, server, age_s) for row in told.values()]
    if not problems.get(server):
        return found
    seen_at = o.mirror.seen(server).seen_at
    old_s = max(0.0, time.time() - seen_at) if seen_at else None
    more = [as_told(row) for run, row in rows.items() if run not in told]
    return found + [sweeps.outcome(row, server, old_s) for row in more]


def seen(o: Overnight, server: str, name: str) -> list[dict[str, Any]]:
    """The mirror's rows of the sweep on this server; a run that moved on counts where it is."""
    return [
        row
        for row in o.mirror.seen(server).rows
        if (row.get("sweep") or {}).get("name") == name and not row.get("moved_to")
    ]


def as_told(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `status` in the words of the verb `sweep`. It has no results."""
    kept = {key: row.get(key) for key in ("run", "state", "reason", "repairs", "snapshot")}
    return {**(row.get("sweep") or {}), **kept}


def once(runs: Iterable[Outcome]) -> list[Outcome]:
    """A run that two servers tell of has moved meanwhile: the fresh word counts."""
    found: dict[str, Outcome] = {}
    for run in sorted(runs, key=lambda run: run.age_s or 0.0, reverse=True):
        found[run.run] = run
    return list(found.values())


def concerned(away: Mapping[str, str], runs: Sequence[Outcome]) -> dict[str, str]:
    """The servers away that have runs of the sweep, or may have those that are missing."""
    total = max(int(run.told.get("total") or 0) for run in runs)
    servers = {run.server for run in runs}
    return {s: problem for s, problem in away.items() if s in servers or len(runs) < total}


def unknown(o: Overnight, name: str, problems: Mapping[str, str]) -> errors.OvernightError:
    away = [server for server, problem in problems.items() if problem]
    if away:
        return errors.Unreachable(
            f"no server that answers knows a sweep {name!r}, and {', '.join(away)} did not answer",
            hint=f"overnight sweep results {name}   when it is back",
        )
    return sweep_views.no_sweep(o, name)


# -- all of them ------------------------------------------------------------------------------


def named(o: Overnight) -> list[str]:
    """The sweeps that this laptop knows, the newest first."""
    return sweep_views.names(o, cached=True)[::-1]


def done(servers: Sequence[views.ServerView]) -> dict[str, str]:
    """The sweeps whose every run has ended, as these views have it; by name what they ended as.

    It changes when a run is resumed and ends again.
    """
    rows: dict[str, list[views.RunView]] = {}
    for server in servers:
        for run in server.runs:
            name = (run.row.get("sweep") or {}).get("name")
            if spec.NAME.match(str(name or "")) and not run.row.get("moved_to"):
                rows.setdefault(str(name), []).append(run)
    return {
        name: ending(runs)
        for name, runs in rows.items()
        if all(run.ended for run in runs) and len({run.name for run in runs}) >= total(runs)
    }


def total(runs: Iterable[views.RunView]) -> int:
    return max(int(run.row["sweep"].get("total") or 0) for run in runs)


def ending(runs: Iterable[views.RunView]) -> str:
    return ", ".join(sorted(f"{run.name} {run.state} {run.changed_at}" for run in runs))


def finished_unseen(
    o: Overnight, servers: Sequence[views.ServerView]
) -> tuple[list[Comparison], list[str]]:
    """(the comparisons of sweeps that have ended and were not shown yet, names of the others).

    What is given out here counts as shown from now on. Asks only for those that are new; of many
    at once, on a laptop that sees the project for the first time, the last ones are enough.
    """
    ends = done(servers)
    new = [name for name in named(o) if name in ends and shown(o, name) != ends[name]]
    for name in new[MOST_TABLES:]:
        note_shown(o, name, ends[name])
    found = {name: ended(o, name) for name in new[:MOST_TABLES]}
    fresh = {name: each for name, each in found.items() if each is not None}
    for name in fresh:
        note_shown(o, name, ends[name])
    return list(fresh.values()), sorted(ends.keys() - fresh.keys())


def ended(o: Overnight, name: str) -> Comparison | None:
    """The whole comparison; None where a part of it cannot be had now."""
    try:
        found = compared(o, name)
    except (errors.UsageError, errors.Unreachable, errors.ServerError):
        return None
    return found if sweeps.is_done(found) and not away(found) else None


def away(found: Comparison) -> Mapping[str, str]:
    return found.sweep.away if found.sweep else {}


# -- on the laptop's disk ---------------------------------------------------------------------


def folder(o: Overnight) -> Path:
    return places.results_folder(o.root, "sweeps")


def keep(o: Overnight, found: Comparison) -> None:
    """`.overnight/results/sweeps/NAME.md` and `.json`: what was known last."""
    folder(o).mkdir(parents=True, exist_ok=True)
    name = found.sweep.name if found.sweep else ""
    publishing.publish(
        folder(o) / f"{name}.json", json.dumps(sweeps.to_json(found), indent=2) + "\n"
    )
    publishing.publish(folder(o) / f"{name}.md", sweep_text.markdown(found))


def shown(o: Overnight, name: str) -> str | None:
    """How the sweep had ended when its table was shown here by itself."""
    try:
        return (folder(o) / f"{name}.shown").read_text()
    except FileNotFoundError:
        return None


def note_shown(o: Overnight, name: str, end: str) -> None:
    folder(o).mkdir(parents=True, exist_ok=True)
    publishing.publish(folder(o) / f"{name}.shown", end)
