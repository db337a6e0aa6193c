"""From a run's folder to the store: what has changed is read, joined and written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from overnight.core import places
from overnight.results import curves, thinning
from overnight.results.curves import Curve, Found
from overnight.results.runs import measures, packing, renewing, run_files, run_records
from overnight.results.runs.run_files import Stat
from overnight.results.runs.sources import Read
from overnight.results.series import Series
from overnight.store.series import SeriesStore
from overnight.store.series_rows import (
    Change,
    Chunk,
    CurveRow,
    FileRow,
    KnownFile,
    KnownRun,
    SeriesRow,
    StoredSeries,
)

BATCH_BYTES = 16 << 20
BATCH_RUNS = 64
MOST_CHUNKS = 32  # a curve in more pieces is written anew as one
RECORDS = ("state.json", "spec.json")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What has to be read of a run. `files` are all that it has, `gone` those that it had."""

    run: str
    folder: Path
    known: KnownRun | None
    records: str
    files: Mapping[str, Stat]
    fresh: tuple[str, ...]
    gone: tuple[int, ...]

    @property
    def is_needed(self) -> bool:
        if self.known is None:
            return bool(self.files) or self.folder.is_dir()
        return bool(self.fresh or self.gone) or self.records != self.known.records

    @property
    def size(self) -> int:
        """Bytes to read."""
        before = self.known.files if self.known else {}
        return sum(
            max(0, self.files[path].size - (before[path].size if path in before else 0))
            for path in self.fresh
        )


def plan(root: Path, run: str, known: KnownRun | None) -> Plan:
    """One stat for each file; nothing is opened."""
    folder = places.results_folder(root, run)
    files = run_files.listing(folder)
    before = known.files if known else {}
    fresh = (
        path
        for path, stat in files.items()
        if path not in before or not renewing.is_same(before[path], stat)
    )
    return Plan(
        run=run,
        folder=folder,
        known=known,
        records=" ".join(_size_and_time(folder / name) for name in RECORDS),
        files=files,
        fresh=tuple(fresh),
        gone=tuple(file.id for path, file in before.items() if path not in files),
    )


