"""overnight results"""

from __future__ import annotations

import sys

import click

from overnight.cli import common


@common.verb(example="overnight results train01")
@click.argument("run")
@common.server_option
@common.json_option
def command(run: str, server: str | None, as_json: bool) -> None:
    """Best and last values of RUN, the difference to the baseline, repairs, and where from.

    Fetches what is new first; every number names the file and line it was read from (--json).
    """
    with common.project(as_json) as o:
        from overnight.app import evaluating
        from overnight.results import show

        found = evaluating.result(o, run, server)
        text = show.result(found, color=sys.stdout.isatty()).rstrip("\n")
        common.emit(found.to_json(), text, as_json)
