"""Looking who uses the GPUs now: asks the driver and /proc, and keeps what samples have seen."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, NamedTuple, Sequence

from overnight.node import fs, gpus, leases, owners, sharing

SIGHTINGS = "sightings.json"


class Look(NamedTuple):
    table: gpus.Table
    uses: dict[str, sharing.Use]

    def free(
        self, allowed: Sequence[int | str] | None = None, visible: str | None = None
    ) -> list[str]:
        """UUIDs, lowest index first. The arguments limit them as in `gpus.choose`."""
        return [
            gpu.uuid
            for gpu in gpus.restricted(self.table.gpus, visible)
            if self.uses[gpu.uuid].state == sharing.FREE
            and (allowed is None or any(gpus.is_named(gpu, str(name)) for name in allowed))
        ]


def look(
    root: str,
    rules: sharing.Rules,
    is_alive: Callable[[dict[str, Any]], bool],
    *,
    keep: bool = False,
) -> Look:
    """One sample. Only who samples again and again may `keep` it for the next one.

    Called with the lock of the leases held where something is decided by it.
    """
    table, owned = ask(root)
    now = time.time()
    path = os.path.join(root, SIGHTINGS)
    before = sharing.from_json(fs.read_json(path))
    sightings = sharing.seen(before, table, owned, rules, now)
    if keep and sightings != before:
        fs.publish_json(path, sharing.to_json(sightings), durable=False)
    held = leases.seen(root, is_alive)
    uses = sharing.judge(table, owned, held, sightings, rules, time.localtime(now))
    return Look(table, uses)


def ask(root: str) -> tuple[gpus.Table, dict[int, owners.Owner]]:
    """The table, and whose its processes are.

    One that ended between the two questions looks like one that is hidden, so the driver is asked
    again where there is such a process.
    """
    table = gpus.query()
    owned = owners.of(pids(table), root)
    if any(owner.user == owners.UNKNOWN for owner in owned.values()):
        table = gpus.query()
        owned = owners.of(pids(table), root)
    return table, owned


def pids(table: gpus.Table) -> set[int]:
    return {app.pid for gpu in table.gpus for app in gpu.apps}
