"""overnight logs"""

from __future__ import annotations

import sys

import click

from overnight.cli import common, terminal


@common.verb(example="overnight logs train01 -f")
@click.argument("run")
@click.option("-f", "--follow", is_flag=True, help="Stay until the run has ended.")
@click.option("--all", "from_start", is_flag=True, help="From the first attempt on.")
@click.option("--rank", type=click.IntRange(0), metavar="N", help="Only what rank N wrote.")
@common.server_option
def command(run: str, follow: bool, from_start: bool, rank: int | None, server: str | None) -> None:
    """The output of RUN: the end of it, all of it, or as it comes.

    With --rank it is that of one process of a torchrun, Accelerate or DeepSpeed training, from
    the log of its own that it has in the newest attempt: standard output, then standard error.

    On a terminal, control sequences other than colours are left out; into a file or a pipe the
    bytes are as the training wrote them.
    """
    clean = terminal.Filter().feed if sys.stdout.isatty() else bytes

    def show(data: bytes) -> None:
        sys.stdout.buffer.write(clean(data))
        sys.stdout.buffer.flush()

    with common.project() as o:
        from overnight.app import output, rank_output

        if rank is not None:
            rank_output.show(o, run, server, rank, follow=follow, whole=from_start, show=show)
            return
        output.stream(o, run, server, follow=follow, from_start=from_start, show=show)
