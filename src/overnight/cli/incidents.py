"""overnight incidents"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from overnight.cli import common, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overnight.app.incidents import OnServer
    from overnight.core import views


@common.verb(example="overnight incidents train01")
@click.argument("run", required=False)
@click.option("--cached", is_flag=True, help="Ask no server; show what was seen last.")
@common.json_option
def command(run: str | None, cached: bool, as_json: bool) -> None:
    """All failures: when, what it was taken for, what was done, and how it ended.

    Also while servers are away, from what they said last; `overnight explain RUN` tells more.
    """
    with common.project(as_json) as o:
        from overnight.app import incidents

        with o.talk.busy("asking the servers"):
            servers, found = incidents.listed(o, run, cached=cached)
        value = {
            "incidents": [each.to_json() for each in found],
            "servers": [
                {"name": each.name, "reachable": each.reachable, "age_s": each.age_s}
                for each in servers
            ],
        }
        common.emit(value, text(servers, found), as_json)


def text(servers: Sequence[views.ServerView], found: Sequence[OnServer]) -> str:
    lines = [away(each) for each in servers if each.is_old or not each.reachable]
    rows = [row(each) for each in found]
    lines.append(render.table(rows) if rows else "no incidents")
    return "\n".join(lines)


def away(server: views.ServerView) -> str:
    if server.reachable:
        return f"{server.name} as it was {render.ago(server.age_s)}; nobody was asked now"
    return f"{server.name} is unreachable; this is from {render.ago(server.age_s)}"


def row(each: OnServer) -> list[str]:
    """The cells of one incident: when, where, which attempt, class, end, and what was done."""
    incident = each.incident
    sure = f" {incident.confidence:.0%}" if incident.confidence is not None else ""
    return [
        render.clock(incident.at),
        each.server,
        f"{incident.run} #{incident.attempt}",
        f"{incident.kind or ''}{sure}".strip(),
        f"-> {incident.ended}",
        "; ".join(part for part in (incident.summary, incident.repair) if part),
    ]
