"""Starting a sweep: one sync for each server, smoke tests, and one launch for all its runs."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from overnight.app import Overnight, launching, notifying, preparing, sweep_places
from overnight.app.sweep_plan import Plan, Planned
from overnight.core import command, durations, errors, spec, sweep, sweep_values
from overnight.ports import Server
from overnight.store.sweeps import SweptRun
from overnight.train import follow, launch

QUICK_S = 60.0  # longest time box of the smoke test of another code path or server


@dataclasses.dataclass(frozen=True, kw_only=True)
class Begun:
    """One run after the launch. `error`: it was refused, or its server could not be reached."""

    planned: Planned
    state: str = ""
    existed: bool = False
    error: errors.OvernightError | None = None

    def to_json(self) -> dict[str, Any]:
        error = self.error
        told = error and {"code": error.code, "message": error.message, "hint": error.hint}
        return {
            **self.planned.to_json(),
            "state": self.state,
            "existed": self.existed,
            "error": told,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Started:
    plan: Plan
    runs: tuple[Begun, ...]

    @property
    def refused(self) -> list[Begun]:
        return [each for each in self.runs if each.error is not None]

    def to_json(self) -> dict[str, Any]:
        return {**self.plan.to_json(), "runs": [each.to_json() for each in self.runs]}


def start(o: Overnight, plan: Plan, *, with_smoke: bool) -> Started:
    """Returns when every server has its runs. Typed again after a cut, it goes on with the same
    runs: which server each was given to is remembered before the first is launched.
    """
    synced: dict[str, launching.Synced] = {}
    if with_smoke and plan.ready:
        plan = smoked(o, plan, synced)
    if plan.fresh:
        plan = remembered(o, plan)
    ready = {each.run for each in plan.ready}
    begun = {each.run: as_it_is(o, plan, each) for each in plan.runs if each.run not in ready}
    for server in servers_of(plan.ready):
        begun.update(launched(o, plan, server, synced))
    return Started(plan=plan, runs=tuple(begun[each.run] for each in plan.runs))


def as_it_is(o: Overnight, plan: Plan, run: Planned) -> Begun:
    """A run that is there already, or whose server is away."""
    if run.there:
        row = o.mirror.rows_of(run.run).get(run.server) or {}
        return Begun(planned=run, state=str(row.get("state", "")), existed=True)
    problem = plan.away.get(run.server) or f"{run.server} cannot be reached"
    return Begun(planned=run, error=errors.Unreachable(problem, hint="type the same again later"))


def servers_of(runs: Sequence[Planned]) -> list[str]:
    return list(dict.fromkeys(each.server for each in runs))


def sync(
    o: Overnight, plan: Plan, server: str, synced: dict[str, launching.Synced]
) -> launching.Synced:
    """Once for each server. The code must still be what the plan was made for."""
    if server not in synced:
        argv = plan.lead.prepared.spec.variants[0]["argv"]
        found = launching.sync(o, server, argv)
        if found.pushed.snapshot != plan.snapshot:
            raise errors.UsageError(
                "the code has changed while the sweep was planned", hint="type the same again"
            )
        synced[server] = found
    return synced[server]


def remembered(o: Overnight, plan: Plan) -> Plan:
    """Keeps what is about to be launched, and where. Typed twice at once, both go by what was kept
    first. The code that a sweep was begun with stays the one by which it is known.
    """
    runs = [SweptRun(each.run, each.server, dict(each.sweep)) for each in plan.runs]
    before = o.mirror.sweeps.definition(plan.name) or {}
    kept = {key: before[key] for key in ("snapshot",) if key in before}
    o.mirror.sweeps.remember(plan.name, time.time(), {**plan.definition(), **kept}, runs)
    homes = {each.run: each.server for each in o.mirror.sweeps.runs(plan.name)}
    at_home = (
        each if each.there else dataclasses.replace(each, server=homes[each.run])
        for each in plan.runs
    )
    return dataclasses.replace(plan, runs=tuple(at_home))


# -- smoke tests --------------------------------------------------------------------------------


def smoked(o: Overnight, plan: Plan, synced: dict[str, launching.Synced]) -> Plan:
    """One smoke test for the sweep, with which lengths and places are worked out anew; then a
    quick one for each further server and each new way through the code. Raises
    `errors.CheckFailed` before anything is launched.
    """
    first = plan.ready[0].server
    tested(o, plan, plan.lead, first, synced, None)
    if not plan.known:
        plan = replaced(o, plan)
    quick_s = min(QUICK_S, o.config.smoke.time_box_s)
    for server in servers_of(plan.ready):
        tested(o, plan, plan.lead, server, synced, quick_s)
    for run in new_paths(plan):
        tested(o, plan, run, run.server, synced, quick_s)
    if plan.expected_s is not None:
        o.talk.say(f"each run takes about {durations.text(plan.expected_s)} ({plan.expected_from})")
    return plan


def replaced(o: Overnight, plan: Plan) -> Plan:
    """Placed once more, now that a smoke test has told length and memory."""
    servers = [each.server for each in plan.offers]
    again = [each if each.there else dataclasses.replace(each, server="") for each in plan.runs]
    plan = sweep_places.with_length(o, dataclasses.replace(plan, runs=tuple(again)))
    return sweep_places.placed(o, plan, servers)


def new_paths(plan: Plan) -> list[Planned]:
    """Runs that together change everything that is no number: another model, file or flag."""
    as_it_is = {(key, sweep_values.text_of(value)) for key, value in plan.base.items()}
    seen = as_it_is | set(plan.lead.point.path)
    found = []
    for run in plan.ready:
        if not seen.issuperset(run.point.path):
            seen |= set(run.point.path)
            found.append(run)
    return found


def tested(
    o: Overnight,
    plan: Plan,
    run: Planned,
    server: str,
    synced: dict[str, launching.Synced],
    box_s: float | None,
) -> None:
    """A smoke test of `run` on `server`, unless the same has passed there before."""
    key = launching.smoke_key(run.prepared)
    if o.mirror.smoke_pass(plan.snapshot, key, server) is not None:
        return
    there = sync(o, plan, server, synced)
    on_server = preparing.for_server(run.prepared.spec, o.config, o.config.servers[server])
    prepared = dataclasses.replace(run.prepared, spec=on_server)
    verdict = launching.run_smoke(o, o.server(server), prepared, there, box_s)
    if verdict.passed:
        return
    point = ", ".join(f"{key}={each.text}" for key, each in run.point.changes.items())
    raise errors.CheckFailed(
        f"the smoke test of {command.visible(point) or 'the base'} on {server} did not pass: "
        f"{'; '.join(verdict.problems)}; nothing was launched",
        hint="mend it and type the same again, or: overnight sweep --no-smoke …",
    )


# -- launching ----------------------------------------------------------------------------------


def shares(plan: Plan) -> dict[str, int | None]:
    """How many of the sweep may run at once on each server."""
    counts = {
        server: sum(each.server == server for each in plan.runs) for server in servers_of(plan.runs)
    }
    return sweep.shares(plan.wish.max_concurrent, counts)


def wanted(
    o: Overnight,
    plan: Plan,
    run: Planned,
    synced: launching.Synced,
    limits: Mapping[str, int | None],
) -> spec.RunSpec:
    """The complete spec of one run. All runs of a sweep have one snapshot."""
    settings = o.config.servers[run.server]
    made = preparing.for_server(run.prepared.spec, o.config, settings)
    where = preparing.provenance(run.server, made.variants[0]["argv"], synced.git)
    return dataclasses.replace(
        made,
        run=run.run,
        snapshot=plan.snapshot,
        sweep=run.sweep,
        queue={
            **made.queue,
            **queue(plan, run, limits[run.server], sweep_places.measured(o, plan, run)),
        },
        provenance={**where, "sweep": plan.definition()},
    )


def queue(
    plan: Plan,
    run: Planned,
    limit: int | None,
    measured: tuple[float | None, int | None] = (None, None),
) -> dict[str, Any]:
    """When it may start, as far as the sweep says; `node/waiting.py` reads it.

    `measured`: what a smoke test told of this very run, see `sweep_places.measured`.
    """
    lasts_s = measured[0] or plan.expected_s
    lasts_s = lasts_s and lasts_s / plan.speed(run.server)
    told = {
        "group": plan.name,
        "order": run.sweep["index"],
        "max_concurrent": limit,
        "priority": plan.wish.priority,
        "after": list(plan.wish.after) or None,
        "expected_s": lasts_s,
        "memory_mib": measured[1] or plan.memory_mib,
        "pinned": True if plan.wish.servers else None,
    }
    return {key: value for key, value in told.items() if value is not None}


def launched(
    o: Overnight, plan: Plan, server: str, synced: dict[str, launching.Synced]
) -> dict[str, Begun]:
    """What became of each run. A server that is away keeps no other from getting its runs."""
    runs = [each for each in plan.ready if each.server == server]
    limits = shares(plan)
    try:
        there = sync(o, plan, server, synced)
        specs = [wanted(o, plan, each, there, limits) for each in runs]
        told = many(o, o.server(server), specs)
    except (errors.Unreachable, errors.ServerError) as error:
        return {each.run: Begun(planned=each, error=error) for each in runs}
    answers = {each.run: each for each in told}
    return {each.run: became(each, answers.get(each.run)) for each in runs}


def many(o: Overnight, server: Server, specs: Sequence[spec.RunSpec]) -> list[launch.Began]:
    """Launches through a link that breaks meanwhile: asked twice, each is still one run."""
    secret = preparing.secrets(o.config, os.environ)
    notify = notifying.wanted(o.config.notify, os.environ)
    with o.talk.busy(f"launching {len(specs)} runs on {server.name}"):
        return follow.patiently(
            lambda: launch.launch_many(server, specs, secret, notify),
            server=server.name,
            say=o.talk.say,
            patience_s=launching.PATIENCE_S,
        )


def became(run: Planned, told: launch.Began | None) -> Begun:
    if told is None:
        error = errors.ServerError(
            f"{run.server} said nothing of {run.run}", hint="overnight status"
        )
        return Begun(planned=run, error=error)
    return Begun(planned=run, state=told.state, existed=told.existed, error=told.error)
