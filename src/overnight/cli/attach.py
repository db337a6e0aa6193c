"""overnight attach"""

from __future__ import annotations

import os

import click

from overnight.cli import common


@common.verb(example="overnight attach train01")
@click.argument("run")
@common.server_option
def command(run: str, server: str | None) -> None:
    """The run's window in tmux on its server (leave it with Ctrl-b d; closing it harms nothing).

    Where the server has no tmux, use `overnight logs RUN -f`.
    """
    with common.project() as o:
        from overnight.app import output

        argv = output.attach_argv(o, run, server)
    os.execvp(argv[0], argv)
