"""Where a project's own files lie on the laptop. Light: needed before anything else is read."""

from __future__ import annotations

import os
from pathlib import Path

from overnight.core import errors

CONFIG_NAME = "overnight.toml"
STATE_FOLDER = ".overnight"


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upward that holds overnight.toml, as an absolute path."""
    here = Path(os.path.abspath(start))
    for folder in (here, *here.parents):
        # a broken link is found too, so that it is reported and not passed over
        if os.path.lexists(folder / CONFIG_NAME):
            return folder
    raise errors.ConfigError(f"no {CONFIG_NAME} here or above", hint="overnight init")


def results_folder(root: Path, run: str) -> Path:
    return root / STATE_FOLDER / "results" / run
