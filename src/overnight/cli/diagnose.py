"""overnight diagnose"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from overnight.cli import common
from overnight.core import diagnosis, errors
from overnight.core import text as words

WORDS = {
    "next_variant": "take the next batch variant and go on from the newest valid checkpoint",
    "resume": "go on from the newest valid checkpoint",
    "retry": "try again after a pause",
    "move": "go on when these GPUs are free, or on others",
    "exclude": "leave this sample out and go on",
    "ask": "wait for a person's decision",
    "stop": "stop and report",
    "none": "nothing",
}


def as_signal(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """9, KILL or SIGKILL."""
    if value is None:
        return None
    number = diagnosis.signal_number(value)
    if number is None:
        raise click.BadParameter(f"{value!r} is no signal; write 9, KILL or SIGKILL")
    return number


@common.verb(example="overnight diagnose train.log --exit-code 1")
@click.argument("files", nargs=-1, metavar="FILE…|-")
@click.option("--exit-code", type=int, metavar="N", help="How the training ended, if known.")
@click.option("--signal", "killed_by", callback=as_signal, metavar="S", help="What killed it.")
@click.option(
    "--silent", "silent_s", type=float, metavar="SECONDS",
    help="It lives, and has printed nothing for so long.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line and file.")
def command(
    files: tuple[str, ...],
    exit_code: int | None,
    killed_by: int | None,
    silent_s: float | None,
    as_json: bool,
) -> None:
    """What a log says: the class of the failure, the lines that show it, what would be done.

    Needs no project and no server. `-` reads standard input.
    """
    if not files:
        raise errors.UsageError(
            "which log? name a file, or - for standard input", hint="overnight diagnose train.log"
        )
    for name in files:
        told = diagnosis.of(read(name), exit_code=exit_code, killed_by=killed_by, silent_s=silent_s)
        print(json.dumps({"file": name, **told}) if as_json else "\n".join(text(name, told)))


def read(name: str) -> Any:
    try:
        if name == "-":
            return diagnosis.read_stream(sys.stdin.buffer)
        return diagnosis.read_file(name)
    except IsADirectoryError:
        hint = f"overnight diagnose {name.rstrip('/')}/*.log"
        raise errors.UsageError(f"{name} is a folder, not a log", hint=hint) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise errors.UsageError(f"cannot read {name}: {reason}", hint="ls -l") from None


def text(name: str, told: dict[str, Any]) -> Iterator[str]:
    """For people: class and summary, the lines, the repair."""
    yield f"{name}: {told['class']}   confidence {told['confidence']:.2f}"
    for line in told["evidence"]:
        yield f"  {line['line']:>7}  {words.printable(str(line['text']))[:160]}"
    known = [f"{key} {value}" for key, value in told["facts"].items() if key != "summary"]
    if known:
        yield f"  known    {words.printable(', '.join(known))[:300]}"
    yield f"  would    {WORDS[told['repair']]}"
