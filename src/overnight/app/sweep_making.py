"""From a wish to a plan: asks the servers, starts nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from overnight.app import Overnight, following, imported, placing, sweep_known, sweep_places
from overnight.app.sweep_plan import Plan, Planned, Wish, kept_wish
from overnight.app.sweep_sight import Sight
from overnight.core import config, errors, spec, sweep
from overnight.core.sweep import Axis, Point
from overnight.ports import Request
from overnight.store.sweeps import SweptRun
from overnight.sync import manifest


def make(o: Overnight, wish: Wish, *, adding: bool = False) -> Plan:
    """Asks the servers what they have and offer; starts nothing. Raises `errors.UsageError`.

    `adding`: these points come to those that the sweep `wish.name` has already, if any.
    """
    sight = Sight(o, wish)
    points = sight.points(least=1 if adding else 2)
    snapshot = manifest.build(o.root).id
    name = wish.name or sweep.default_name(wish.keys, [wish.kept(), identities(points), snapshot])
    candidates = servers_for(o, wish)
    before = sweep_known.known_runs(o, name, candidates)
    if before and not adding:
        sweep_known.check_same(o, name, sight, points, before, snapshot)
    elif before:
        warn_of_other_code(o, name, snapshot)
    with o.talk.busy(f"working out {len(points)} runs"):
        runs = planned(o, sight, name, points, before, adding=adding)
    base = {**sweep_known.old_keys(o, name, before), **sight.base} if adding else sight.base
    plan = Plan(
        name=name,
        wish=dataclasses.replace(wish, name=name),
        snapshot=snapshot,
        base=base,
        where=sight.where,
        runs=tuple(runs),
        lead=lead_of(sight, runs, adding=adding),
        offers=(),
        known=bool(before),
    )
    with o.talk.busy("asking the servers"):
        offers = placing.offers(o, candidates, snapshot)
    return sweep_places.placed(
        o, sweep_places.with_length(o, dataclasses.replace(plan, offers=offers)), candidates
    )


def servers_for(o: Overnight, wish: Wish) -> list[str]:
    """The servers that may be used. A run waits for others only where they are."""
    names = [config.choose_server(o.config, each).name for each in wish.servers]
    if wish.after:
        homes = {following.locate(o, run, None).name for run in wish.after}
        if len(homes) > 1 or (names and not homes <= set(names)):
            raise errors.UsageError(
                f"{', '.join(wish.after)} can be waited for on {' and '.join(sorted(homes))} only",
                hint="give runs of one server to --after, and no other one to --server",
            )
        return sorted(homes)
    if names:
        return list(dict.fromkeys(names))
    if config.is_open(o.config, None):
        return following.used_servers(o)
    return [config.choose_server(o.config, None).name]


def identities(points: Iterable[Point]) -> list[Any]:
    return [spec.plain([sweep.identity(each.changes), each.seed]) for each in points]


def warn_of_other_code(o: Overnight, name: str, snapshot: str) -> None:
    began = (o.mirror.sweeps.definition(name) or {}).get("snapshot")
    if began not in (None, snapshot):
        o.talk.say(
            f"note: the code has changed since the sweep {name!r} was begun ({began} -> "
            f"{snapshot}); the new runs have the new code"
        )


def wish_to_add(o: Overnight, name: str, axes: tuple[Axis, ...]) -> Wish:
    """More of the sweep `name`, as it was begun; a server is asked where this laptop forgot."""
    kept = o.mirror.sweeps.definition(name)
    if kept is None:
        runs = sweep_known.known_runs(o, name)
        if not runs:
            raise errors.UsageError(
                f"there is no sweep {name!r} in this project", hint="overnight sweep list"
            )
        one = next(iter(runs.values()))
        args = {"project": o.project, "run": one.run}
        told = o.server(one.server).call(Request("spec", args)).data["spec"]
        kept = (told.get("provenance") or {}).get("sweep") or {}
    return dataclasses.replace(kept_wish(name, kept), axes=axes)


def planned(
    o: Overnight,
    sight: Sight,
    name: str,
    points: Sequence[Point],
    before: Mapping[str, SweptRun],
    *,
    adding: bool,
) -> list[Planned]:
    """The runs at `points`; those that exist keep name, server and number."""
    old = sweep_known.old_keys(o, name, before)
    base = {**old, **sight.base}
    known = {sweep_known.key_of_wire(each.sweep, base): each for each in before.values()}

    def known_as(point: Point) -> SweptRun | None:
        return known.get(sweep_known.key_of(point, {**old, **sight.base_at(point)}))

    new = [each for each in points if not known_as(each) and not (adding and each.is_base)]
    if adding and not new:
        raise errors.UsageError(
            f"the sweep {name!r} has all these points already",
            hint=f"overnight sweep status {name}",
        )
    first = 1 + max((each.sweep["index"] for each in before.values()), default=-1)
    total = len(before) + len(new)
    taken = imported.taken(o) | before.keys()
    names = dict(zip(map(id, new), sweep.names(name, new, taken, first), strict=True))
    settings = o.config.servers[config.LOCAL]
    found = []
    number = first
    for point in new if adding else points:
        there = known_as(point)
        told = (
            there.sweep
            if there
            else sweep.to_wire(
                point,
                name=name,
                mode=sight.wish.mode,
                index=number,
                total=total,
                base={**old, **sight.base_at(point)},
            )
        )
        number += there is None
        found.append(
            Planned(
                run=there.run if there else names[id(point)],
                sweep=told,
                point=point,
                prepared=sight.prepared(point, settings),
                server=there.server if there else "",
                there=there is not None and sweep_known.is_there(o, there.run),
            )
        )
    return found


def lead_of(sight: Sight, runs: Sequence[Planned], *, adding: bool) -> Planned:
    """The base; the first run where the sweep has no base, so that its command may need a value."""
    found = next((each for each in runs if each.point.is_base), runs[0])
    if not adding or found.point.is_base:
        return found
    point = Point(changes={}, seed=found.point.seed)
    prepared = sight.prepared(point, sight.o.config.servers[config.LOCAL])
    return dataclasses.replace(found, point=point, prepared=prepared)
