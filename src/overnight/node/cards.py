"""The cards of this server as its queue sees them: which ones our runs may use, and why not others.

Looking is apart from judging: the driver is asked before the queue is locked, as that may take a
while; what our runs hold is known only under the lock.
"""

from __future__ import annotations

import os
import time
from typing import Any, Mapping, NamedTuple, Sequence

from overnight.node import fs, gpus, owners, sharing

SIGHTINGS = "sightings.json"
Held = Mapping[str, Sequence[Mapping[str, Any]]]


class Sight(NamedTuple):
    """One look. `owned`: whose the processes on the cards are; `sightings`: who else was seen."""

    table: gpus.Table
    owned: Mapping[int, owners.Owner]
    sightings: Mapping[str, sharing.Sighting]

    def uses(
        self, held: Held, rules: sharing.Rules, local: time.struct_time
    ) -> dict[str, sharing.Use]:
        """`held`: card -> the runs of ours on it, each with its `share`."""
        return sharing.judge(self.table, self.owned, held, self.sightings, rules, local)


CANNOT_BE_SEEN = "the GPUs cannot be seen now: "
UNSEEN = Sight(gpus.Table(problem="nobody has looked at them"), {}, {})


def look(root: str, rules: sharing.Rules, *, keep: bool = False) -> Sight:
    """Asks the driver. Only who looks again and again may `keep` whom he has seen."""
    table, owned = ask(root)
    path = os.path.join(root, SIGHTINGS)
    before = sharing.from_json(fs.read_json(path))
    after = sharing.seen(before, table, owned, rules, time.time())
    if keep and after != before:
        fs.publish_json(path, sharing.to_json(after), durable=False)
    return Sight(table, owned, after)


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
