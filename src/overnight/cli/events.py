"""overnight events"""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from overnight.cli import common, render


@common.verb(example="overnight events --follow")
@click.argument("run", required=False)
@click.option("--follow", is_flag=True, help="Stay and print events as they happen.")
@common.server_option
@common.json_option
def command(run: str | None, follow: bool, server: str | None, as_json: bool) -> None:
    """What happened, of one RUN or of all; with --json one object per line."""

    def show(server: str, name: str, event: dict[str, Any]) -> None:
        if as_json:
            print(json.dumps({"server": server, "run": name, **event}))
        else:
            print(render.event(server, name, event))
        sys.stdout.flush()

    with common.project(as_json) as o:
        from overnight.app import output

        output.events(o, run, server, follow=follow, show=show)
