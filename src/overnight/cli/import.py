"""overnight import"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from overnight.cli import common

if TYPE_CHECKING:
    from overnight.app import importing

MOST_SKIPPED = 10


@common.verb(example="overnight import ~/old-experiments --dry-run")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="Of the run; of several, in front of each one's name.")
@click.option("--dry-run", is_flag=True, help="Say what would be imported, and copy nothing.")
@click.option("--split", is_flag=True, help="Of a file that begins anew, a run for each part.")
@common.json_option
def command(folder: Path, name: str | None, dry_run: bool, split: bool, as_json: bool) -> None:
    """Make runs of old ones: every subfolder of FOLDER that holds metric files becomes a run.

    Metrics and hyperparameters are copied, checkpoints are not; the originals are not needed later.
    Typed again, it brings what is new.
    """
    with common.project(as_json) as o:
        from overnight.app import importing

        found = importing.bring(o, folder, name=name, dry=dry_run, split=split)
        common.emit(found.to_json(), "\n".join(lines(found)), as_json)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def lines(found: importing.Imported) -> Iterator[str]:
    from overnight.core import text

    width = max(len(each.run) for each in found.runs)
    for each in found.runs:
        told = f"{counted(each.files, 'file')}, {counted(each.settings, 'setting')}"
        yield text.printable(f"{each.run:<{width}}  {each.what:<9}  {told}  {each.origin}")
        if each.note:
            yield text.printable(f"{'':<{width}}  {each.note}")
    for left in found.skipped[:MOST_SKIPPED]:
        yield text.printable(f"skipped {left.path}: {left.why}")
    if len(found.skipped) > MOST_SKIPPED:
        yield f"skipped {len(found.skipped) - MOST_SKIPPED} more files (--json lists them)"
    if found.dry_run:
        yield "nothing was copied (--dry-run)"
