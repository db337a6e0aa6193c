"""What the servers offer, and which one a run goes to."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from overnight.app import Overnight, asking, cards, following, preparing
from overnight.core import config, errors, placement, spec, speeds, views
from overnight.core.placement import Offer, Placement, Wanted
from overnight.ports import Request, Server


def offers(
    o: Overnight, servers: Sequence[str] | None = None, snapshot: str | None = None
) -> list[Offer]:
    """All servers, asked at once for their queue; None: those that the project uses.

    `snapshot`: the code that is to run, so that a server that has it already can say so.
    """
    names = following.used_servers(o) if servers is None else servers
    asked = [o.server(name) for name in names]
    for server in asked:
        following.hurry(o, server)
    args = {"project": o.project, "links": dict(o.config.project.links), "snapshot": snapshot}

    def ask(server: Server) -> tuple[dict[str, Any], float]:
        rules = config.sharing(o.config.servers[server.name])
        data = server.call(Request("queue", {**args, "sharing": rules})).data
        return data, float(data["time"]) - time.time()

    answers = asking.at_once(asked, ask)
    told = [
        away(server.name, answer)
        if isinstance(answer, errors.OvernightError)
        else offer(o.config.servers[server.name], *answer, snapshot)
        for server, answer in zip(asked, answers, strict=True)
    ]
    for each in told:
        if each.reachable:
            cards.remember(o, each.server, each.cards)
    return with_speeds(o, told)


def away(server: str, error: errors.OvernightError) -> Offer:
    return Offer(server=server, reachable=False, problem=error.message)


def offer(
    settings: config.ServerConfig, data: Mapping[str, Any], offset_s: float, snapshot: str | None
) -> Offer:
    """What a server's answer to `queue` comes to under its settings here."""
    allowed = [card if is_allowed(settings, card) else excluded(card) for card in data["cards"]]
    has_it = snapshot is not None and data.get("has_snapshot")
    snapshots = frozenset([snapshot] if snapshot is not None and has_it else [])
    missing = frozenset(data.get("missing_links") or ())
    if settings.kind == "slurm":  # the cards of its login node are nobody's
        return Offer(
            server=settings.name,
            waiting=data["waiting"],
            running=data["running"],
            clock_offset_s=offset_s,
            snapshots=snapshots,
            missing_links=missing,
            is_cluster=True,
        )
    return Offer(
        server=settings.name,
        cards=allowed,
        slots=int(data.get("slots") or 0) if settings.cpu_slots is None else settings.cpu_slots,
        waiting=data["waiting"],
        running=data["running"],
        clock_offset_s=offset_s,
        snapshots=snapshots,
        missing_links=missing,
        problem=str(data.get("problem") or ""),
    )


def is_allowed(settings: config.ServerConfig, card: Mapping[str, Any]) -> bool:
    """As the node reads `gpus`: indices, or UUIDs of which a unique beginning is enough."""
    if settings.gpus is None:
        return True
    return any(
        str(each) == str(card.get("index"))
        or (str(each).startswith("GPU-") and str(card.get("uuid")).startswith(str(each)))
        for each in settings.gpus
    )


def excluded(card: Mapping[str, Any]) -> dict[str, Any]:
    return {**card, "state": "excluded", "why": "not among gpus in overnight.toml"}


# -- how fast they are --------------------------------------------------------------------------


def with_speeds(o: Overnight, told: Sequence[Offer]) -> list[Offer]:
    """With the speed of each server's GPU model, from what was seen of the same commands."""
    models = {each.server: model(each) for each in told}
    known = speeds.by_model(seen(o, models))
    return [dataclasses.replace(each, speed=known.get(models[each.server], 1.0)) for each in told]


def model(offer: Offer) -> str:
    """The GPU model that most of its cards are of; "" where it has none."""
    names = [str(card.get("name") or "") for card in offer.cards]
    return max(sorted(set(names)), key=names.count, default="")


