"""Trackio's SQLite databases, one for each project: a row holds all metrics of a step as JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from overnight.results import curves
from overnight.results.curves import Found, Mark, Passed
from overnight.results.records import database
from overnight.results.records.columns import Columns, flat, number
from overnight.results.records.database import text

FORMAT = "trackio"
_NOT_FINITE = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
_NUMBERS = frozenset((int, float))
_NEEDED = frozenset(("run_name", "step", "metrics", "timestamp"))
MOST_TOLD = 1000


def claims(path: Path, head: bytes) -> int:
    metrics = database.tables_of(path, head).get("metrics", frozenset())
    return curves.SURE if metrics >= _NEEDED else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    """Whole: a database is changed in place."""
    reading = _Reading()
    try:
        with database.opened(path) as connection:
            reading.all(connection)
    except (sqlite3.Error, OSError) as error:
        reading.passed.add(None, path.name, f"the database cannot be read: {error}")
    return Found(
        format=FORMAT,
        curves=reading.columns.curves(),
        skipped=tuple(reading.passed.listed),
        more_skipped=reading.passed.more,
        settings=reading.settings,
    )


class _Reading:
    def __init__(self) -> None:
        self.columns = Columns()
        self.passed = Passed()
        self.settings: dict[str, dict[str, Any]] = {}
        self._told: set[str] = set()

    def all(self, connection: sqlite3.Connection) -> None:
        tables = database.tables(connection)
        metrics = tables.get("metrics", frozenset())
        if not metrics >= _NEEDED:
            self.passed.add(None, "metrics", "there is no table of Trackio's metrics")
            return
        key = "run_id" if "run_id" in metrics else "run_name"
        runs = _runs(connection, key)
        self._settings(connection, tables.get("configs", frozenset()), key, runs)
        rows = connection.execute(
            f"SELECT {key}, rowid, step, timestamp, metrics FROM metrics ORDER BY rowid"
        )
        while batch := rows.fetchmany(database.ROWS):
            of: dict[bytes, list[tuple[Any, ...]]] = {}
            for run, *row in batch:
                of.setdefault(run, []).append(tuple(row))
            for run, mine in of.items():
                self._batch(runs.get(run, text(run)), mine)

    def _settings(
        self,
        connection: sqlite3.Connection,
        known: frozenset[str],
        key: str,
        runs: dict[bytes, str],
    ) -> None:
        if not known >= {key, "config"}:
            return
        for run, config in connection.execute(f"SELECT {key}, config FROM configs"):
            try:
                told = json.loads(config)
                pairs = [(str(name), value) for name, value in told.items() if name[:1] != "_"]
            except (ValueError, TypeError, AttributeError, RecursionError):
                self.passed.add(None, f"configs of {text(run)}", "it is no JSON object")
                continue
            if run in runs:
                self.settings[runs[run]] = dict(pairs)

    def _batch(self, run: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Rows of one run; where all have the same metrics, and only numbers, as columns."""
        lines, steps, times, texts = (list(each) for each in zip(*rows, strict=True))
        told = self._parsed(lines, texts)
        line = np.array(lines, np.float64)
        step = np.array([_of(number(each)) for each in steps])
        time = np.array([_time(each) for each in times])
        names = tuple(told[0])
        if all(tuple(each) == names for each in told):
            columns = [[each[name] for each in told] for name in names]
            if all(_NUMBERS.issuperset(map(type, column)) for column in columns):
                for name, column in zip(names, columns, strict=True):
                    value = _floats(column)
                    self.columns.add(self.columns.number((run, name)), (value, step, time, line))
                return
        self._one_by_one(run, told, step, time, line)

    def _parsed(self, lines: Sequence[int], texts: Sequence[Any]) -> list[dict[str, Any]]:
        try:
            told: list[Any] = json.loads(b"[" + b",".join(texts) + b"]")
            if len(told) == len(texts) and all(type(each) is dict for each in told):
                return told
        except (ValueError, TypeError, RecursionError):
            pass
        return [self._row(line, each) for line, each in zip(lines, texts, strict=True)]

    def _row(self, line: int, content: Any) -> dict[str, Any]:
        try:
            told = json.loads(content)
        except (ValueError, TypeError, RecursionError):
            told = None
        if not isinstance(told, dict):
            self.passed.add(line, text(content), "it is no JSON object")
            return {}
        return told

    def _one_by_one(
        self, run: str, told: Sequence[dict[str, Any]], step: Any, time: Any, line: Any
    ) -> None:
        kept: dict[str, list[tuple[int, float]]] = {}
        for place, row in enumerate(told):
            for name, value in flat(row):
                found = _NOT_FINITE.get(value) if isinstance(value, str) else number(value)
                if found is not None:
                    kept.setdefault(name, []).append((place, found))
                elif value is not None and name not in self._told:
                    if len(self._told) < MOST_TOLD:
                        self._told.add(name)
                    self.passed.add(int(line[place]), name, "it is no number")
        for name, pairs in kept.items():
            at = np.array([place for place, _ in pairs])
            value = np.array([each for _, each in pairs])
            self.columns.add(
                self.columns.number((run, name)), (value, step[at], time[at], line[at])
            )


def _runs(connection: sqlite3.Connection, key: str) -> dict[bytes, str]:
    """The runs in the order in which they began, with a name for each."""
    rows = connection.execute(
        f"SELECT {key}, run_name, min(rowid) FROM metrics GROUP BY {key} ORDER BY 3"
    ).fetchall()
    if key == "run_name":
        return {run: text(run) for run, _, _ in rows}
    names = database.unique_names({text(run): text(name) for run, name, _ in rows})
    return {run: names[text(run)] for run, _, _ in rows}


def _floats(column: Sequence[int | float]) -> curves.Floats:
    try:
        return np.array(column, np.float64)
    except OverflowError:
        return np.array([_of(number(each)) for each in column])


def _of(value: float | None) -> float:
    return np.nan if value is None else value


def _time(stamp: Any) -> float:
    """Unix seconds of an ISO time, which is UTC where it does not say; NaN if it is none."""
    try:
        told = datetime.fromisoformat(stamp.decode("ascii"))
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, AttributeError, OverflowError):
        return np.nan
