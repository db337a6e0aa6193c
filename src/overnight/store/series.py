"""The store of series: one SQLite file per project, `.overnight/series.db`.

Everything in it can be read again from the pulled folders, so a file that is damaged, or of another
version, is removed and made anew. Several processes may use it at once (WAL). It knows bytes and
plain values; what they mean is `results/packing.py` and `app/ingesting.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from overnight.core import places
from overnight.store.mirror import BUSY_S, into_wal_mode

VERSION = 2
NAME = "series.db"
MANY = 500  # names in one question; SQLite allows more, but not everywhere
POINTS = ("low", "high", "last", "odd")
_POINT = ("", "_step", "_epoch", "_source", "_line", "_attempt")
_SERIES = ("name", "written", "split", "goal", "n", "repeated", "nonfinite")
_COLUMNS = (*_SERIES, *(f"{point}{part}" for point in POINTS for part in _POINT))


class Damaged(Exception):
    """The file is not what we wrote: it has to be made anew."""


class Unwritable(Exception):
    """The store cannot be used here: a full disk, no permission, a lock that nobody gives back."""


class KnownFile(NamedTuple):
    """A file as it was read: `told` is JSON; `format` None for one that no reader knows."""

    id: int
    size: int
    mtime_ns: int
    format: str | None
    told: str
    seal: str


@dataclass(frozen=True, kw_only=True)
class KnownRun:
    id: int
    version: int
    records: str
    files: Mapping[str, KnownFile]


class Chunk(NamedTuple):
    """`n` values of a curve as bytes."""

    n: int
    data: bytes


class CurveRow(NamedTuple):
    """`id` None: a new one. `chunk` None: nothing came."""

    id: int | None
    name: str
    split: str | None
    run: str
    goal: str | None
    chunk: Chunk | None = None


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """A file that was read. `id` None: it is new, or what was known of it does not count."""

    path: str
    id: int | None
    size: int
    mtime_ns: int
    format: str | None
    told: str
    seal: str
    curves: tuple[CurveRow, ...] = ()


class SeriesRow(NamedTuple):
    """`values` in the order of `COLUMNS`. `parts`: (path, place in its file's curves)."""

    values: tuple[Any, ...]
    parts: tuple[tuple[str, int], ...]
    marks: bytes
    thumbnail: bytes


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one reading of a run's folder changes. `version`: what it builds on; None for nothing.

    `files` are those that were read, `gone` the ids of those to forget; `series` are all of the
    run, or None where they stay as they are.
    """

    run: str
    version: int | None
    columns: Mapping[str, Any]
    attempts: Sequence[Sequence[Any]] = ()
    repairs: Sequence[Sequence[Any]] = ()
    files: Sequence[FileRow] = ()
    gone: Sequence[int] = ()
    series: Sequence[SeriesRow] | None = None
    unused: Sequence[tuple[str, str, str]] = ()

    @property
    def size(self) -> int:
        """Bytes of the curves in it."""
        return sum(len(c.chunk.data) for f in self.files for c in f.curves if c.chunk)


@dataclass(frozen=True, kw_only=True)
class StoredSeries:
    """`values` by column. `curves`: (path, its chunks in order) of each part."""

    values: Mapping[str, Any]
    curves: tuple[tuple[str, tuple[Chunk, ...]], ...] = field(default=())
    marks: bytes = b""


def path_of(root: Path) -> Path:
    """`root` is the project's folder."""
    return root / places.STATE_FOLDER / NAME


class SeriesStore:
    """Raises `Damaged` and `Unwritable`, and no other error of the database's."""

    def __init__(self, root: Path | None) -> None:
        """`root` is the project's folder; None for a store that lives in memory only."""
        self.is_shared = root is not None  # whether another process could use it too
        with _translated():
            if root is None:
                self.db = _connected(":memory:")
                self.db.executescript(_script())
            else:
                path = path_of(root)
                path.parent.mkdir(exist_ok=True)
                self.db = _opened(path)

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> SeriesStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def image(self) -> bytes:
        """All of it as the bytes of a file, for a store that is in memory."""
        with _translated():
            return self.db.serialize()

    # -- what is known ----------------------------------------------------------------------

    def known(self, runs: Sequence[str]) -> dict[str, KnownRun]:
        """What was read of these runs, with one question for many."""
        found: dict[str, KnownRun] = {}
        with _translated():
            for some in _some(runs):
                files: dict[int, dict[str, KnownFile]] = {}
                for run_id, path, *more in self.db.execute(
                    "SELECT run_id, path, files.id, size, mtime_ns, format, told, seal FROM files "
                    f"JOIN runs ON runs.id = run_id WHERE run IN ({_marks(some)})",
                    some,
                ):
                    files.setdefault(run_id, {})[path] = KnownFile(*more)
                for name, *told in self.db.execute(
                    f"SELECT run, id, version, records FROM runs WHERE run IN ({_marks(some)})",
                    some,
                ):
                    found[name] = KnownRun(
                        id=told[0], version=told[1], records=told[2], files=files.get(told[0], {})
                    )
        return found

    def runs(self) -> list[str]:
        with _translated():
            return [run for (run,) in self.db.execute("SELECT run FROM runs ORDER BY run")]

    def settings(self, run: str) -> dict[str, Any]:
        """What its records and files tell of its settings; empty for a run that is not known."""
        with _translated():
            row = self.db.execute("SELECT settings FROM runs WHERE run = ?", (run,)).fetchone()
        return dict(json.loads(row[0])) if row else {}

    def curves_of(self, file_id: int) -> list[tuple[CurveRow, tuple[Chunk, ...]]]:
        """All that was read of a file, in the order of its curves."""
        with _translated():
            rows = self.db.execute(
                "SELECT id, name, split, run, goal FROM curves WHERE file_id = ? ORDER BY id",
                (file_id,),
            ).fetchall()
            return [(CurveRow(*row), self._chunks(row[0])) for row in rows]

    def _chunks(self, curve_id: int) -> tuple[Chunk, ...]:
        return tuple(
            Chunk(*row)
            for row in self.db.execute(
                "SELECT n, data FROM chunks WHERE curve_id = ? ORDER BY place", (curve_id,)
            )
        )

    # -- series -------------------------------------------------------------------------------

    def names(self, run: str) -> list[str]:
        with _translated():
            found = self.db.execute(
                "SELECT name FROM series JOIN runs ON runs.id = run_id WHERE run = ? ORDER BY name",
                (run,),
            )
            return [name for (name,) in found]

    def names_of(self, runs: Sequence[str]) -> dict[str, list[str]]:
        """The names of the series of each run, for many runs."""
        found: dict[str, list[str]] = {}
        with _translated():
            for some in _some(runs):
                for run, name in self.db.execute(
                    "SELECT run, name FROM series JOIN runs ON runs.id = run_id "
                    f"WHERE run IN ({_marks(some)}) ORDER BY name",
                    some,
                ):
                    found.setdefault(run, []).append(name)
        return found

    def count(self, series: Iterable[tuple[str, str]]) -> int:
        """How many values these series (run, name) have in all, what was repeated with them."""
        with _translated():
            found = self.db.execute(
                "SELECT run, name, n + series.repeated FROM series JOIN runs ON runs.id = run_id"
            )
            sizes = {(run, name): size for run, name, size in found}
        return sum(sizes.get(each, 0) for each in series)

    def metrics(self, runs: Sequence[str], name: str | None = None) -> list[dict[str, Any]]:
        """`run` and `COLUMNS` of the series of these runs: all, or those of one name."""
        columns = ("run", *_COLUMNS)
        what = ", ".join(f"series.{each}" for each in _COLUMNS)
        named = "" if name is None else " AND series.name = ?"
        with _translated():
            return [
                dict(zip(columns, row, strict=True))
                for some in _some(runs)
                for row in self.db.execute(
                    f"SELECT runs.run, {what} FROM series JOIN runs ON runs.id = run_id "
                    f"WHERE runs.run IN ({_marks(some)}){named} ORDER BY series.name",
                    [*some, *([] if name is None else [name])],
                )
            ]

    def series(self, run: str, names: Sequence[str] | None = None) -> list[StoredSeries]:
        """Whole series of a run, sorted by name: all, or those that are named."""
        what = ", ".join(f"series.{each}" for each in _COLUMNS)
        with _translated():
            rows = self.db.execute(
                f"SELECT {what}, curves, marks FROM series JOIN runs ON runs.id = run_id "
                "WHERE runs.run = ? ORDER BY series.name",
                (run,),
            ).fetchall()
            return [
                StoredSeries(
                    values=dict(zip(_COLUMNS, row, strict=False)),
                    curves=tuple(
                        (path, self._chunks(curve)) for path, curve in json.loads(row[-2])
                    ),
                    marks=row[-1],
                )
                for row in rows
                if names is None or row[0] in names
            ]

    def thumbnail(self, run: str, name: str) -> bytes | None:
        with _translated():
            row = self.db.execute(
                "SELECT thumbnail FROM series JOIN runs ON runs.id = run_id "
                "WHERE run = ? AND name = ?",
                (run, name),
            ).fetchone()
        return row[0] if row else None

    def told_of(self, run: str) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]], Any]:
        """(path and `told` of the files that were read, what was not used, what was repeated)."""
        with _translated():
            row = self.db.execute("SELECT id, repeated FROM runs WHERE run = ?", (run,)).fetchone()
            if row is None:
                return [], [], None
            files = self.db.execute(
                "SELECT path, told FROM files WHERE run_id = ? AND format IS NOT NULL "
                "ORDER BY path",
                row[:1],
            ).fetchall()
            unused = self.db.execute(
                "SELECT name, path, used FROM unused WHERE run_id = ? ORDER BY rowid", row[:1]
            ).fetchall()
        return files, unused, json.loads(row[1]) if row[1] else None

    # -- writing ------------------------------------------------------------------------------

    def put(self, changes: Iterable[Change]) -> list[str]:
        """Writes in one transaction; the runs that another process has changed meanwhile."""
        with self._writing():
            return [change.run for change in changes if not self._put(change)]

    def forget(self, runs: Sequence[str]) -> None:
        with self._writing():
            self.db.executemany("DELETE FROM runs WHERE run = ?", [(run,) for run in runs])

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with _translated(), self.db:
            self.db.execute("BEGIN IMMEDIATE")
            yield

    def _put(self, change: Change) -> bool:
        row = self.db.execute(
            "SELECT id, version FROM runs WHERE run = ?", (change.run,)
        ).fetchone()
        if (row[1] if row else None) != change.version:
            return False
        run_id = self._put_run(change, row[0] if row else None)
        self.db.executemany("DELETE FROM files WHERE id = ?", [(each,) for each in change.gone])
        for file in change.files:
            self._put_file(run_id, file)
        if change.series is not None:
            self._put_series(run_id, change)
        return True

    def _put_run(self, change: Change, run_id: int | None) -> int:
        columns = {**change.columns, "run": change.run, "version": (change.version or 0) + 1}
        if run_id is None:
            made = self.db.execute(
                f"INSERT INTO runs ({', '.join(columns)}) VALUES ({_marks(columns)})",
                list(columns.values()),
            )
            run_id = int(made.lastrowid or 0)
        else:
            sets = ", ".join(f"{name} = ?" for name in columns)
            self.db.execute(f"UPDATE runs SET {sets} WHERE id = ?", [*columns.values(), run_id])
            for table in ("attempts", "repairs"):
                self.db.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))
        for table, rows in (("attempts", change.attempts), ("repairs", change.repairs)):
            for row in rows:
                values = (run_id, *row)
                self.db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({_marks(values)})", values)
        return run_id

    def _put_file(self, run_id: int, file: FileRow) -> None:
        told = (file.size, file.mtime_ns, file.format, file.told, file.seal)
        file_id = file.id
        if file_id is None:
            self.db.execute("DELETE FROM files WHERE run_id = ? AND path = ?", (run_id, file.path))
            made = self.db.execute(
                "INSERT INTO files (run_id, path, size, mtime_ns, format, told, seal) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (run_id, file.path, *told),
            )
            file_id = int(made.lastrowid or 0)
        else:
            self.db.execute(
                "UPDATE files SET size = ?, mtime_ns = ?, format = ?, told = ?, seal = ? "
                "WHERE id = ?",
                (*told, file_id),
            )
        for curve in file.curves:
            self._put_curve(file_id, curve)

    def _put_curve(self, file_id: int, curve: CurveRow) -> None:
        curve_id = curve.id
        if curve_id is None:
            made = self.db.execute(
                "INSERT INTO curves (file_id, name, split, run, goal) VALUES (?, ?, ?, ?, ?)",
                (file_id, curve.name, curve.split, curve.run, curve.goal),
            )
            curve_id = int(made.lastrowid or 0)
        if curve.chunk is not None:
            self.db.execute(
                "INSERT INTO chunks SELECT ?, coalesce(max(place) + 1, 0), ?, ? "
                "FROM chunks WHERE curve_id = ?",
                (curve_id, *curve.chunk, curve_id),
            )

    def _put_series(self, run_id: int, change: Change) -> None:
        for table in ("series", "unused"):
            self.db.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))
        curves: dict[str, list[int]] = {}
        for path, curve_id in self.db.execute(
            "SELECT path, curves.id FROM curves JOIN files ON files.id = file_id "
            "WHERE run_id = ? ORDER BY curves.id",
            (run_id,),
        ):
            curves.setdefault(path, []).append(curve_id)
        columns = ("run_id", *_COLUMNS, "curves", "marks", "thumbnail")
        statement = f"INSERT INTO series ({', '.join(columns)}) VALUES ({_marks(columns)})"
        for row in change.series or ():
            parts = json.dumps([(path, curves[path][place]) for path, place in row.parts])
            self.db.execute(statement, (run_id, *row.values, parts, row.marks, row.thumbnail))
        self.db.executemany(
            "INSERT INTO unused VALUES (?, ?, ?, ?)", [(run_id, *each) for each in change.unused]
        )


