"""What a sweep would run and where, before anything starts."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from overnight.app import Overnight, following, placing, preparing, project_files
from overnight.code import assigning, sources
from overnight.code.assigning import Target
from overnight.core import command, config, errors, placement, spec, sweep, unclear
from overnight.core.placement import Offer, Wanted
from overnight.core.sweep import Axis, Point
from overnight.core.sweep_values import Scalar, Value
from overnight.ports import Request
from overnight.store.sweeps import SweptRun
from overnight.sync import manifest

HISTORY = 20  # finished runs whose length says how long the next will take


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """A sweep as it was asked for. `axes`, or the `points` themselves.

    `base`: the configuration file to start from. `argv` empty: the project's training command.
    `servers` empty: any that suits.
    """

    name: str | None = None
    mode: str = sweep.ABLATE
    base: str | None = None
    axes: tuple[Axis, ...] = ()
    points: tuple[Mapping[str, Value], ...] = ()
    seeds: tuple[int, ...] = ()
    gpus: float | None = None
    servers: tuple[str, ...] = ()
    max_concurrent: int | None = None
    priority: int | None = None
    after: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()

    @property
    def keys(self) -> list[str]:
        named = [axis.key for axis in self.axes]
        return list(dict.fromkeys([*named, *(key for each in self.points for key in each)]))

    def kept(self) -> dict[str, Any]:
        """What `sweep add` needs to go on in the same way, as JSON."""
        fields = ("mode", "base", "seeds", "gpus", "servers", "max_concurrent", "priority", "after")
        return {name: spec.plain(getattr(self, name)) for name in (*fields, "argv")}


def kept_wish(name: str, kept: Mapping[str, Any]) -> Wish:
    """The wish that `Wish.kept` wrote, without its axes."""
    known = {field.name for field in dataclasses.fields(Wish)}
    values = {key: value for key, value in kept.items() if key in known}
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Wish(**{**values, **lists, "name": name})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planned:
    """One run. `there`: a server has it already. Times are Unix times, None where not known."""

    run: str
    sweep: Mapping[str, Any]
    point: Point
    prepared: preparing.Prepared
    server: str
    why: str = ""
    starts_at: float | None = None
    ends_at: float | None = None
    there: bool = False

    def to_json(self) -> dict[str, Any]:
        keys = ("run", "server", "why", "starts_at", "ends_at")
        return {
            **{key: getattr(self, key) for key in keys},
            **{key: self.sweep[key] for key in ("index", "point", "seed", "base")},
            "existed": self.there,
            "command": list(self.prepared.spec.variants[0]["argv"]),
            "files": sorted(self.prepared.files),
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """`base`: the value of each axis as the experiment is; `where`: what is turned for it.

    `expected_s` and `memory_mib` are of one run, on a server of speed 1; None where not known.
    `expected_from` says what the length rests on. `known`: this sweep was begun before. `lead`
    speaks for all runs in the smoke test: the base, where it is one of them.
    """

    name: str
    wish: Wish
    snapshot: str
    base: Mapping[str, Scalar]
    where: Mapping[str, str]
    runs: tuple[Planned, ...]
    lead: Planned
    offers: Sequence[Offer]
    expected_s: float | None = None
    expected_from: str = ""
    memory_mib: int | None = None
    known: bool = False

    @property
    def fresh(self) -> list[Planned]:
        return [each for each in self.runs if not each.there]

    def speed(self, server: str) -> float:
        return next((each.speed for each in self.offers if each.server == server), 1.0)

    def definition(self) -> dict[str, Any]:
        return {
            **self.wish.kept(),
            "keys": dict(self.base),
            "snapshot": self.snapshot,
            "expected_s": self.expected_s,
        }

    def to_json(self) -> dict[str, Any]:
        ends = [each.ends_at for each in self.runs]
        known = [each for each in ends if each is not None]
        return {
            "sweep": self.name,
            "mode": self.wish.mode,
            "total": len(self.runs),
            "snapshot": self.snapshot,
            "axes": dict(self.where),
            "base": dict(self.base),
            "expected_s": self.expected_s,
            "expected_from": self.expected_from,
            "memory_mib": self.memory_mib,
            "ends_at": max(known) if known and len(known) == len(ends) else None,
            "runs": [each.to_json() for each in self.runs],
        }


# -- what is varied -----------------------------------------------------------------------------


class Sight:
    """The command of a sweep, and where each of its keys goes."""

    def __init__(self, o: Overnight, wish: Wish) -> None:
        self.o, self.wish = o, wish
        self.read = project_files.reader(o.root, o.config.project.links)
        self.sources = sources.Project(o.root)
        self.argv = list(wish.argv) or preparing.training_command(o.config)
        command.validate(self.argv)
        self.command = self._command(self.argv)
        self.targets = {key: self.command.target(key) for key in wish.keys}
        if wish.seeds:
            self.seed = self.command.seed()
        self._refuse_one_place()
        self._smoke = self._smoke_command()

    def _command(self, argv: Sequence[str]) -> assigning.Command:
        return assigning.Command(
            self.o.root, argv, self.read, base=self.wish.base, project=self.sources
        )

    def _refuse_one_place(self) -> None:
        """`lr` and `optim.lr` may be one and the same."""
        named: dict[tuple[str, str], str] = {}
        seed = {"--seeds": self.seed} if self.wish.seeds else {}
        for key, target in {**self.targets, **seed}.items():
            other = named.setdefault((target.file, target.name), key)
            if other != key:
                raise errors.UsageError(
                    f"{other} and {key} are the same setting ({target.where})",
                    hint="vary it once, with all its values",
                )

    def _smoke_command(self) -> assigning.Command | None:
        """The project's own short command, where it is the project's command that is swept."""
        smoke = self.o.config.project.smoke
        if smoke is None or self.wish.argv:
            return None
        try:
            return self._command(command.parse(smoke))
        except errors.UsageError:
            return None

    @property
    def base(self) -> dict[str, Scalar]:
        return {key: each.base.value if each.base else None for key, each in self.targets.items()}

    @property
    def where(self) -> dict[str, str]:
        seed = {"seed": self.seed.where} if self.wish.seeds else {}
        return {**{key: each.where for key, each in self.targets.items()}, **seed}

    def points(self) -> list[Point]:
        """Raises `errors.UsageError` where nothing varies."""
        known = {key for key, each in self.targets.items() if each.base is not None}
        if self.wish.points:
            listed = [sweep.without_base(each, self.base, known) for each in self.wish.points]
            return sweep.finished(listed, self.wish.seeds)
        return sweep.expand(self.wish.axes, self.wish.mode, self.base, self.wish.seeds, known)

    def prepared(self, point: Point, server: config.ServerConfig) -> preparing.Prepared:
        """The run at `point`, complete but for name and snapshot."""
        changes = [(self.targets[key], value) for key, value in point.changes.items()]
        if point.seed is not None:
            changes.append((self.seed, Value(str(point.seed), point.seed)))
        made = self.command.assign(changes)
        found = preparing.prepare(
            self.o.config,
            server,
            made.argv,
            self.wish.gpus,
            files=made.files,
            sources_of=self.sources,
        )
        smoke = self._smoke_words(point)
        return (
            found
            if smoke is None
            else dataclasses.replace(found, smoke_argv=smoke, same_smoke=False)
        )

    def _smoke_words(self, point: Point) -> list[str] | None:
        """The short command at `point`; None where it does not take all that is changed."""
        if self._smoke is None:
            return None
        values = dict(point.changes)
        keys: dict[str, Target] = {}
        try:
            keys = {key: self._smoke.target(key) for key in values}
            changes = [(keys[key], value) for key, value in values.items()]
            if point.seed is not None:
                changes.append((self._smoke.seed(), Value(str(point.seed), point.seed)))
            return list(self._smoke.assign(changes).argv)
        except (errors.UsageError, unclear.UnclearError):
            return None


# -- the plan -----------------------------------------------------------------------------------


def make(o: Overnight, wish: Wish, *, adding: bool = False) -> Plan:
    """Asks the servers what they have and offer; starts nothing. Raises `errors.UsageError`.

    `adding`: these points come to those that the sweep `wish.name` has already.
    """
    sight = Sight(o, wish)
    points = sight.points()
    snapshot = manifest.build(o.root).id
    name = wish.name or sweep.default_name(wish.keys, [wish.kept(), identities(points), snapshot])
    candidates = servers_for(o, wish)
    before = known_runs(o, name, candidates)
    if before and not adding:
        check_same(o, name, sight, points, before, snapshot)
    runs = planned(o, sight, name, points, before, adding=adding)
    base = {**old_keys(o, name, before), **sight.base} if adding else sight.base
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
    return placed(o, with_length(o, dataclasses.replace(plan, offers=offers)), candidates)


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


def wish_to_add(o: Overnight, name: str, axes: tuple[Axis, ...]) -> Wish:
    """More of the sweep `name`, as it was begun; a server is asked where this laptop forgot."""
    kept = o.mirror.sweeps.definition(name)
    if kept is None:
        runs = known_runs(o, name)
        if not runs:
            raise errors.UsageError(
                f"there is no sweep {name!r} in this project", hint="overnight sweep list"
            )
        one = next(iter(runs.values()))
        args = {"project": o.project, "run": one.run}
        told = o.server(one.server).call(Request("spec", args)).data["spec"]
        kept = (told.get("provenance") or {}).get("sweep") or {}
    return dataclasses.replace(kept_wish(name, kept), axes=axes)


# -- what is there already ----------------------------------------------------------------------


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
    wanted = {key_of(each, sight.base) for each in points}
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


# -- the runs -----------------------------------------------------------------------------------


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
    base = {**old_keys(o, name, before), **sight.base}
    known = {key_of_wire(each.sweep, base): each for each in before.values()}
    new = [each for each in points if key_of(each, base) not in known]
    if adding and not new:
        raise errors.UsageError(
            f"the sweep {name!r} has all these points already",
            hint=f"overnight sweep status {name}",
        )
    first = 1 + max((each.sweep["index"] for each in before.values()), default=-1)
    total = len(before) + len(new)
    taken = o.mirror.run_names() | before.keys()
    names = dict(zip(map(id, new), sweep.names(name, new, taken, first), strict=True))
    settings = o.config.servers[config.LOCAL]
    found = []
    number = first
    for point in new if adding else points:
        there = known.get(key_of(point, base))
        told = (
            there.sweep
            if there
            else sweep.to_wire(
                point, name=name, mode=sight.wish.mode, index=number, total=total, base=base
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
                there=there is not None and is_there(o, there.run),
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


# -- length and place ---------------------------------------------------------------------------


def with_length(o: Overnight, plan: Plan) -> Plan:
    """How long one run takes, as far as smoke tests or earlier runs have told."""
    key = spec.digest(plan.lead.prepared.smoke_parts)
    passes = [body for each, _, body in o.mirror.smoke_passes() if each == key]
    memory = max((int(each["memory_mib"]) for each in passes if each.get("memory_mib")), default=0)
    told = placing.expected(o, key, plan.offers)
    source = "smoke test" if told is not None else ""
    if told is None and (lengths := finished_lengths(o)):
        told, source = statistics.median(lengths), f"median of {len(lengths)} finished runs"
    return dataclasses.replace(
        plan, expected_s=told, expected_from=source, memory_mib=memory or None
    )


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
    found = choices(o, plan, open_runs, servers)
    used = list(dict.fromkeys(each.server for each in found if each.server))
    limit = plan.wish.max_concurrent
    if limit is not None and len(used) > limit:  # a server cannot be given less than one at once
        found = choices(o, plan, open_runs, [each for each in used if each][:limit])
    lost = next((each for each in found if each.server is None), None)
    if lost is not None:
        raise errors.UsageError(
            f"no server suits {lost.key}: {lost.why}", hint="overnight gpus   or: overnight doctor"
        )
    by_run = {each.key: each for each in found}
    return dataclasses.replace(
        plan, runs=tuple(at(each, by_run.get(each.run)) for each in plan.runs)
    )


def choices(
    o: Overnight, plan: Plan, runs: Sequence[Planned], servers: Sequence[str]
) -> list[placement.Placement]:
    wanted = [
        Wanted(
            key=each.run,
            gpus=each.prepared.spec.gpus,
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
