"""overnight compare"""

from __future__ import annotations

import shutil
import sys

import click

from overnight.cli import common


@common.verb(example="overnight compare train01 train02 --markdown")
@click.argument("runs", nargs=-1, required=True)
@click.option("--markdown", is_flag=True, help="As a Markdown table.")
@common.server_option
@common.json_option
def command(runs: tuple[str, ...], markdown: bool, server: str | None, as_json: bool) -> None:
    """RUNS side by side: what differed, best and last of the primary metric, every repair."""
    with common.project(as_json) as o:
        from overnight.app import evaluating
        from overnight.results import comparison

        found = evaluating.compared(o, runs, server)
        shown = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if shown else None
        text = (
            comparison.markdown(found)
            if markdown
            else comparison.table(found, color=shown, width=width)
        )
        common.emit(found.to_json(), text.rstrip("\n"), as_json)
