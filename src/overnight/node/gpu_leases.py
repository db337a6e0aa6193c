"""Which GPUs a run may use now: free ones, leased to it until it has ended."""

from __future__ import annotations

import os
from typing import Any, Callable, NamedTuple

from overnight.node import fs, gpus, layout, lock, processes, states


class Grant(NamedTuple):
    """`uuids` is None while the run must wait; `reason` then says what for."""

    uuids: list[str] | None
    reason: str = ""


def acquire(run: layout.Run, spec: dict[str, Any]) -> Grant:
    """All wanted GPUs or none. `spec["gpus"]` None means one where the server has any."""
    wanted = spec.get("gpus")
    if wanted == 0:
        return Grant([])
    table = gpus.query()
    if wanted is None:
        wanted = 1 if table.gpus else 0
    if wanted == 0:
        return Grant([])
    if not table.gpus:
        return Grant(None, f"no GPU can be seen here: {table.problem or 'nvidia-smi is missing'}")
    with lock.held(os.path.join(run.root, "leases.lock")):
        return choose(run, spec, table, wanted)


def choose(run: layout.Run, spec: dict[str, Any], table: gpus.Table, wanted: int) -> Grant:
    me = holder(run)
    is_alive = living(run.root)
    taken = {uuid: who for uuid, who in gpus.held(run.root, is_alive).items() if who != me}
    chosen = gpus.choose(
        table, wanted, spec.get("allowed_gpus"), leased=set(taken), ours=own_processes(run)
    )
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
        known = fs.read_json(run.file("state.json"))
        return isinstance(known, dict) and known.get("state") in states.ACTIVE

    return is_alive


def own_processes(run: layout.Run) -> set[int]:
    """Processes of this run's attempts that still live (for instance while memory drains)."""
    found: set[int] = set()
    for number in layout.names(run.file("attempts")):
        found.update(target.pid for target in processes.of_attempt(run.file(f"attempts/{number}")))
    return found


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
