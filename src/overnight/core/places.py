"""Where a project's own files lie on the laptop. Light: needed before anything else is read."""

from __future__ import annotations

from pathlib import Path

from overnight.core import errors

CONFIG_NAME = "overnight.toml"
STATE_FOLDER = ".overnight"


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upward that holds overnight.toml."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder
    raise errors.ConfigError(
        f"there is no {CONFIG_NAME} in {start} or above it", hint="overnight init"
    )


def results_folder(root: Path, run: str) -> Path:
    return root / STATE_FOLDER / "results" / run
