"""overnight status"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click

from overnight.cli import common, render
from overnight.core import views

REFRESH_S = 2.0


@common.verb(example="overnight status --follow")
@click.option("--brief", is_flag=True, help="Two lines.")
@click.option("--follow", is_flag=True, help="Stay and refresh until Ctrl-C.")
@click.option("--cached", is_flag=True, help="Ask no server; show what was seen last.")
@click.option("--all", "every_run", is_flag=True, help="Each run of large sweeps too.")
@common.json_option
def command(brief: bool, follow: bool, cached: bool, every_run: bool, as_json: bool) -> None:
    """One glance at all runs on all servers.

    A server that cannot be reached is shown with what it said last and how old that is. Of a sweep
    with many runs on a server there is one line.
    """
    with common.project(as_json) as o:
        from overnight.app import following

        while True:
            before: set[str] = set()

            def early(servers: list[views.ServerView], before: set[str] = before) -> None:
                """What has answered is not held back by one that does not."""
                before |= {each.name for each in servers}
                print(shown(servers, False, every_run), flush=True)

            whole = brief or follow or as_json
            with o.talk.busy("asking the servers"):
                servers = following.status(o, cached=cached, early=None if whole else early)
            rest = [each for each in servers if each.name not in before]
            text = shown(rest, brief, every_run)
            if follow and sys.stdout.isatty():
                click.clear()
            common.emit({"servers": [each.to_json() for each in servers]}, text, as_json)
            if not follow:
                return
            time.sleep(REFRESH_S)


def shown(servers: Sequence[views.ServerView], brief: bool, every_run: bool) -> str:
    return render.brief(servers) if brief else render.status(servers, every_run=every_run)
