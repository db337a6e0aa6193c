"""How long the runs of a sweep take, and which server each goes to."""

from __future__ import annotations

import collections
import dataclasses
import math
import statistics
import time
from collections.abc import Sequence

from overnight.app import Overnight, placing
from overnight.app.sweep_plan import Plan, Planned
from overnight.core import errors, placement, spec, sweep
from overnight.core.placement import Wanted

HISTORY = 20  # finished runs whose length says how long the next will take


def with_length(o: Overnight, plan: Plan) -> Plan:
    """How long one run takes, as far as smoke tests or earlier runs have told."""
    told, memory = measured(o, plan, plan.lead)
    source = "smoke test" if told is not None else ""
    if told is None and (lengths := finished_lengths(o)):
        told, source = statistics.median(lengths), f"median of {len(lengths)} finished runs"
    return dataclasses.replace(plan, expected_s=told, expected_from=source, memory_mib=memory)


def measured(o: Overnight, plan: Plan, run: Planned) -> tuple[float | None, int | None]:
    """Seconds on a server of speed 1, and MiB of a GPU, by the smoke tests of this very run."""
    key = spec.digest(run.prepared.smoke_parts)
    passes = [body for each, _, body in o.mirror.smoke_passes() if each == key]
    memory = [int(each["memory_mib"]) for each in passes if each.get("memory_mib")]
    return placing.expected(o, key, plan.offers), max(memory, default=None)


def finished_lengths(o: Overnight) -> list[float]:
    """Seconds that finished runs of the project took in all their attempts, the newest ones."""
    rows = [
        row
        for server in o.mirror.servers()
        for row in o.mirror.seen(server).rows
        if row.get("state") == "finished"
    ]
    rows.sort(key=lambda row: float(row.get("changed_at") or 0.0))
    return [
        sum(each["ended_at"] - each["started_at"] for each in row["attempts"] if each["ended_at"])
        for row in rows[-HISTORY:]
        if row.get("attempts")
    ]


def placed(o: Overnight, plan: Plan, servers: Sequence[str]) -> Plan:
    """Each run that no server was chosen for goes where it would end first."""
    open_runs = [each for each in plan.runs if not each.server]
    found = choices(plan, open_runs, servers)
    used = list(dict.fromkeys(each.server for each in found if each.server))
    limit = plan.wish.max_concurrent
    if limit is not None and len(used) > limit:  # a server cannot be given less than one at once
        found = choices(plan, open_runs, [each for each in used if each][:limit])
    lost = next((each for each in found if each.server is None), None)
    if lost is not None:
        raise errors.UsageError(
            f"no server suits {lost.key}: {lost.why}", hint="overnight gpus   or: overnight doctor"
        )
    by_run = {each.key: each for each in found}
    runs = [at(each, by_run.get(each.run)) for each in plan.runs]
    return dataclasses.replace(plan, runs=tuple(in_turn(runs, limit)))


def in_turn(runs: Sequence[Planned], limit: int | None) -> list[Planned]:
    """With `limit` runs at once over all servers: whoever is beyond that starts when one ends."""
    counts = collections.Counter(each.server for each in runs)
    shares = sweep.shares(limit, counts)
    ends: dict[str, list[float]] = {server: [] for server in counts}
    found = []
    for run in runs:
        share, before = shares[run.server], sorted(ends[run.server])
        if share is not None and len(before) >= share and not run.there:
            run = later(run, before[-share])
        ends[run.server].append(math.inf if run.ends_at is None else run.ends_at)
        found.append(run)
    return found


def later(run: Planned, moment: float) -> Planned:
    """`moment`: not before; infinite where nobody knows."""
    if run.starts_at is None or moment <= run.starts_at:
        return run
    if moment == math.inf:
        return dataclasses.replace(run, starts_at=None, ends_at=None)
    ends_at = None if run.ends_at is None else run.ends_at + moment - run.starts_at
    return dataclasses.replace(run, starts_at=moment, ends_at=ends_at)


def choices(
    plan: Plan, runs: Sequence[Planned], servers: Sequence[str]
) -> list[placement.Placement]:
    wanted = [
        Wanted(
            key=each.run,
            gpus=each.prepared.spec.gpus,
            processes=each.prepared.spec.processes or 1,
            memory_mib=plan.memory_mib,
            expected_s=plan.expected_s,
            snapshot=plan.snapshot,
            links=each.prepared.spec.links,
            servers=frozenset(servers),
        )
        for each in runs
    ]
    return placement.place(wanted, plan.offers, time.time())


def at(run: Planned, chosen: placement.Placement | None) -> Planned:
    if chosen is None or chosen.server is None:
        return run
    return dataclasses.replace(
        run,
        server=chosen.server,
        why=chosen.why,
        starts_at=chosen.starts_at,
        ends_at=chosen.ends_at,
    )
