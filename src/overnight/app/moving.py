"""Moving queued runs to servers where they start earlier, each exactly once (law 3).

In this order: the move is remembered here; the target gets the code; the source gives the run up
for ever; what the target gets is fixed; the target gets the run; the move is forgotten. Each step
may be repeated, so whoever finds a move that was cut short goes on with it. A run whose source has
not said that it gave it up is never launched elsewhere.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.app import Overnight, asking, notifying, preparing
from overnight.core import balancing, errors
from overnight.core.balancing import Move
from overnight.core.placement import Offer, Wanted
from overnight.ports import Request
from overnight.store.moves import ARRIVING, Pending

OF_SERVER = ("cpu_slots", "sharing")  # what a spec's queue says of its server


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What became of a move. `problem` is "" where the run is on the target now."""

    run: str
    source: str
    target: str
    why: str = ""
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class NotMovedError(Exception):
    """The run stays where it is; the text says why."""


def balance(o: Overnight, offers: Sequence[Offer]) -> list[Moved]:
    """Moves the queued runs of this project that start earlier elsewhere.

    The mirror must have just been filled (`following.status`): it says which runs may be moved.
    """
    offers = [each for each in offers if not each.is_cluster]  # Slurm's queue is its own
    moves = balancing.balance(candidates(o, offers), offers, time.time())
    return [carried_out(o, move) for move in moves]


def candidates(o: Overnight, offers: Sequence[Offer]) -> list[Wanted]:
    """This project's waiting runs that may be moved, the ones that wait longest first."""
    found = []
    for offer in offers:
        rows = {str(row["run"]): row for row in o.mirror.seen(offer.server).rows}
        mine = [run for run in offer.waiting if run.get("project") == o.project]
        followed = {name for run in mine for name in run.get("after") or ()}
        for run in mine:
            row = rows.get(str(run["run"]))
            stays = row is None or run["run"] in followed or balancing.immovable(row)
            if not stays:
                found.append((float(run.get("queued_at") or 0) - offer.clock_offset_s, offer, run))
    found.sort(key=lambda each: each[0])
    return [wanted(o, offer, run, offers) for _, offer, run in found]


def wanted(o: Overnight, offer: Offer, run: Mapping[str, Any], offers: Sequence[Offer]) -> Wanted:
    """What it asks of another server. One that knows a run of this name is none for it."""
    name = str(run["run"])
    expected_s = run.get("expected_s")
    known = o.mirror.rows_of(name).keys() - {offer.server}
    return Wanted(
        key=name,
        gpus=float(run["gpus"]),
        memory_mib=run.get("memory_mib"),
        expected_s=None if expected_s is None else float(expected_s) * offer.speed,
        links=o.config.project.links,
        servers=frozenset(each.server for each in offers) - known,
        waits_at=offer.server,
    )


def carried_out(o: Overnight, move: Move) -> Moved:
    try:
        pending = begun(o, move)
        finish(o, pending)
    except NotMovedError as error:
        return Moved(run=move.run, source=move.source, target=move.target, problem=str(error))
    except errors.OvernightError as error:
        return Moved(run=move.run, source=move.source, target=move.target, problem=error.message)
    return Moved(run=move.run, source=move.source, target=pending.target, why=move.why)


def begun(o: Overnight, move: Move) -> Pending:
    """Remembered, after the target has what the run needs: a run that left must arrive."""
    preparing.secrets(o.config, os.environ)
    if is_known(o, move.target, move.run):
        raise NotMovedError(f"{move.target} has a run of this name")
    which = {"project": o.project, "run": move.run}
    spec = o.server(move.source).call(Request("spec", which)).data["spec"]
    if spec is None:
        raise NotMovedError(f"its spec.json on {move.source} cannot be read")
    bring_code(o, move.target, str(spec["snapshot"]))
    return o.mirror.moves.begin(Pending(move.run, o.project, move.source, move.target))


def is_known(o: Overnight, server: str, run: str) -> bool:
    try:
        o.server(server).call(Request("spec", {"project": o.project, "run": run}))
    except errors.ServerError as error:
        if error.code == "no_such_run":
            return False
        raise
    return True


def bring_code(o: Overnight, target: str, snapshot: str) -> None:
    """The code of the run to the target, where that lacks it. It may have changed here since."""
    from overnight.app import launching
    from overnight.sync import manifest, opening

    server = o.server(target)
    question = opening.question(o.project, snapshot, o.nonce)
    begun = server.call(question).data
    if begun["have"]:
        return
    discard = {"project": o.project, "snapshot": snapshot, "incoming": begun["incoming"]}
    server.call(Request("snapshot_discard", discard))
    if manifest.build(o.root).id != snapshot or (
        launching.sync(o, target).pushed.snapshot != snapshot
    ):
        raise NotMovedError(f"its code has changed here since, and {target} does not have it")


def finish(o: Overnight, move: Pending) -> None:
    """Goes on with a move from the stage at which it stands.

    Raises `NotMovedError` where the run has started meanwhile, which ends the move.
    """
    if move.stage != ARRIVING:
        move = withdrawn(o, move)
    secret = preparing.secrets(o.config, os.environ)
    notify = notifying.wanted(o.config.notify, os.environ)
    args = {"spec": move.spec, "secrets": secret, "notify": notify}
    o.server(move.target).call(Request("launch", args))
    o.mirror.moves.done(move)


def withdrawn(o: Overnight, move: Pending) -> Pending:
    """The source gives it up for ever, and what the target gets is fixed."""
    args = {
        "project": move.project,
        "run": move.run,
        "to": move.target,
        "by": "overnight queue --balance",
    }
    answer = o.server(move.source).call(Request("withdraw", args)).data
    if not answer["withdrawn"]:
        o.mirror.moves.done(move)
        raise NotMovedError(f"it is {answer['state']} on {move.source} by now")
    return o.mirror.moves.left(move, for_target(o, move, answer["spec"]))


def for_target(o: Overnight, move: Pending, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The same run, with what the settings say of the other server."""
    settings = o.config.servers[move.target]
    told = spec.get("queue") or {}
    own = preparing.queue(o.config, settings)
    queue = {key: value for key, value in told.items() if key not in OF_SERVER}
    queue.update({key: value for key, value in own.items() if key in OF_SERVER})
    provenance = {**(spec.get("provenance") or {}), "server": move.target}
    return {
        **spec,
        "allowed_gpus": preparing.allowed_gpus(settings),
        "queue": queue,
        "provenance": {**provenance, "moved_from": move.source},
    }


def complete(o: Overnight, reachable: Sequence[str]) -> list[Moved]:
    """Goes on with the moves that were cut short between servers that answer.

    Those that cannot go on now stay remembered.
    """
    done = []
    for move in o.mirror.moves.pending():
        needed = [move.target] if move.stage == ARRIVING else [move.source, move.target]
        if move.project != o.project or not set(needed) <= set(reachable):
            continue
        problem = ""
        try:
            finish(o, move)
        except NotMovedError as error:
            problem = str(error)
        except (*asking.EXPECTED, errors.UsageError) as error:
            problem = f"{error.message}; it will be tried again"
        done.append(Moved(run=move.run, source=move.source, target=move.target, problem=problem))
    return done


def tell(o: Overnight, moved: Sequence[Moved]) -> None:
    for each in moved:
        if each.problem:
            o.talk.say(f"{each.run} not moved to {each.target}: {each.problem}")
        else:
            why = f"; it {each.why}" if each.why else ""
            o.talk.say(f"{each.run} moved from {each.source} to {each.target}{why}")
