"""What a verb writes: to standard output, or into a file whose ending says how."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from overnight.core import errors


def form(
    asked: str | None, output: str | None, as_json: bool, endings: Mapping[str, str], usual: str
) -> str:
    """The format: as asked for, or by the ending of the file; `endings` by format.

    `usual` where nothing was said. Raises `errors.UsageError` for an ending that is none.
    """
    if as_json:
        return "json"
    if asked is not None:
        return asked
    if output is None:
        return usual
    ending = Path(output).suffix.lower()
    known = {suffix: name for name, suffix in endings.items()}
    if ending not in known:
        raise errors.UsageError(
            f"{output}: no format has the ending {ending or '(none)'}",
            hint=f"one of {', '.join(known)}, or say --format {'|'.join(endings)}",
        )
    return known[ending]


def terminal(output: str | None) -> tuple[bool, int | None]:
    """(whether colours are wanted, how many columns there are) where the text goes."""
    if output is not None or not sys.stdout.isatty():
        return False, None
    return "NO_COLOR" not in os.environ, shutil.get_terminal_size().columns


def out(shown: str, output: str | None) -> None:
    """To standard output, or whole or not at all into the file."""
    if output is None:
        print(shown, end="" if shown.endswith("\n") else "\n")
        sys.stdout.flush()
        return
    from overnight.app import publishing

    publishing.asked_for(Path(output), shown, hint="another -o FILE")
