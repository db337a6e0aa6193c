"""Queued runs that are on their way from one server to another, remembered before they leave."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

WITHDRAWING = "withdrawing"
ARRIVING = "arriving"


class Pending(NamedTuple):
    """`stage` withdrawing: the source may still have it. arriving: it has given the run up for
    ever, and the target gets `spec`."""

    run: str
    project: str
    source: str
    target: str
    stage: str = WITHDRAWING
    spec: Mapping[str, Any] | None = None


class Moves:
    """The moves of one mirror that have not come to their end."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def begin(self, move: Pending) -> Pending:
        """Remembers it; gives back the one of this run that was begun before, if there is one."""
        with self.db:
            self.db.execute(
                "INSERT OR IGNORE INTO moves (run, project, source, target, stage) "
                "VALUES (?, ?, ?, ?, ?)",
                move[:5],
            )
        return next(each for each in self.pending() if each[:2] == (move.run, move.project))

    def left(self, move: Pending, spec: Mapping[str, Any]) -> Pending:
        """The source has given it up; what the target gets is fixed from now on."""
        with self.db:
            self.db.execute(
                "UPDATE moves SET stage = ?, spec = ? WHERE run = ? AND project = ?",
                (ARRIVING, json.dumps(spec), move.run, move.project),
            )
        return move._replace(stage=ARRIVING, spec=spec)

    def done(self, move: Pending) -> None:
        with self.db:
            self.db.execute(
                "DELETE FROM moves WHERE run = ? AND project = ?", (move.run, move.project)
            )

    def pending(self) -> list[Pending]:
        found = self.db.execute(
            "SELECT run, project, source, target, stage, spec FROM moves ORDER BY project, run"
        )
        return [
            Pending(*fields)._replace(spec=json.loads(spec) if spec else None)
            for *fields, spec in found.fetchall()
        ]
