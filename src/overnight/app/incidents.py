"""The failures of all runs, from the events that the mirror holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from overnight.app import Overnight, following
from overnight.core import errors, incidents, views


@dataclass(frozen=True, kw_only=True)
class OnServer:
    server: str
    incident: incidents.Incident

    def to_json(self) -> dict[str, object]:
        return {"server": self.server, **self.incident.to_json()}


def listed(
    o: Overnight, run: str | None, *, cached: bool
) -> tuple[Sequence[views.ServerView], list[OnServer]]:
    """The servers as they answered just now (or did last), and the incidents, oldest first.

    `errors.UsageError` where no server has ever had a run of that name.
    """
    servers = following.status(o, cached=cached)
    found = [
        OnServer(server=server.name, incident=incident)
        for server in servers
        for each in server.runs
        if run in (None, each.name)
        for incident in incidents.of_run(each.name, o.mirror.events(server.name, each.name))
    ]
    if run is not None and not o.mirror.where(run):
        near = errors.nearest(run, o.mirror.run_names())
        raise errors.UsageError(
            f"there is no run {run!r} in this project",
            hint=f"did you mean {near}?" if near else "overnight status",
        )
    return servers, sorted(found, key=lambda each: each.incident.at)
