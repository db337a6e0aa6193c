"""The local mirror: one SQLite file per project, `.overnight/mirror.db`.

Everything in it can be fetched again from the servers, but for the intents of launches that were
cut short. Several processes may use it at once (WAL).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from overnight.core import errors
from overnight.store import moves, sweeps

MIGRATIONS = (
    "001_mirror.sql",
    "002_server_facts.sql",
    "003_sweeps.sql",
    "004_moves.sql",
)
BUSY_S = 10.0
FOLDER = ".overnight"
MANIFESTS_KEPT = 50
_OF_THE_DISK = (
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
)  # fmt: skip


class Intent(NamedTuple):
    run: str
    launch_id: str


class Seen(NamedTuple):
    """A server as the mirror knows it: its rows, and when it last answered (Unix time).

    `away_since`: when it was first asked in vain after that; None where it answered.
    """

    seen_at: float | None
    problem: str
    rows: list[dict[str, Any]]
    away_since: float | None = None


class Answer(NamedTuple):
    """What a server said of its runs, or in `problem` why it said nothing."""

    server: str
    rows: Sequence[Mapping[str, Any]] = ()
    events: Mapping[str, Sequence[Mapping[str, Any]]] = {}
    problem: str = ""


class Mirror:
    def __init__(self, root: Path) -> None:
        """`root` is the project's folder. The mirror keeps itself out of git."""
        self.folder = root / FOLDER
        self.folder.mkdir(exist_ok=True)
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        self.db = connect(self.folder / "mirror.db")
        self.moves = moves.Moves(self.db)
        self.sweeps = sweeps.Sweeps(self.db)

    def close(self) -> None:
        self.db.close()

    # -- what servers said ------------------------------------------------------------------

    def record(
        self,
        server: str,
        at: float,
        rows: Sequence[Mapping[str, Any]],
        events: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> None:
        """One answer of a server. Runs it no longer has are kept as `lost` (law 1)."""
        self.record_all(at, [Answer(server, rows, events)])

    def record_problem(self, server: str, problem: str, at: float | None = None) -> None:
        """The server could not be reached now; what it said before stays as it is."""
        self.record_all(time.time() if at is None else at, [Answer(server, problem=problem)])

    def record_all(self, at: float, answers: Sequence[Answer]) -> None:
        """The answers of servers that were asked at once, in one transaction."""
        with self.db:
            for answer in answers:
                if answer.problem:
                    self._note_problem(answer, at)
                else:
                    self._take_in(answer, at)

    def _take_in(self, answer: Answer, at: float) -> None:
        server, rows, events, _ = answer
        self.db.execute(
            "INSERT INTO servers (name, seen_at, problem) VALUES (?, ?, '') "
            "ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, problem = ''",
            (server, at),
        )
        self.db.execute("DELETE FROM unreachable WHERE server = ?", (server,))
        self._mark_lost(server, {row["run"] for row in rows})
        self.db.executemany(
            "INSERT OR REPLACE INTO runs (server, run, seen_at, body) VALUES (?, ?, ?, ?)",
            [(server, row["run"], at, json.dumps(row)) for row in rows],
        )
        self.db.executemany(
            "INSERT OR REPLACE INTO events (server, run, seq, body) VALUES (?, ?, ?, ?)",
            [
                (server, run, event["seq"], json.dumps(event))
                for run, listed in events.items()
                for event in listed
            ],
        )

    def _note_problem(self, answer: Answer, at: float) -> None:
        self.db.execute(
            "INSERT INTO servers (name, seen_at, problem) VALUES (?, 0, ?) "
            "ON CONFLICT (name) DO UPDATE SET problem = excluded.problem",
            (answer.server, answer.problem),
        )
        self.db.execute("INSERT OR IGNORE INTO unreachable VALUES (?, ?)", (answer.server, at))

    def _mark_lost(self, server: str, present: set[str]) -> None:
        known = self.db.execute("SELECT run, body FROM runs WHERE server = ?", (server,))
        for run, body in known.fetchall():
            if run in present:
                continue
            row = json.loads(body)
            if row.get("kind") == "smoke":
                self._drop(server, run)
            elif row.get("state") != "lost":
                row.update(state="lost", reason="the server has no record of this run")
                self.db.execute(
                    "UPDATE runs SET body = ? WHERE server = ? AND run = ?",
                    (json.dumps(row), server, run),
                )

    def _drop(self, server: str, run: str) -> None:
        for table in ("runs", "events"):
            self.db.execute(f"DELETE FROM {table} WHERE server = ? AND run = ?", (server, run))

    def seen(self, server: str) -> Seen:
        found = self.db.execute(
            "SELECT seen_at, problem, since FROM servers "
            "LEFT JOIN unreachable ON unreachable.server = name WHERE name = ?",
            (server,),
        ).fetchone()
        rows = self.db.execute("SELECT body FROM runs WHERE server = ? ORDER BY run", (server,))
        at, problem, since = found or (0.0, "", None)
        return Seen(at or None, problem, [json.loads(body) for (body,) in rows], since)

    def has_runs(self, server: str) -> bool:
        found = self.db.execute("SELECT 1 FROM runs WHERE server = ? LIMIT 1", (server,))
        return found.fetchone() is not None

    def servers(self) -> list[str]:
        return [name for (name,) in self.db.execute("SELECT name FROM servers ORDER BY name")]

    def cursors(self, server: str) -> dict[str, int]:
        """Per run the number of the last event that is here."""
        found = self.db.execute(
            "SELECT run, max(seq) FROM events WHERE server = ? GROUP BY run", (server,)
        )
        return dict(found.fetchall())

    def events(self, server: str, run: str) -> list[dict[str, Any]]:
        found = self.db.execute(
            "SELECT body FROM events WHERE server = ? AND run = ? ORDER BY seq", (server, run)
        )
        return [json.loads(body) for (body,) in found]

    def rows_of(self, run: str) -> dict[str, dict[str, Any]]:
        """Server -> its row of a run of this name."""
        found = self.db.execute("SELECT server, body FROM runs WHERE run = ?", (run,))
        return {server: json.loads(body) for server, body in found.fetchall()}

    def where(self, run: str) -> list[str]:
        """The servers that have (or had) a run of this name."""
        found = self.db.execute("SELECT server FROM runs WHERE run = ? ORDER BY server", (run,))
        return [server for (server,) in found]

    def run_names(self) -> set[str]:
        taken = {run for (run,) in self.db.execute("SELECT run FROM runs")}
        return taken | {run for (run,) in self.db.execute("SELECT run FROM intents")}

    def remember_fact(self, server: str, fact: str, at: float, body: Mapping[str, Any]) -> None:
        with self.db:
            self.db.execute(
                "INSERT OR REPLACE INTO server_facts VALUES (?, ?, ?, ?)",
                (server, fact, at, json.dumps(body)),
            )

    def fact(self, server: str, fact: str) -> tuple[float, dict[str, Any]] | None:
        """When it was found out (Unix time), and what; None where nobody has asked yet."""
        found = self.db.execute(
            "SELECT at, body FROM server_facts WHERE server = ? AND fact = ?", (server, fact)
        ).fetchone()
        return (found[0], json.loads(found[1])) if found else None

    def forget(self, server: str) -> None:
        """Everything that is here of a server, but for launches that were cut short."""
        with self.db:
            self.db.execute("DELETE FROM servers WHERE name = ?", (server,))
            for table in ("runs", "events", "smoke_passes", "server_facts", "unreachable"):
                self.db.execute(f"DELETE FROM {table} WHERE server = ?", (server,))

    # -- what we were about to do -----------------------------------------------------------

    def intend(self, content_key: str, server: str, intent: tuple[str, str]) -> Intent:
        """Remembers a launch before it is tried; gives back the earlier one of the same content
        that was cut short, if there is one."""
        with self.db:
            self.db.execute(
                "INSERT OR IGNORE INTO intents (content_key, server, run, launch_id) "
                "VALUES (?, ?, ?, ?)",
                (content_key, server, *intent),
            )
        found = self.db.execute(
            "SELECT run, launch_id FROM intents WHERE content_key = ? AND server = ?",
            (content_key, server),
        ).fetchone()
        return Intent(*found)

    def intents(self, content_key: str) -> list[str]:
        """The servers on which a launch of this content was begun and not ended."""
        found = self.db.execute(
            "SELECT server FROM intents WHERE content_key = ? ORDER BY server", (content_key,)
        )
        return [server for (server,) in found]

    def intended(self, content_key: str, server: str) -> None:
        """The launch has happened; the next of the same content is a new run."""
        with self.db:
            self.db.execute(
                "DELETE FROM intents WHERE content_key = ? AND server = ?", (content_key, server)
            )

    # -- what need not be done again --------------------------------------------------------

    def remember_smoke(
        self, snapshot: str, command_key: str, server: str, body: Mapping[str, Any]
    ) -> None:
        with self.db:
            self.db.execute(
                "INSERT OR REPLACE INTO smoke_passes VALUES (?, ?, ?, ?)",
                (snapshot, command_key, server, json.dumps(body)),
            )

    def smoke_pass(self, snapshot: str, command_key: str, server: str) -> dict[str, Any] | None:
        found = self.db.execute(
            "SELECT body FROM smoke_passes WHERE snapshot = ? AND command_key = ? AND server = ?",
            (snapshot, command_key, server),
        ).fetchone()
        return json.loads(found[0]) if found else None

    def smoke_passes(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(command key, server, what was judged) of every pass that is remembered."""
        found = self.db.execute("SELECT command_key, server, body FROM smoke_passes")
        return [(key, server, json.loads(body)) for key, server, body in found.fetchall()]

    def remember_manifest(self, snapshot: str, body: Mapping[str, Any]) -> None:
        with self.db:
            self.db.execute(
                "INSERT OR IGNORE INTO manifests (id, body) VALUES (?, ?)",
                (snapshot, json.dumps(body)),
            )
            self.db.execute(
                "DELETE FROM manifests WHERE rowid <= (SELECT max(rowid) FROM manifests) - ?",
                (MANIFESTS_KEPT,),
            )

    def manifest(self, snapshot: str) -> dict[str, Any] | None:
        found = self.db.execute("SELECT body FROM manifests WHERE id = ?", (snapshot,)).fetchone()
        return json.loads(found[0]) if found else None


def connect(path: Path) -> sqlite3.Connection:
    """Opens the database and brings its schema up to date."""
    db = sqlite3.connect(path, timeout=BUSY_S)
    try:
        into_wal_mode(db)
        db.execute("PRAGMA synchronous = NORMAL")
        migrate(db, path)
    except sqlite3.DatabaseError as error:
        db.close()
        raise unusable(path, error) from error
    return db


def unusable(path: Path, error: sqlite3.DatabaseError) -> errors.UsageError:
    """What is wrong with the file, or with the disk that it is on."""
    if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _OF_THE_DISK:
        return errors.UsageError(
            f"{path} cannot be written: {error}",
            hint=f"look at the rights of {path.parent} and at the space on its disk",
        )
    return errors.UsageError(
        f"{path} is not a usable mirror: {error}",
        hint=f"it can be fetched again from the servers: rm {path}",
    )


def into_wal_mode(db: sqlite3.Connection) -> None:
    """SQLite does not wait for this by itself while another process opens the file too."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Applies the migrations that the file has not seen, each in one transaction."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise errors.UsageError(
            f"{path} was written by a newer overnight", hint="upgrade: pip install -U overnight"
        )
    if version == len(MIGRATIONS):
        return
    from importlib import resources  # late: seldom needed, and long to load

    folder = resources.files("overnight.store") / "migrations"
    for number in range(version, len(MIGRATIONS)):
        script = (folder / MIGRATIONS[number]).read_text()
        db.executescript(
            f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number + 1};\nCOMMIT;"
        )