def seen(o: Overnight, models: Mapping[str, str]) -> list[speeds.Seen]:
    """Step times of smoke tests of the same command, and of runs of the same sweep."""
    found = [
        speeds.Seen(f"smoke {key}", models.get(server, ""), float(body["step_time_s"]))
        for key, server, body in o.mirror.smoke_passes()
        if body.get("step_time_s")
    ]
    for server, name in models.items():
        for row in o.mirror.seen(server).rows:
            step_time_s = (row.get("progress") or {}).get("step_time_s")
            sweep = (row.get("sweep") or {}).get("name")
            if step_time_s and sweep:
                found.append(speeds.Seen(f"sweep {sweep}", name, float(step_time_s)))
    return found


# -- choosing -----------------------------------------------------------------------------------


def place(
    o: Overnight, wanted: Sequence[Wanted], servers: Sequence[str] | None = None
) -> list[Placement]:
    """Where runs would go now. All of one project have the same snapshot, if they have one."""
    snapshot = next((each.snapshot for each in wanted if each.snapshot), None)
    return placement.place(wanted, offers(o, servers, snapshot), time.time())


def chosen(o: Overnight, name: str | None, plan: preparing.Prepared) -> str:
    """The server for one new run, said with the reason.

    `plan` is made for any of the servers. A launch that was cut short, or a run of this name that
    is somewhere already, goes on where it is (law 3). Raises `errors.UsageError` where no server
    suits, with what each lacks.
    """
    from overnight.sync import manifest

    snapshot = manifest.build(o.root).id
    known = begun_on(o, name, dataclasses.replace(plan.spec, snapshot=snapshot))
    if known is not None:
        return known
    with o.talk.busy("asking the servers"):
        told = offers(o, snapshot=snapshot)
    there = [each.server for each in told if name is not None and has_run(o, each, name)]
    if there:
        return there[0]
    expected_s = expected(o, spec.digest(plan.smoke_parts), told)
    (found,) = placement.place(
        [
            Wanted(
                key=name or "run",
                gpus=plan.spec.gpus,
                processes=plan.spec.processes or 1,
                expected_s=expected_s,
                links=plan.spec.links,
                snapshot=snapshot,
            )
        ],
        told,
        time.time(),
    )
    if found.server is None:
        raise errors.UsageError(found.why, hint="overnight queue")
    o.talk.say(f"{found.server}: {found.why}")
    return found.server


def begun_on(o: Overnight, name: str | None, wanted: spec.RunSpec) -> str | None:
    """The server that has the run, or on which a launch of it was cut short; None: neither."""
    names = following.used_servers(o)
    if name is not None:
        rows = o.mirror.rows_of(name)
        gone = [server for server, row in rows.items() if row.get("moved_to") or is_lost(row)]
        there = [server for server in rows if server not in gone]
        began = o.mirror.intents(by_name(name))
        return next((each for each in [*there, *began] if each in names), None)
    for server in names:
        own = preparing.for_server(wanted, o.config, o.config.servers[server])
        if server in o.mirror.intents(own.content_key):
            return server
    return None


def is_lost(row: Mapping[str, Any]) -> bool:
    return row.get("state") == views.LOST


def by_name(name: str) -> str:
    """Under which the launch of a named run is remembered while it goes on."""
    return f"name {name}"


def has_run(o: Overnight, offer: Offer, name: str) -> bool:
    runs = [*offer.waiting, *offer.running]
    return any((run.get("project"), run.get("run")) == (o.project, name) for run in runs)


def expected(o: Overnight, smoke_key: str, told: Sequence[Offer]) -> float | None:
    """How long the run takes on a server of speed 1, by the smoke tests of its command."""
    of = {each.server: each.speed for each in told}
    lengths = [
        float(body["full_run_s"]) * of.get(server, 1.0)
        for key, server, body in o.mirror.smoke_passes()
        if key == smoke_key and body.get("full_run_s")
    ]
    return statistics.median(lengths) if lengths else None