def _size_and_time(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return "-"
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def refresh(
    store: SeriesStore, root: Path, runs: Sequence[str], told: Callable[[Plan], None] | None = None
) -> None:
    """Brings the store up to date with the folders of these runs. `told` is called after each."""
    carry_out(store, needed(store, root, runs), root, told)


def needed(store: SeriesStore, root: Path, runs: Sequence[str]) -> list[Plan]:
    """What is to be read; runs whose folder is gone are forgotten."""
    known = store.known(runs)
    plans = [plan(root, run, known.get(run)) for run in runs]
    gone = [each.run for each in plans if each.known and not each.folder.is_dir()]
    if gone:
        store.forget(gone)
    return [each for each in plans if each.is_needed and each.run not in gone]


def carry_out(
    store: SeriesStore,
    plans: Sequence[Plan],
    root: Path,
    told: Callable[[Plan], None] | None = None,
) -> None:
    """Some runs in each transaction. What another process has changed meanwhile is done again."""
    late: list[str] = []
    for batch in _batches(store, plans, told):
        late += store.put(batch)
    if late:
        carry_out(store, needed(store, root, late), root)


def _batches(
    store: SeriesStore, plans: Sequence[Plan], told: Callable[[Plan], None] | None
) -> Iterator[list[Change]]:
    batch: list[Change] = []
    for each in plans:
        batch.append(change(store, each))
        if told:
            told(each)
        if len(batch) >= BATCH_RUNS or sum(c.size for c in batch) >= BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


# -- one run --------------------------------------------------------------------------------------


def change(store: SeriesStore, plan: Plan) -> Change:
    """Reads what is new of a run and joins it with what is known."""
    state = run_files.record(plan.folder / "state.json")
    spec = run_files.record(plan.folder / "spec.json")
    started = run_files.starts(state)
    reads: list[Read] = []
    files: list[FileRow] = []
    for path, stat in plan.files.items():
        known = plan.known.files.get(path) if plan.known else None
        if path in plan.fresh:
            file, found = _renewed(store, plan.folder, path, known, stat)
            files.append(file)
        else:
            found = _stored(store, known) if known and known.format else None
        if found is not None:
            reads.append(run_files.placed(path, stat.mtime_ns, found, started))
    whole = run_files.of(reads, started)
    repeat = measures.repeated(whole.joined.series)
    return Change(
        run=plan.run,
        version=plan.known.version if plan.known else None,
        columns={
            **run_records.columns(state, spec, whole.settings),
            "records": plan.records,
            "repeated": json.dumps(repeat.to_json()) if repeat else None,
        },
        attempts=run_records.attempts(state),
        repairs=run_records.repairs(state),
        files=files,
        gone=plan.gone,
        series=[
            _row(series, parts)
            for series, parts in zip(whole.joined.series, whole.joined.parts, strict=True)
        ],
        unused=[(each.name, each.path, each.used) for each in whole.joined.unused],
    )


def _renewed(
    store: SeriesStore, folder: Path, path: str, known: KnownFile | None, stat: Stat
) -> tuple[FileRow, Found | None]:
    """The row of a file that is new or has changed, and the whole of what it holds."""
    try:
        new = renewing.read(folder / path, known, stat)
    except OSError as error:  # it went away, or may not be read: said, and tried again next time
        gone = curves.Skipped(line=None, what="", why=error.strerror or str(error))
        new = renewing.Reading(
            found=Found(format="unreadable", curves=(), skipped=(gone,)), goes_on=False, seal=""
        )
        stat = Stat(-1, 0)
    row = FileRow(
        path=path,
        id=None,
        size=stat.size,
        mtime_ns=stat.mtime_ns,
        format=new.found.format if new.found else None,
        told=renewing.told(new.found) if new.found else "{}",
        seal=new.seal,
    )
    if new.found is None:
        return row, None
    if new.goes_on and known is not None:
        return _grown(store, row, known, new.found)
    return replace(row, curves=_rows(new.found.curves)), new.found


def _grown(store: SeriesStore, row: FileRow, known: KnownFile, new: Found) -> tuple[FileRow, Found]:
    kept = store.curves_of(known.id)
    whole = renewing.grown(_found(known, kept), new)
    row = replace(row, told=renewing.told(whole.found))
    if any(len(chunks) >= MOST_CHUNKS for _, chunks in kept):
        return replace(row, curves=_rows(whole.found.curves)), whole.found
    rows = []
    for place, curve in zip(whole.places, new.curves, strict=True):
        made = _rows([curve])[0]
        rows.append(made._replace(id=kept[place][0].id) if place < len(kept) else made)
    return replace(row, id=known.id, curves=tuple(rows)), whole.found


def _rows(listed: Sequence[Curve]) -> tuple[CurveRow, ...]:
    return tuple(
        CurveRow(
            id=None,
            name=each.name,
            split=each.split,
            run=each.run,
            goal=each.goal,
            chunk=Chunk(each.value.size, packing.of_curve(each)) if each.value.size else None,
        )
        for each in listed
    )


def _stored(store: SeriesStore, known: KnownFile) -> Found:
    return _found(known, store.curves_of(known.id))


def _found(known: KnownFile, kept: Sequence[tuple[CurveRow, tuple[Chunk, ...]]]) -> Found:
    listed = []
    for row, chunks in kept:
        value, step, epoch, time, line = packing.columns_of(chunks)
        listed.append(
            Curve(
                name=row.name,
                value=value,
                step=step,
                epoch=epoch,
                time=time,
                line=line.astype(np.int64),
                split=row.split,
                run=row.run,
                goal=row.goal,
            )
        )
    return renewing.found_of(known.format or "", known.told, listed)


def _row(series: Series, parts: tuple[tuple[str, int], ...]) -> SeriesRow:
    kept = series.kept
    thin = thinning.thinned(series.x[kept], series.value[kept])
    return SeriesRow(
        values=measures.flat(measures.measure(series)),
        parts=parts,
        marks=packing.pack((series.is_repeated, series.attempt)),
        thumbnail=packing.of_thin(thin),
    )


def series_of(stored: StoredSeries) -> Series:
    """The series as it was joined, from its curves."""
    values = stored.values
    parts = [packing.columns_of(chunks) for _, chunks in stored.curves]
    sizes = [part[0].size for part in parts]
    value, step, epoch, time, line = parts[0] if len(parts) == 1 else _joined(parts)
    repeated, attempt = packing.unpack(stored.marks, 2, value.size)
    files = tuple(dict.fromkeys(path for path, _ in stored.curves))
    where = np.array([files.index(path) for path, _ in stored.curves], dtype=np.int16)
    return Series(
        name=values["name"],
        written=values["written"],
        split=values["split"],
        goal=values["goal"],
        value=value,
        step=step,
        epoch=epoch,
        time=time,
        line=line.astype(np.int64),
        file=np.repeat(where, sizes),
        files=files,
        attempt=attempt.astype(np.int16),
        is_repeated=repeated.astype(bool),
    )


def _joined(parts: Sequence[Sequence[Any]]) -> list[Any]:
    return [np.concatenate(each) for each in zip(*parts, strict=True)]
