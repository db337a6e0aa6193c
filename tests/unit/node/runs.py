"""Runs on a server's root, made by hand."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overnight.node import fs, journal, layout, lock

VARIANTS = [
    {"argv": ["train", "64"], "label": "batch 64", "changes_science": False},
    {"argv": ["train", "32"], "label": "batch 32 x 2", "changes_science": False},
]


def spec(name: str = "r", **more: Any) -> dict[str, Any]:
    plain = {"project": "p", "run": name, "snapshot": "0" * 16, "kind": "run", "variants": VARIANTS}
    return {**plain, "resume": None, "gpus": 0, **more}


def make(root: Path, name: str = "r", **more: Any) -> layout.Run:
    """A run that was launched, with an empty work copy."""
    run = layout.run(str(root), "p", name)
    os.makedirs(run.work)
    fs.publish_json(run.file("spec.json"), spec(name, **more), durable=False)
    journal.append(run, "created")
    return run


def tell(run: layout.Run, *kinds: Any) -> None:
    """Appends events; each is a type or (type, details)."""
    for kind in kinds:
        name, details = (kind, {}) if isinstance(kind, str) else kind
        journal.append(run, name, **details)


@contextlib.contextmanager
def in_charge(*runs: layout.Run) -> Iterator[None]:
    """As if these runs had a supervisor and the server its watch: nothing is started."""
    with contextlib.ExitStack() as held:
        for run in runs:
            os.makedirs(run.folder, exist_ok=True)
            held.enter_context(lock.held(run.file("supervisor.lock")))
        held.enter_context(lock.held(os.path.join(runs[0].root, "watch.lock")))
        yield
