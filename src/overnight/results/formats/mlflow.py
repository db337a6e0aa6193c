"""MLflow's local stores: the SQLite database (`mlflow.db`), and the older folders in which each
metric of a run is a file of lines `timestamp value step`.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overnight.results import curves
from overnight.results.curves import Floats, Found, Mark, Passed
from overnight.results.records import database
from overnight.results.records.columns import Columns, number
from overnight.results.records.database import text

FORMAT = "mlflow"
# what the database holds in place of infinity
INFINITE = 1.7976931348623157e308
_LINE = re.compile(rb"\d{10,16} \S+( -?\d+(?: .*)?)?\r?$")
_NEEDED = frozenset(("key", "value", "run_uuid"))
MOST_PARAMS, PARAM_BYTES = 2000, 1 << 16


def claims(path: Path, head: bytes) -> int:
    if head.startswith(database.MAGIC):
        metrics = database.tables_of(path, head).get("metrics", frozenset())
        return curves.SURE if metrics >= _NEEDED or path.name == "mlflow.db" else curves.NO
    if run_folder(path) and _LINE.match(head.split(b"\n", 1)[0]):
        return curves.SURE
    return curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    """A database whole; of a file of lines what is new."""
    try:
        with path.open("rb") as file:
            is_database = file.read(16) == database.MAGIC
        return _database(path) if is_database else _lines(path, mark)
    except OSError as error:
        passed = Passed()
        passed.add(None, path.name, f"cannot be read: {error.strerror}")
        return Found(format=FORMAT, curves=(), skipped=tuple(passed.listed))


def run_folder(path: Path) -> Path | None:
    """The folder of the run whose metric this file is: it holds `metrics` and `meta.yaml`."""
    for parent in path.parents:
        if parent.name == "metrics" and (parent.parent / "meta.yaml").is_file():
            return parent.parent
    return None


# ---- the database


def _database(path: Path) -> Found:
    columns, passed = Columns(), Passed()
    settings: dict[str, dict[str, Any]] = {}
    try:
        with database.opened(path) as connection:
            tables = database.tables(connection)
            if not tables.get("metrics", frozenset()) >= _NEEDED:
                passed.add(None, "metrics", "there is no table of MLflow's metrics")
            else:
                runs = _runs(connection, tables)
                settings = _params(connection, tables, runs)
                _metrics(connection, tables["metrics"], runs, columns, passed)
    except sqlite3.Error as error:
        passed.add(None, path.name, f"the database cannot be read: {error}")
    return Found(
        format=FORMAT,
        curves=columns.curves(),
        skipped=tuple(passed.listed),
        more_skipped=passed.more,
        settings=settings,
    )


def _runs(connection: sqlite3.Connection, tables: dict[str, frozenset[str]]) -> dict[bytes, str]:
    """Id -> name of all runs; an older schema has the name as a tag."""
    named: dict[str, str] = {}
    if tables.get("runs", frozenset()) >= {"run_uuid", "name"}:
        for run, name in connection.execute("SELECT run_uuid, name FROM runs"):
            named[text(run)] = text(name)
    if tables.get("tags", frozenset()) >= {"run_uuid", "key", "value"}:
        rows = connection.execute("SELECT run_uuid, value FROM tags WHERE key = 'mlflow.runName'")
        for run, name in rows:
            if not named.get(text(run)):
                named[text(run)] = text(name)
    return {key.encode(): name for key, name in database.unique_names(named).items()}


def _params(
    connection: sqlite3.Connection, tables: dict[str, frozenset[str]], runs: dict[bytes, str]
) -> dict[str, dict[str, Any]]:
    settings: dict[str, dict[str, Any]] = {}
    if tables.get("params", frozenset()) >= {"run_uuid", "key", "value"}:
        for run, key, value in connection.execute("SELECT run_uuid, key, value FROM params"):
            settings.setdefault(runs.get(run, text(run)), {})[text(key)] = plain(text(value))
    return settings


def _metrics(
    connection: sqlite3.Connection,
    known: frozenset[str],
    runs: dict[bytes, str],
    columns: Columns,
    passed: Passed,
) -> None:
    told = [name if name in known else "NULL" for name in ("value", "step", "timestamp", "is_nan")]
    rows = connection.execute(
        f"SELECT run_uuid, key, rowid, {', '.join(told)} FROM metrics ORDER BY rowid"
    )
    numbers: dict[tuple[Any, Any], int] = {}
    last = -(1 << 63)
    while batch := rows.fetchmany(database.ROWS):
        ids, keys, lines, values, steps, times, nans = zip(*batch, strict=True)
        if lines[0] <= last:  # the rows of a damaged file may go round
            passed.add(lines[0], "what follows", "the rows are not in order")
            return
        last = lines[-1]
        pairs = list(zip(ids, keys, strict=True))
        for run, key in dict.fromkeys(pairs):
            if (run, key) not in numbers:
                name = runs.get(run, text(run)[:8])
                numbers[run, key] = columns.number((name, text(key)))
        which = np.array([numbers[pair] for pair in pairs])
        value = _cells(values)
        wrong = np.isnan(value)
        value = np.where(np.abs(value) >= INFINITE, np.copysign(np.inf, value), value)
        value[_cells(nans) == 1] = np.nan
        rowids = np.array(lines, np.float64)
        if wrong.any():
            passed.add(int(rowids[wrong][0]), "value", f"{int(wrong.sum())} that are no numbers")
            which, value, rowids = which[~wrong], value[~wrong], rowids[~wrong]
        step, time = _cells(steps)[~wrong], _seconds(_cells(times))[~wrong]
        columns.add(which, (value, step, time, rowids))


def _cells(cells: Sequence[Any]) -> Floats:
    """Cells as numbers, NaN for what is none."""
    if set(map(type, cells)) <= {int, float}:
        return np.array(cells, np.float64)
    told = (number(each) for each in cells)
    return np.array([np.nan if each is None else each for each in told])


def _seconds(stamps: Floats) -> Floats:
    """Of milliseconds; the export of a run whose times are not known has zero."""
    return np.where(stamps == 0, np.nan, stamps / 1000)


def plain(value: str) -> Any:
    """A parameter is kept as text: a number again where it reads as one."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(value)
    return {"True": True, "False": False, "None": None}.get(value, value)


