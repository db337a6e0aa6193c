"""overnight status"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from overnight.cli import common, render, terminal
from overnight.core import views

if TYPE_CHECKING:
    from overnight.app import Overnight

REFRESH_S = 2.0
NAMES_SHOWN = 6


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
            if not (brief or cached or as_json):
                text += ended_sweeps(o, servers, stays=not follow) + asked(servers)
            if follow and sys.stdout.isatty():
                click.clear()
            common.emit({"servers": [each.to_json() for each in servers]}, text, as_json)
            if not follow:
                return
            time.sleep(REFRESH_S)


def shown(servers: Sequence[views.ServerView], brief: bool, every_run: bool) -> str:
    return render.brief(servers) if brief else render.status(servers, every_run=every_run)


def asked(servers: Sequence[views.ServerView]) -> str:
    """What to type for a run that waits for an answer; nothing where none does."""
    waiting = [run for each in servers for run in each.runs if run.state == "needs-decision"]
    if not waiting:
        return ""
    more = "   |   overnight report" if len(waiting) > 1 else ""
    return terminal.safe_text(f"\n  next: overnight explain {waiting[0].name}{more}")


def ended_sweeps(o: Overnight, servers: Sequence[views.ServerView], *, stays: bool) -> str:
    """The table of each sweep that has ended since somebody looked; of the others how to get it.

    `stays`: whether the text stays on the screen; a table is not spent on a moment.
    """
    if not any(run.row.get("sweep") for server in servers for run in server.runs):
        return ""
    from overnight.app import sweep_results
    from overnight.cli import sweep_results as tables

    fresh, old = sweep_results.finished_unseen(o, servers) if stays else ([], [])
    old = old if stays else sorted(sweep_results.done(servers))
    blocks = [tables.table(found).rstrip("\n") for found in fresh]
    blocks += [done_line(old)] if old else []
    return "".join(f"\n\n{block}" for block in blocks)


def done_line(names: Sequence[str]) -> str:
    if len(names) == 1:
        return terminal.safe_text(f"sweep {names[0]}: done, overnight sweep results {names[0]}")
    shown = ", ".join(names[:NAMES_SHOWN]) + (" …" if len(names) > NAMES_SHOWN else "")
    return terminal.safe_text(
        f"{len(names)} sweeps are done: {shown}; overnight sweep results NAME"
    )
