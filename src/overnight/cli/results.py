"""overnight results"""

from __future__ import annotations

import click

from overnight.cli import common, written


@common.verb(example="overnight results train01")
@click.argument("run")
@click.option("--sources", is_flag=True, help="The file and line of every number.")
@common.server_option
@common.json_option
def command(run: str, sources: bool, server: str | None, as_json: bool) -> None:
    """Best and last values of RUN, the difference to the baseline, repairs, and where from.

    Fetches what is new first; says what was done again after a resume, and what was not read.
    """
    with common.project(as_json) as o:
        from overnight.app import evaluating
        from overnight.results import show

        found = evaluating.judged(o, evaluating.result(o, run, server))
        color, width = written.terminal(None)
        text = show.result(found, color=color, width=width, sources=sources).rstrip("\n")
        common.emit(found.to_json(), text, as_json)
