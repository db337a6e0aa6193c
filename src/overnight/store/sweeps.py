"""The sweeps that this laptop began: how each was typed, and where its runs were given to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class SweptRun(NamedTuple):
    """A run of a sweep: where it was launched or is to be, and its `RunSpec.sweep`."""

    run: str
    server: str
    sweep: dict[str, Any]


class Sweeps:
    """The sweeps of one mirror."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def remember(
        self, name: str, at: float, definition: Mapping[str, Any], runs: Sequence[SweptRun]
    ) -> None:
        """Before anything is launched; once more with further runs. A run keeps its server."""
        with self.db:
            self.db.execute(
                "INSERT INTO sweeps (name, created_at, definition) VALUES (?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET definition = excluded.definition",
                (name, at, json.dumps(definition)),
            )
            self.db.executemany(
                "INSERT OR IGNORE INTO sweep_runs (sweep, run, server, body) VALUES (?, ?, ?, ?)",
                [(name, each.run, each.server, json.dumps(each.sweep)) for each in runs],
            )

    def known(self) -> dict[str, float]:
        """When each was begun (Unix time), the oldest first."""
        found = self.db.execute("SELECT name, created_at FROM sweeps ORDER BY created_at, name")
        return dict(found.fetchall())

    def definition(self, name: str) -> dict[str, Any] | None:
        found = self.db.execute("SELECT definition FROM sweeps WHERE name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else None

    def runs(self, name: str) -> list[SweptRun]:
        """In their order."""
        found = self.db.execute("SELECT run, server, body FROM sweep_runs WHERE sweep = ?", (name,))
        runs = [SweptRun(run, server, json.loads(body)) for run, server, body in found]
        return sorted(runs, key=lambda each: (each.sweep.get("index", 0), each.run))
