"""Questions in SQL to the store of series: read-only, over views with plain names.

Nothing but reading is allowed: no other file, no setting, no extension, no change.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from overnight.core import errors, text

TABLES = (
    "runs", "metrics", "points", "settings", "attempts", "repairs", "files", "skipped", "unused",
)  # fmt: skip
POINTS = "points"
HINT = "overnight query --tables"
# How often a running question lets Ctrl-C through, in steps of SQLite's machine.
STEPS = 20_000
MOST_BYTES = 64 << 20
_ALLOWED = frozenset(
    (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
)
_FORBIDDEN = frozenset(("load_extension", "fts3_tokenizer"))
_MISSING = re.compile(r"no such (table|column|function): (.*)", re.DOTALL)

Point = tuple[Any, ...]


class Questions:
    """A connection that can only read. Use as a context manager."""

    def __init__(self, store: Path | bytes) -> None:
        """`store`: its file, which is there, or the image of one that is in memory."""
        if isinstance(store, bytes):
            self._db = sqlite3.connect(":memory:")
            self._db.deserialize(store)
        else:
            self._db = sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)
        self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
        self._db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        script = (resources.files("overnight.store") / "query.sql").read_text()
        self._db.executescript(script)

    def __enter__(self) -> Questions:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def aim(self, goals: Mapping[tuple[str, str], str]) -> None:
        """The project's goal for the series (run, name) that are its primary metric."""
        self._db.executemany(
            "INSERT INTO aims SELECT s.id, ? FROM main.series AS s "
            "JOIN main.runs AS r ON r.id = run_id WHERE run = ? AND name = ?",
            [(goal, run, name) for (run, name), goal in goals.items()],
        )
        self._db.commit()

    def needs_points(self, statement: str) -> bool:
        """Whether the statement reads single values, which have to be brought first."""
        reads: set[str] = set()
        self._guarded(f"EXPLAIN {statement}", lambda table: reads.add(table)).fetchall()
        return POINTS in reads

    def bring(self, points: Iterable[Point]) -> None:
        """Values in the order of the columns of `points`."""
        self._db.set_authorizer(None)
        self._db.executemany("INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", points)
        self._db.commit()

    def ask(self, statement: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """(names of the columns, the rows one by one)."""
        cursor = self._guarded(statement, lambda table: None)
        if cursor.description is None:
            raise errors.UsageError("this asks for nothing", hint=HINT)
        return [column[0] for column in cursor.description], self._rows(cursor)

    def _rows(self, cursor: sqlite3.Cursor) -> Iterator[tuple[Any, ...]]:
        try:
            for row in cursor:  # noqa: UP028  `yield from` closes it, maybe after its database
                yield row
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _guarded(self, statement: str, note: Callable[[str], None]) -> sqlite3.Cursor:
        def allowed(action: int, first: str | None, second: str | None, *_: object) -> int:
            if action == sqlite3.SQLITE_READ and first:
                note(first)
            if action == sqlite3.SQLITE_FUNCTION and second in _FORBIDDEN:
                return sqlite3.SQLITE_DENY
            return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY

        self._db.set_authorizer(allowed)
        self._db.set_progress_handler(lambda: 0, STEPS)  # lets Python see signals
        try:
            return self._db.execute(statement)
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _explained(self, error: sqlite3.Error) -> BaseException:
        """The error in our words, with what was probably meant; Ctrl-C where it was that."""
        said = text.printable(str(error))
        if said == "interrupted":
            return KeyboardInterrupt()
        if any(
            word in said
            for word in ("not authorized", "authorization denied", "prohibited", "cannot modify")
        ):
            return errors.UsageError("a question may only read: select …", hint=HINT)
        found = _MISSING.fullmatch(said)
        if found is None:
            return errors.UsageError(said, hint=HINT)
        known = self._known(found[1])
        near = errors.nearest(found[2].rpartition(".")[2].lower(), known)
        meant = f"; did you mean {near!r}?" if near else ""
        return errors.UsageError(f"{said}{meant}", hint=HINT)

    def _known(self, kind: str) -> list[str]:
        if kind == "table":
            return list(TABLES)
        if kind == "function":
            return ["count", "min", "max", "avg", "sum", "round", "group_concat", "json_extract"]
        return [column for table in TABLES for column in self.columns(table)]

    def columns(self, table: str) -> list[str]:
        """Of one of `TABLES`."""
        self._db.set_authorizer(None)
        described = self._db.execute(f"SELECT * FROM temp.{table} LIMIT 0").description
        return [column[0] for column in described]


def tables(questions: Questions) -> dict[str, Sequence[str]]:
    """The columns of each table that can be asked."""
    return {table: questions.columns(table) for table in TABLES}
