"""overnight stop"""

from __future__ import annotations

import click

from overnight.cli import common
from overnight.core import views


@common.verb(example="overnight stop train01")
@click.argument("runs", nargs=-1, required=True)
@common.server_option
@common.json_option
def command(runs: tuple[str, ...], server: str | None, as_json: bool) -> None:
    """End RUNS: SIGTERM, 30 s of grace, then SIGKILL; only to processes that the run started."""
    with common.project(as_json) as o:
        from overnight.app import steering

        ended = [steering.stop(o, run, server) for run in runs]
        text = "\n".join(told(each) for each in ended)
        common.emit({"runs": [each.to_json() for each in ended]}, text, as_json)


def told(view: views.RunView) -> str:
    was_asked = view.row.get("stop") is not None
    return f"{view.name}  {view.state}" + ("" if was_asked else "; there was nothing to stop")
