"""overnight resume"""

from __future__ import annotations

import click

from overnight.cli import common
from overnight.core import errors

BATCH = "batch"


@common.verb(example="overnight resume train01")
@click.argument("run")
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="Agree to a change of the experiment: `batch` for the next batch variant, or a setting "
    "with its value, such as clip=1.0.",
)
@click.option(
    "--lr-scale",
    type=click.FloatRange(min=0, min_open=True),
    metavar="FACTOR",
    help="Multiply the learning rate.",
)
@common.server_option
@common.json_option
def command(
    run: str,
    accepted: tuple[str, ...],
    lr_scale: float | None,
    server: str | None,
    as_json: bool,
) -> None:
    """Go on with a run that has ended, as a new attempt from its newest valid checkpoint."""
    with common.project(as_json) as o:
        from overnight.app import steering

        agreed = steering.Agreed(
            batch=BATCH in accepted,
            settings=dict(setting(each) for each in accepted if each != BATCH),
            lr_scale=lr_scale,
        )
        view = steering.resume(o, run, server, agreed)
        common.emit(view.to_json(), f"{view.name}  {view.state}", as_json)


def setting(text: str) -> tuple[str, int | float]:
    """`clip=1.0` as name and number."""
    name, _, value = text.partition("=")
    for number in (int, float):
        try:
            return name, number(value)
        except ValueError:
            continue
    raise errors.UsageError(
        f"--accept {text!r} names no number", hint="write it such as --accept clip=1.0"
    )