# ---- the folders


def _lines(path: Path, mark: Mark | None) -> Found:
    columns, passed = Columns(), Passed()
    offset, line = (mark.offset, mark.line) if mark else (0, 0)
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    folder = run_folder(path)
    run = _name(folder) if folder else ""
    name = path.relative_to(folder / "metrics").as_posix() if folder else path.name
    rows = []
    for place, content in enumerate(whole.splitlines(), line + 1):
        row = _row(content)
        if row:
            rows.append((*row, float(place)))
        elif content.strip():
            passed.add(place, text(content), "not a line `timestamp value step`")
    if rows:
        columns.add(columns.number((run, name)), np.array(rows).T)
    return Found(
        format=FORMAT,
        curves=columns.curves(),
        skipped=tuple(passed.listed),
        more_skipped=passed.more,
        mark=Mark(offset=offset + len(whole), line=line + whole.count(b"\n")),
        settings={run: _param_files(folder)} if folder else {},
    )


def _row(content: bytes) -> tuple[float, float, float] | None:
    """Value, step and time of a line; the step is missing in the oldest files."""
    words = content.split()
    try:
        step = float(words[2]) if len(words) > 2 else np.nan
        return float(words[1]), step, float(words[0]) / 1000
    except (ValueError, IndexError):
        return None


def _name(folder: Path) -> str:
    with contextlib.suppress(OSError):
        return (folder / "tags" / "mlflow.runName").read_bytes()[:250].decode("utf-8", "replace")
    return folder.name


def _param_files(folder: Path) -> dict[str, Any]:
    params: dict[str, Any] = {}
    below = folder / "params"
    for path in sorted(below.rglob("*"))[:MOST_PARAMS]:
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    params[path.relative_to(below).as_posix()] = plain(text(file.read(PARAM_BYTES)))
    return params
