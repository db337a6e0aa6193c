"""What the verbs share: options, opening the project, printing a value."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from overnight.app import Overnight
from overnight.app.talk import Silent, Talk
from overnight.cli import screen

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON (see docs/json.md).")
server_option = click.option(
    "--server", metavar="NAME", help="The server; see `overnight servers`."
)


class GpuCount(click.ParamType[float]):
    """Whole GPUs, or a share of one."""

    name = "gpus"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        from overnight.core import config_kinds

        number = math.nan
        with contextlib.suppress(ValueError):
            number = float(value)
        if not config_kinds.gpu_count(number):
            self.fail(f"{value!r}: write 0, 1, 2, … or a share of one GPU such as 0.5", param, ctx)
        return int(number) if number == int(number) else number


gpus_option = click.option(
    "--gpus", type=GpuCount(), metavar="N", help="GPUs wanted; 0.5 is half of one."
)


def verb(*, example: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with an example at the end of its help."""
    return click.command(
        epilog=f"Example:  {example}",
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )


def project(as_json: bool = False, *, start: Path | None = None) -> Overnight:
    """The project of `start`, or of the folder we are in."""
    talk: Talk = Silent() if as_json else screen.Screen()
    return Overnight(start or Path(os.getcwd()), talk)


def opened(o: Overnight, server: str | None) -> None:
    """Lets the connection come up while the rest of the program is still being imported."""
    from overnight.core import config

    if not config.is_open(o.config, server):
        o.open(server)


def emit(value: Any, text: str, as_json: bool) -> None:
    """Data goes to standard output: as JSON, or as text for people."""
    print(json.dumps(value, indent=2) if as_json else text)
    sys.stdout.flush()


def with_command(function: F) -> F:
    """Hands the words after `--` to the verb as `argv`."""

    @click.pass_obj
    @functools.wraps(function)
    def wrapped(command: list[str] | None, *args: Any, **kwargs: Any) -> Any:
        return function(*args, argv=command or [], **kwargs)

    return wrapped  # type: ignore[return-value]  # pass_obj's types lose the signature
