"""The question with which a sync begins: does the server have this snapshot?

It is remembered which snapshot each server had last. So the question can leave together with the
login, before any file was read; where nothing has changed since, its answer is the answer.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from overnight.ports import Request

FILE = ".overnight/synced.json"  # {name of the server: id of the snapshot}


def question(project: str, snapshot: str, nonce: str) -> Request:
    return Request("snapshot_begin", {"project": project, "snapshot": snapshot, "nonce": nonce})


def remembered(root: Path, server: str) -> str | None:
    """The id of the snapshot that the server had last, as far as this project folder knows."""
    found = _read(root).get(server)
    return found if isinstance(found, str) else None


def remember(root: Path, server: str, snapshot: str) -> None:
    """Makes the next sync quicker, and nothing else: that it cannot be written is no failure."""
    known = _read(root)
    if known.get(server) == snapshot:
        return
    fresh = root / f"{FILE}.{os.getpid()}"
    with contextlib.suppress(OSError):
        fresh.write_text(json.dumps({**known, server: snapshot}))
        fresh.replace(root / FILE)


def forget(root: Path, server: str) -> None:
    """The server is known no more."""
    known = _read(root)
    if known.pop(server, None) is not None:
        (root / FILE).write_text(json.dumps(known))


def _read(root: Path) -> dict[str, object]:
    with contextlib.suppress(OSError, ValueError):
        known = json.loads((root / FILE).read_bytes())
        if isinstance(known, dict):
            return known
    return {}
