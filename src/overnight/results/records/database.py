"""Foreign SQLite files, read without disturbing whoever writes them and without trusting them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

MAGIC = b"SQLite format 3\0"
_WAL = b"\x02\x02"  # bytes 18 and 19 of the header
ROWS = 1 << 14  # fetched at once


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Read-only; texts come as bytes. Raises sqlite3.Error and OSError.

    A database in WAL mode that has no log beside it has no writer: it is opened as immutable, since
    SQLite would make files beside it otherwise.
    """
    with path.open("rb") as file:
        is_wal = file.read(20)[18:20] == _WAL
    how = "immutable=1" if is_wal and not Path(f"{path}-wal").exists() else "mode=ro"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=10)
    connection.text_factory = bytes
    try:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA trusted_schema = 0")
        connection.execute("BEGIN")  # all questions are answered for one moment
        yield connection
    finally:
        connection.close()


def tables(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """Real tables (views may do anything) and the names of their columns."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {text(name): _columns(connection, text(name)) for (name,) in names}


def tables_of(path: Path, head: bytes) -> dict[str, frozenset[str]]:
    """The same for a file that may be a database; empty where it is none or cannot be read.

    Where in the file a schema stands is SQLite's affair, so it is asked.
    """
    if not head.startswith(MAGIC):
        return {}
    try:
        with opened(path) as connection:
            return tables(connection)
    except (sqlite3.Error, OSError):
        return {}


def _columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return frozenset(text(name) for (name,) in rows)


def text(value: object) -> str:
    """A cell as text, whatever it holds."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "" if value is None else str(value)


def unique_names(named: dict[str, str]) -> dict[str, str]:
    """Id -> name, with the id added where several have one name."""
    seen: dict[str, int] = {}
    for name in named.values():
        seen[name] = seen.get(name, 0) + 1
    return {
        key: name if seen[name] == 1 and name else f"{name} ({key[:8]})".lstrip()
        for key, name in named.items()
    }
