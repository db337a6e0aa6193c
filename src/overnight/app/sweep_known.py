"""The runs that a sweep has already: on the servers, and as this laptop remembers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from overnight.app import Overnight, following
from overnight.app.sweep_sight import Sight
from overnight.core import errors, sweep
from overnight.core.sweep import Point
from overnight.core.sweep_values import Scalar, Value
from overnight.store.sweeps import SweptRun


def known_runs(o: Overnight, name: str, servers: Sequence[str] = ()) -> dict[str, SweptRun]:
    """The runs of a sweep by name: as the servers have them, else as we remember them.

    A server that does not answer is taken as it was seen last.
    """
    remembered = {each.run: each for each in o.mirror.sweeps.runs(name)}
    used = [*following.used_servers(o), *servers, *(each.server for each in remembered.values())]
    names = [each for each in dict.fromkeys(used) if each in o.config.servers]
    with o.talk.busy("asking the servers"):
        following.ask_all(o, [o.server(each) for each in names])
    return {**remembered, **rows_of(o, name, names)}


def rows_of(o: Overnight, name: str, servers: Iterable[str]) -> dict[str, SweptRun]:
    return {
        row["run"]: SweptRun(row["run"], server, row["sweep"])
        for server in servers
        for row in o.mirror.seen(server).rows
        if (row.get("sweep") or {}).get("name") == name
        if not row.get("moved_to") and row.get("state") != "lost"
    }


def is_there(o: Overnight, run: str) -> bool:
    """Whether a server has it, as far as it was seen."""
    rows = o.mirror.rows_of(run).values()
    return any(row.get("state") != "lost" and not row.get("moved_to") for row in rows)


def old_keys(o: Overnight, name: str, before: Mapping[str, SweptRun]) -> dict[str, Scalar]:
    """The axes that the sweep has so far, with their base values."""
    definition = o.mirror.sweeps.definition(name) or {}
    bases = [each.sweep["point"] for each in before.values() if each.sweep.get("base")]
    found: Mapping[str, Scalar] = definition.get("keys") or (bases[0] if bases else {})
    return dict(found)


def check_same(
    o: Overnight,
    name: str,
    sight: Sight,
    points: Sequence[Point],
    before: Mapping[str, SweptRun],
    snapshot: str,
) -> None:
    """The same sweep may be typed again; another one of the same name is refused."""
    wanted = {key_of(each, sight.base_at(each)) for each in points}
    there = {key_of_wire(each.sweep) for each in before.values()}
    definition = o.mirror.sweeps.definition(name)
    is_rest = definition is None and there <= wanted  # cut short, and the mirror is gone
    if not (wanted <= there or is_rest):
        raise errors.UsageError(
            f"there is a sweep {name!r} with other points ({len(there)} runs)",
            hint=f"overnight sweep add {name} KEY=…   for more of them, or another --name",
        )
    if definition is None:
        return
    mine = sight.wish.kept()
    other = [key for key in ("argv", "base", "gpus") if definition.get(key) != mine[key]]
    if other:
        raise errors.UsageError(
            f"the sweep {name!r} was begun with another {other[0].replace('argv', 'command')}",
            hint="give another --name",
        )
    if definition["snapshot"] != snapshot:
        raise errors.UsageError(
            f"the code has changed since the sweep {name!r} was begun "
            f"({definition['snapshot']} -> {snapshot}); its runs keep what they have",
            hint=f"overnight sweep status {name}, or another --name",
        )


Identity = tuple[bool, Any, int | None]


def key_of(point: Point, base: Mapping[str, Scalar]) -> Identity:
    return identity_of(point.is_base, point.values(base), point.seed)


def key_of_wire(told: Mapping[str, Any], base: Mapping[str, Scalar] | None = None) -> Identity:
    """`base`: the values of axes that came later."""
    return identity_of(bool(told["base"]), {**(base or {}), **told["point"]}, told["seed"])


def identity_of(is_base: bool, values: Mapping[str, Scalar], seed: int | None) -> Identity:
    plain = {key: Value("", value) for key, value in values.items()}
    return is_base, sweep.identity(plain), seed
