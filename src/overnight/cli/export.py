"""overnight export"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from overnight.cli import common, terminal

if TYPE_CHECKING:
    from overnight.app.exporting import Exported


@common.verb(example="overnight export train01 train02 --to tensorboard --out board")
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--to",
    "tracker",
    required=True,
    type=click.Choice(("wandb", "trackio", "tensorboard", "mlflow")),
    help="The tracker.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="A folder that is not there yet; else TRACKER-export.",
)
@common.json_option
def command(runs: tuple[str, ...], tracker: str, out: Path | None, as_json: bool) -> None:
    """Write what was pulled of RUNS in the form of another tracker, on this machine.

    Series, settings, state and repairs go along; what a resumed run did again does not. Nothing is
    uploaded: W&B gets an offline run, which `wandb sync` takes further. W&B, Trackio and MLflow
    need their library installed.
    """
    with common.project(as_json) as o:
        from overnight.app import exporting

        done = exporting.export(o, runs, tracker, out)
        common.emit(done.to_json(), "\n".join(shown(done)), as_json)


def shown(done: Exported) -> list[str]:
    lines = [f"{run}  {points} points" for run, points in done.runs]
    lines += [f"in {done.folder}", f"then: {done.then}"]
    return [terminal.safe_text(line) for line in lines]
