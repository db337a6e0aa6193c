"""Trackio's SQLite databases, one for each project: a row holds all metrics of a step as JSON."""

from __future__ import annotations

import bisect
import itertools
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overnight.results import curves
from overnight.results.curves import Floats, Found, Mark, Passed
from overnight.results.records import database, json_rows, stamps
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


# the columns of many rows, each as one text
_PACKED = """
    SELECT count(*), count(run), sum(typeof(step) = 'integer'), min(line), max(line),
        min(run), max(run), group_concat(step, x'1f'),
        group_concat(coalesce(timestamp, ''), x'1f'), group_concat(coalesce(metrics, ''), x'1f')
    FROM (SELECT {key} AS run, rowid AS line, step, timestamp, metrics {some})
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Batch:
    """Rows without a gap, as columns of shape (n,); `metrics`: their JSON, with a separator behind
    each; `run`: that of all of them, None where they are of several.
    """

    run: bytes | None
    first: int
    last: int
    steps: Floats
    times: Floats
    metrics: bytes

    @classmethod
    def of(cls, packed: tuple[Any, ...]) -> _Batch | None:
        """None where a cell is of another kind, or has the separator in it."""
        count, named, whole, first, last, least, most = packed[:7]
        if not count or {named, whole, last - first + 1} != {count}:
            return None
        steps, told = (bytes(each).split(json_rows.SEPARATOR) for each in packed[7:9])
        metrics = bytes(packed[9]) + json_rows.SEPARATOR
        if {len(steps), len(told), metrics.count(json_rows.SEPARATOR)} != {count}:
            return None
        return cls(
            run=least if least == most else None,
            first=first,
            last=last,
            steps=np.array(list(map(int, steps)), np.float64),
            times=stamps.seconds(told),
            metrics=metrics,
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
        begun = _begun(connection, key)
        runs = _named(begun, key)
        in_turn = [(first, run) for run, _, first, _ in begun] if _is_in_turn(begun) else None
        self._settings(connection, tables.get("configs", frozenset()), key, runs)
        after: int | None = -(1 << 63)
        while after is not None:
            after = self._next(connection, key, runs, in_turn, after)

    def _next(
        self,
        connection: sqlite3.Connection,
        key: str,
        runs: dict[bytes, str],
        in_turn: Sequence[tuple[int, bytes]] | None,
        after: int,
    ) -> int | None:
        """Takes the rows behind row `after`; returns the last one, None where there is none.

        `in_turn`: the first row of each run, where one run ends before the next one begins.
        """
        some = f"FROM metrics WHERE rowid > {after} ORDER BY rowid LIMIT {database.ROWS}"
        try:
            packed = connection.execute(_PACKED.format(key=key, some=some)).fetchone()
        except (sqlite3.DataError, sqlite3.OperationalError):  # too much for one cell
            packed = None
        batch = _Batch.of(packed) if packed else None
        if batch and batch.first > after:
            ids: Sequence[Any] = [batch.run]
            if batch.run is None and in_turn is not None:
                ids = _ids(in_turn, batch)
            elif batch.run is None:
                ids = [run for (run,) in connection.execute(f"SELECT {key} {some}")]
            if self._regular(batch, ids, runs):
                return batch.last
        rows = connection.execute(f"SELECT {key}, rowid, step, timestamp, metrics {some}")
        of: dict[bytes, list[tuple[Any, ...]]] = {}
        last = None
        for run, *row in rows:
            of.setdefault(run, []).append(tuple(row))
            last = int(row[0])
        if last is not None and last <= after:  # the rows of a damaged file may go round
            self.passed.add(last, "what follows", "the rows are not in order")
            return None
        for run, mine in of.items():
            self._batch(runs.get(run, text(run)), mine)
        return last

    def _regular(self, batch: _Batch, ids: Sequence[Any], runs: dict[bytes, str]) -> bool:
        """Takes rows that all have the same metrics, and numbers; False where they do not. `ids`:
        the run of each row, or that of all.
        """
        told = json_rows.columns(batch.metrics, batch.steps.size)
        if told is None:
            return False
        lines = np.arange(batch.first, batch.last + 1, dtype=np.float64)
        places = {run: place for place, run in enumerate(dict.fromkeys(ids))}
        which = np.array([places[run] for run in ids])
        for run, place in places.items():
            mine = slice(None) if len(places) == 1 else which == place
            for name, value in told.items():
                number = self.columns.number((runs.get(run, text(run)), name))
                rows = (value[mine], batch.steps[mine], batch.times[mine], lines[mine])
                self.columns.add(number, rows)
        return True

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
        time = stamps.seconds(times)
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


Begun = tuple[bytes, bytes, int, int]


def _begun(connection: sqlite3.Connection, key: str) -> list[Begun]:
    """The runs in the order in which they began: id, name, first and last row."""
    return connection.execute(
        f"SELECT {key}, run_name, min(rowid), max(rowid) FROM metrics GROUP BY {key} ORDER BY 3"
    ).fetchall()


def _is_in_turn(begun: Sequence[Begun]) -> bool:
    """Whether each run ended before the next one began."""
    return all(before[3] < after[2] for before, after in itertools.pairwise(begun))


def _ids(in_turn: Sequence[tuple[int, bytes]], batch: _Batch) -> list[bytes]:
    """The run of each row of a batch."""
    firsts = [first for first, _ in in_turn]
    begin = bisect.bisect_right(firsts, batch.first) - 1
    ids: list[bytes] = []
    for place in range(begin, bisect.bisect_right(firsts, batch.last)):
        end = firsts[place + 1] if place + 1 < len(firsts) else batch.last + 1
        ids += [in_turn[place][1]] * (min(end, batch.last + 1) - max(firsts[place], batch.first))
    return ids


def _named(begun: Sequence[Begun], key: str) -> dict[bytes, str]:
    """A name for each run."""
    if key == "run_name":
        return {run: text(run) for run, _, _, _ in begun}
    names = database.unique_names({text(run): text(name) for run, name, _, _ in begun})
    return {run: names[text(run)] for run, _, _, _ in begun}


def _floats(column: Sequence[int | float]) -> Floats:
    try:
        return np.array(column, np.float64)
    except OverflowError:
        return np.array([_of(number(each)) for each in column])


def _of(value: float | None) -> float:
    return np.nan if value is None else value
