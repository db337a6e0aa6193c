"""Which GPUs a run may use now: free ones, leased to it until it has ended."""

from __future__ import annotations

import os
from typing import Any, Callable, NamedTuple, Sequence

from overnight.node import gpus, journal, layout, lock, processes, states


class Grant(NamedTuple):
    """`uuids` is None where the run cannot have its GPUs now; `reason` says why.

    `hopeless`: this server will never have them, so that waiting would not help.
    """

    uuids: list[str] | None
    reason: str = ""
    hopeless: bool = False


def acquire(run: layout.Run, spec: dict[str, Any], avoid: Sequence[str] = ()) -> Grant:
    """All wanted GPUs or none. `spec["gpus"]` None means one for each of the processes where the
    server has any.

    GPUs to `avoid` are taken only where the server has too few others.
    """
    wanted = spec.get("gpus")
    if wanted == 0:
        return Grant([])
    table = gpus.query()
    if wanted is None and not table.gpus and not table.problem:
        return Grant([])
    wanted = (spec.get("processes") or 1) if wanted is None else wanted
    refusal = never(table, wanted, spec.get("allowed_gpus"))
    if refusal:
        per_process = spec.get("gpus") is None and wanted > 1
        why = "one for each process (--gpus N says otherwise): " if per_process else ""
        return Grant(None, why + refusal, hopeless=True)
    if table.problem:
        return Grant(None, f"the GPUs cannot be seen now: {table.problem}")
    with lock.held(os.path.join(run.root, "leases.lock")):
        return choose(run, spec, without(table, wanted, spec.get("allowed_gpus"), avoid), wanted)


def without(
    table: gpus.Table, wanted: int, allowed: list[str] | None, avoid: Sequence[str]
) -> gpus.Table:
    others = table._replace(gpus=tuple(gpu for gpu in table.gpus if gpu.uuid not in avoid))
    return table if never(others, wanted, allowed) else others


def never(table: gpus.Table, wanted: int, allowed: list[str] | None) -> str:
    """Why this server can never give so many GPUs, or "". Where they cannot be seen, it may."""
    if not table.gpus:
        return "" if table.problem else f"{count(wanted)} wanted, and this server has none"
    usable = [
        gpu
        for gpu in table.gpus
        if allowed is None or any(gpus.is_named(gpu, name) for name in allowed)
    ]
    if len(usable) >= wanted:
        return ""
    of = "" if allowed is None else " that overnight.toml allows"
    return f"{count(wanted)} wanted, and this server has {len(usable)}{of}"


def count(number: int) -> str:
    return "1 GPU is" if number == 1 else f"{number} GPUs are"


def choose(run: layout.Run, spec: dict[str, Any], table: gpus.Table, wanted: int) -> Grant:
    """Called when nothing of the run lives, so a process on a GPU is somebody else's, or dying."""
    me = holder(run)
    is_alive = living(run.root)
    taken = {uuid: who for uuid, who in gpus.held(run.root, is_alive).items() if who != me}
    chosen = gpus.choose(table, wanted, spec.get("allowed_gpus"), leased=set(taken), ours=set())
    if chosen is None:
        return Grant(None, f"waiting for {wanted} free of {len(table.gpus)} GPUs")
    uuids = [gpu.uuid for gpu in chosen]
    gpus.release(run.root, me)
    gpus.lease(run.root, uuids, me, is_alive)
    return Grant(uuids)


def release(run: layout.Run) -> None:
    gpus.release(run.root, holder(run))


def holder(run: layout.Run) -> dict[str, Any]:
    return {"project": run.project, "run": run.name}


def living(root: str) -> Callable[[dict[str, Any]], bool]:
    """A lease lives as long as its run is active, whether or not its supervisor lives."""

    def is_alive(who: dict[str, Any]) -> bool:
        try:
            run = layout.run(root, who.get("project", ""), who.get("run", ""))
        except ValueError:
            return False
        return journal.published(run)["state"] in states.ACTIVE

    return is_alive


def foreign_mib(uuids: list[str]) -> int:
    """Memory, MiB, that other people's living processes hold on these GPUs now.

    Called after our own processes have ended, so whatever still holds memory is not ours.
    """
    if not uuids:
        return 0
    return sum(
        app.used_mib or 0
        for gpu in gpus.query().gpus
        if gpu.uuid in uuids
        for app in gpu.apps
        if processes.owner(app.pid) not in (os.getuid(), -1)
    )
