"""overnight resume"""

from __future__ import annotations

import click

from overnight.cli import common


@common.verb(example="overnight resume train01")
@click.argument("run")
@click.option(
    "--accept-batch", is_flag=True, help="Take the next batch variant, which changes the science."
)
@common.server_option
@common.json_option
def command(run: str, accept_batch: bool, server: str | None, as_json: bool) -> None:
    """Go on with a run that has ended, as a new attempt from its newest valid checkpoint."""
    with common.project(as_json) as o:
        from overnight.app import steering

        view = steering.resume(o, run, server, accept_batch=accept_batch)
        common.emit(view.to_json(), f"{view.name}  {view.state}", as_json)
