"""The file of the store of series: opened, made anew where it is damaged or of another version."""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from overnight.core import places
from overnight.store.mirror import BUSY_S, into_wal_mode

VERSION = 2
NAME = "series.db"


class Damaged(Exception):
    """The file is not what we wrote: it has to be made anew."""


class Unwritable(Exception):
    """The store cannot be used here: a full disk, no permission, a lock that nobody gives back."""


def path_of(root: Path) -> Path:
    """`root` is the project's folder."""
    return root / places.STATE_FOLDER / NAME


def opened(path: Path) -> sqlite3.Connection:
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


def in_memory() -> sqlite3.Connection:
    db = _connected(":memory:")
    db.executescript(_script())
    return db


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
def translated() -> Iterator[None]:
    """Raises `Damaged` and `Unwritable`, and no other error of the database's."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _is_damage(error):
            raise Damaged(str(error)) from error
        raise Unwritable(str(error)) from error
    except OSError as error:
        raise Unwritable(str(error)) from error
