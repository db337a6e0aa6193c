"""overnight plot"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from overnight.cli import common, terminal

if TYPE_CHECKING:
    from overnight.results.traces import Axis, Plot, Spread

PIPED_WIDTH = 80


@common.verb(example="overnight plot --sweep lr-ablation --metric val_loss -o val_loss.pdf")
@click.argument("runs", nargs=-1)
@click.option("--sweep", metavar="NAME", help="All runs of a sweep.")
@click.option("--metric", metavar="NAME", help="Another metric than the primary one.")
@click.option(
    "--by", metavar="KEY", default="seed", help="seed (means over seeds), none, or a setting."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="NAME.png, pdf, svg or html.")
@click.option("--log", is_flag=True, help="A logarithmic axis of values.")
@click.option("--x", "axis", type=click.Choice(["step", "epoch", "time"]), help="The other axis.")
@click.option(
    "--spread",
    type=click.Choice(["sd", "ci", "range"]),
    default="sd",
    help="The band: standard deviation, 95 % t interval of the mean, lowest to highest.",
)
@click.option(
    "--columns", type=click.Choice(["1", "2"]), default="1", help="A figure's width in a paper."
)
@common.server_option
@common.json_option
def command(
    runs: tuple[str, ...],
    sweep: str | None,
    metric: str | None,
    by: str,
    output: str | None,
    log: bool,
    axis: str | None,
    spread: str,
    columns: str,
    server: str | None,
    as_json: bool,
) -> None:
    """The curves of RUNS: here, or in a file for a paper or a phone.

    Runs that differ in nothing but their seed are one line, their mean with a band. Without RUNS
    and --sweep there is nothing to plot. With -o the caption is printed.
    """
    with common.project(as_json) as o:
        from overnight.app import plotting

        wish = plotting.Wish(
            runs=runs,
            sweep=sweep,
            metric=metric,
            by=by,
            axis=cast("Axis | None", axis),
            log=log,
            spread=cast("Spread", spread),
            server=server,
        )
        plot = plotting.plotted(o, wish)
        text = written(plot, Path(output), int(columns)) if output else picture(plot)
        value: dict[str, Any] = {**plot.to_json(), "file": output}
        common.emit(value, text, as_json)


def picture(plot: Plot) -> str:
    from overnight.results import draw, plotted

    shown = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if shown else PIPED_WIDTH
    plain = draw.is_plain(sys.stdout.encoding, os.environ, is_terminal=shown)
    is_coloured = shown and not plain and "NO_COLOR" not in os.environ
    return plotted.text(plot, width=width, plain=plain, color=is_coloured)


def written(plot: Plot, path: Path, columns: int) -> str:
    """Makes the file; its name and its caption."""
    from overnight.app import publishing
    from overnight.results import figures, plotted

    is_page = path.suffix.lower() in (".html", ".htm")
    content = plotted.html(plot) if is_page else figures.figure(plot, path, columns=columns)
    publishing.asked_for(path, content, hint="another -o PATH")
    return terminal.safe_text(f"written to {path}\n{figures.caption(plot)}")
