"""overnight init"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from overnight.cli import common, terminal

if TYPE_CHECKING:
    from overnight.app.beginning import Begun


@common.verb(example="cd my-project && overnight init")
@click.option("--force", is_flag=True, help="Replace an existing overnight.toml.")
@click.option("--print", "only_print", is_flag=True, help="Print it instead of writing it.")
@common.json_option
def command(force: bool, only_print: bool, as_json: bool) -> None:
    """Write overnight.toml for the project in this folder, and say what was assumed.

    Finds the training script, its framework and flags, the environment and the outputs by
    reading the files; nothing of the project is run. Never overwrites without asking.
    """
    from overnight.app import beginning

    def may_replace(path: Path) -> bool:
        if force:
            return True
        asked = sys.stdin.isatty() and not as_json
        return asked and click.confirm(f"{path.name} is there already; replace it?", err=True)

    done = beginning.init(Path.cwd(), write=not only_print, may_replace=may_replace)
    common.emit(done.to_json(), shown(done), as_json)


def shown(done: Begun) -> str:
    """The file (where it is only printed), then what it rests on."""
    if not done.written:
        return done.text.rstrip("\n")
    found = done.found
    lines = [f"wrote {done.path.name} for {found.script} ({found.framework})", "assumed:"]
    lines += [f"  {each}" for each in found.assumptions]
    if found.questions:
        lines += ["not found, please look:", *(f"  {each}" for each in found.questions)]
    lines += [f"  could not read: {each}" for each in found.problems]
    lines.append("next: overnight run --dry-run   |   overnight smoke")
    return terminal.safe_text("\n".join(lines))
