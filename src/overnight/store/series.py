"""The store of series: one SQLite file per project, `.overnight/series.db`.

Everything in it can be read again from the pulled folders, so a file that is damaged, or of another
version, is removed and made anew (`series_file`). Several processes may use it at once (WAL). It
knows bytes and plain values (`series_rows`); what they mean is `results/runs/packing.py` and
`app/ingesting.py`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from overnight.store import series_file
from overnight.store.series_rows import (
    COLUMNS,
    Change,
    Chunk,
    CurveRow,
    FileRow,
    KnownFile,
    KnownRun,
    StoredSeries,
)

MANY = 500  # names in one question; SQLite allows more, but not everywhere


class SeriesStore:
    """Raises `Damaged` and `Unwritable`, and no other error of the database's."""

    def __init__(self, root: Path | None) -> None:
        """`root` is the project's folder; None for a store that lives in memory only."""
        self.is_shared = root is not None  # whether another process could use it too
        with series_file.translated():
            if root is None:
                self.db = series_file.in_memory()
            else:
                path = series_file.path_of(root)
                path.parent.mkdir(exist_ok=True)
                self.db = series_file.opened(path)

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> SeriesStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def image(self) -> bytes:
        """All of it as the bytes of a file, for a store that is in memory."""
        with series_file.translated():
            return self.db.serialize()

    # -- what is known ----------------------------------------------------------------------

    def known(self, runs: Sequence[str]) -> dict[str, KnownRun]:
        """What was read of these runs, with one question for many."""
        found: dict[str, KnownRun] = {}
        with series_file.translated():
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
        with series_file.translated():
            return [run for (run,) in self.db.execute("SELECT run FROM runs ORDER BY run")]

    def settings(self, runs: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What the records and files of each run tell of its settings."""
        with series_file.translated():
            return {
                run: dict(json.loads(settings))
                for some in _some(runs)
                for run, settings in self.db.execute(
                    f"SELECT run, settings FROM runs WHERE run IN ({_marks(some)})", some
                )
            }

    def curves_of(self, file_id: int) -> list[tuple[CurveRow, tuple[Chunk, ...]]]:
        """All that was read of a file, in the order of its curves."""
        with series_file.translated():
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
        with series_file.translated():
            found = self.db.execute(
                "SELECT name FROM series JOIN runs ON runs.id = run_id WHERE run = ? ORDER BY name",
                (run,),
            )
            return [name for (name,) in found]

    def names_of(self, runs: Sequence[str]) -> dict[str, list[str]]:
        """The names of the series of each run, for many runs."""
        found: dict[str, list[str]] = {}
        with series_file.translated():
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
        with series_file.translated():
            found = self.db.execute(
                "SELECT run, name, n + series.repeated FROM series JOIN runs ON runs.id = run_id"
            )
            sizes = {(run, name): size for run, name, size in found}
        return sum(sizes.get(each, 0) for each in series)

    def metrics(self, runs: Sequence[str], name: str | None = None) -> list[dict[str, Any]]:
        """`run` and `COLUMNS` of the series of these runs: all, or those of one name."""
        columns = ("run", *COLUMNS)
        what = ", ".join(f"series.{each}" for each in COLUMNS)
        named = "" if name is None else " AND series.name = ?"
        with series_file.translated():
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
        what = ", ".join(f"series.{each}" for each in COLUMNS)
        with series_file.translated():
            rows = self.db.execute(
                f"SELECT {what}, curves, marks FROM series JOIN runs ON runs.id = run_id "
                "WHERE runs.run = ? ORDER BY series.name",
                (run,),
            ).fetchall()
            return [
                StoredSeries(
                    values=dict(zip(COLUMNS, row, strict=False)),
                    curves=tuple(
                        (path, self._chunks(curve)) for path, curve in json.loads(row[-2])
                    ),
                    marks=row[-1],
                )
                for row in rows
                if names is None or row[0] in names
            ]

    def thumbnail(self, run: str, name: str) -> bytes | None:
        with series_file.translated():
            row = self.db.execute(
                "SELECT thumbnail FROM series JOIN runs ON runs.id = run_id "
                "WHERE run = ? AND name = ?",
                (run, name),
            ).fetchone()
        return row[0] if row else None

    def told_of(self, run: str) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]], Any]:
        """(path and `told` of the files that were read, what was not used, what was repeated)."""
        with series_file.translated():
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
        with series_file.translated(), self.db:
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
        columns = ("run_id", *COLUMNS, "curves", "marks", "thumbnail")
        statement = f"INSERT INTO series ({', '.join(columns)}) VALUES ({_marks(columns)})"
        for row in change.series or ():
            parts = json.dumps([(path, curves[path][place]) for path, place in row.parts])
            self.db.execute(statement, (run_id, *row.values, parts, row.marks, row.thumbnail))
        self.db.executemany(
            "INSERT INTO unused VALUES (?, ?, ?, ?)", [(run_id, *each) for each in change.unused]
        )


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def _some(runs: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(runs), MANY):
        yield runs[start : start + MANY]