COLUMNS = _COLUMNS


# -- the file -------------------------------------------------------------------------------------


def _opened(path: Path) -> sqlite3.Connection:
    """The database with our schema; a file that is another is removed first."""
    db = _usable(path)
    if db is not None:
        return db
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        db = _usable(path)  # another process may have made it meanwhile
        if db is None:
            remove(path)
            db = _made(path)
    return db


def _usable(path: Path) -> sqlite3.Connection | None:
    if not path.exists():
        return None
    db = _connected(path)
    try:
        into_wal_mode(db)
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == VERSION:
            return db
    except sqlite3.DatabaseError as error:
        db.close()
        if not _is_damage(error):
            raise
        return None
    db.close()
    return None


def _connected(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def _made(path: Path) -> sqlite3.Connection:
    """Under another name first: nobody ever sees a half-made file."""
    temporary = path.with_suffix(f".{time.time_ns()}.tmp")
    db = sqlite3.connect(temporary)
    db.executescript(_script())
    db.close()
    temporary.replace(path)
    db = _connected(path)
    into_wal_mode(db)
    return db


def _script() -> str:
    from importlib import resources  # late: seldom needed, and long to load

    script = (resources.files("overnight.store") / "series.sql").read_text()
    return f"BEGIN;\n{script}\nPRAGMA user_version = {VERSION};\nCOMMIT;"


def remove(path: Path) -> None:
    """The file and what SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _is_damage(error):
            raise Damaged(str(error)) from error
        raise Unwritable(str(error)) from error
    except OSError as error:
        raise Unwritable(str(error)) from error


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def _some(runs: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(runs), MANY):
        yield runs[start : start + MANY]
