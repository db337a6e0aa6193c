"""overnight queue"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from overnight.cli import common, render

if TYPE_CHECKING:
    from overnight.app.queue import Queues
    from overnight.core.placement import Offer

REFRESH_S = 5.0
SENTENCES = 5
CARD_STATES = {
    "free": "free",
    "ours": "ours",
    "other": "other",
    "resting": "just left",
    "quiet": "quiet hours",
    "excluded": "excluded",
    "unknown": "not seen",
}


@common.verb(example="overnight queue --balance")
@common.server_option
@click.option("--balance", is_flag=True, help="Move queued runs to where they start earlier.")
@click.option("--follow", is_flag=True, help="Stay, refresh and balance until Ctrl-C.")
@common.json_option
def command(server: str | None, balance: bool, follow: bool, as_json: bool) -> None:
    """What waits on the servers, in the order in which it will start, and why.

    Runs of your other projects on the same servers are shown as project/run.

    A queued run of this project is moved by --balance when another server starts it earlier:
    never one that has started before, waits for others, or was given its server with --server.
    """
    with common.project(as_json) as o:
        from overnight.app import moving, queue

        while True:
            with o.talk.busy("asking the servers"):
                found = queue.queues(o, server, balance=balance or (follow and server is None))
            moving.tell(o, found.moved)
            if follow and sys.stdout.isatty():
                click.clear()
            common.emit(found.to_json(), shown(found, time.time()), as_json)
            if not follow:
                return
            time.sleep(REFRESH_S)


def shown(found: Queues, now: float) -> str:
    """First what waits, then a line for each server."""
    waiting = [
        row(offer, number, run, found.project, now)
        for offer in found.offers
        for number, run in enumerate(offer.waiting, 1)
    ]
    servers = [[offer.server, summary(offer)] for offer in found.offers]
    parts = [render.table(waiting, SENTENCES) if waiting else nothing(found)]
    return "\n\n".join([*parts, render.table(servers)])


def nothing(found: Queues) -> str:
    reachable = [offer.reachable for offer in found.offers]
    if all(reachable):
        return "nothing waits"
    return "nothing waits on the servers that answer" if any(reachable) else "no server answers"


def row(offer: Offer, number: int, run: Mapping[str, Any], project: str, now: float) -> list[str]:
    mine = run.get("project") == project
    name = str(run.get("run")) if mine else f"{run.get('project')}/{run.get('run')}"
    priority = f"priority {run['priority']}" if run.get("priority") else ""
    start = expected_start(run.get("starts_at"), now + offer.clock_offset_s)
    head = offer.server if number == 1 else ""
    note = "  ".join(part for part in (start, str(run.get("reason") or "")) if part)
    return [head, f"{number}.", name, wanted(float(run.get("gpus") or 0)), priority, note]


def wanted(gpus: float) -> str:
    if gpus == 0:
        return "CPU"
    return f"{gpus:g} GPU{'s' * (gpus > 1)}"


def expected_start(starts_at: float | None, now: float) -> str:
    """`now` is by the clock of `starts_at`, which may be hours from ours."""
    if starts_at is None:
        return "start not known"
    return f"in {render.duration(starts_at - now)}" if starts_at - now >= 1 else "starts now"


def summary(offer: Offer) -> str:
    """2 free, 1 ours, 1 other of 4 GPUs; 3 running, 2 waiting"""
    if not offer.reachable:
        return f"unreachable: {offer.problem}"
    return "; ".join([*cards(offer), *runs(offer)])


def cards(offer: Offer) -> Iterator[str]:
    if offer.is_cluster:
        yield "Slurm's queue"
    elif offer.problem:
        yield f"the GPUs cannot be seen: {offer.problem}"
    if offer.cards:
        counts = Counter(CARD_STATES.get(str(c.get("state")), "not seen") for c in offer.cards)
        parts = [f"{counts[name]} {name}" for name in CARD_STATES.values() if counts[name]]
        of = len(offer.cards)
        yield f"{', '.join(parts)} of {of} GPU{'s' * (of > 1)}"
    elif not offer.problem and not offer.is_cluster:
        yield f"no GPUs, {offer.slots} CPU slot{'s' * (offer.slots != 1)}"


def runs(offer: Offer) -> Iterator[str]:
    counts = {"running": len(offer.running), "waiting": len(offer.waiting)}
    told = [f"{number} {name}" for name, number in counts.items() if number]
    yield ", ".join(told) or "no runs"
