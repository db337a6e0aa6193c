"""Runs that were imported here, as the verbs that launch and fetch have to know. Light."""

from __future__ import annotations

import json
import os

from overnight.app import Overnight
from overnight.core import errors, places

STATE = "imported"


def is_imported(o: Overnight, run: str) -> bool:
    """Whether a run of this name was imported; no server has it."""
    try:
        state = json.loads((places.results_folder(o.root, run) / "state.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(state, dict) and state.get("state") == STATE


def names_here(o: Overnight) -> set[str]:
    """The names under which something lies in .overnight/results."""
    try:
        return set(os.listdir(places.results_folder(o.root, ".")))
    except OSError:
        return set()


def taken(o: Overnight) -> set[str]:
    """Names that no new run may have: of runs that servers told of, and of imported ones."""
    known = o.mirror.run_names()
    return known | {name for name in names_here(o) - known if is_imported(o, name)}


def check_free(o: Overnight, run: str) -> None:
    """Raises where a run of this name could not be fetched: an imported one has its place."""
    if is_imported(o, run):
        raise errors.NameTaken(
            f"a run {run!r} was imported here", hint="choose another name for the new one"
        )
