"""`overnight import`: a folder of old runs becomes runs that all verbs of phase 5 know.

The metric files and the files of hyperparameters are copied, so that the originals may go away;
checkpoints and whatever else lies there are not touched. Imported again, a folder gives the same
runs, with what is new. Nothing of it is ever sent to a server.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.app import Overnight, imported, old_files, publishing, series
from overnight.core import errors, places, spec
from overnight.results import run_roots, settings_files, several_runs
from overnight.results.curves import Curve, Found
from overnight.results.run_roots import Parts
from overnight.results.runs.run_files import record

MOST_LINES = 5
ORIGIN = "imported_from"


@dataclass(frozen=True, kw_only=True)
class Old:
    """An old run. `origin` tells it from others: its folder, and its name in a file of several.

    `files` are copied as they are, relative to `folder`; `curves` are its part of such a file.
    """

    origin: str
    folder: Path
    root: Parts
    label: str
    files: tuple[Path, ...]
    settings: Mapping[str, Any]
    curves: tuple[Curve, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ImportedRun:
    """`what`: new, updated or unchanged. `bytes`: of the files that were copied now. `note`: what
    its files hold beside the run that is shown.
    """

    run: str
    origin: str
    what: str
    files: int
    bytes: int
    settings: int
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        told = {"run": self.run, "from": self.origin, "what": self.what, "files": self.files}
        return {**told, "bytes": self.bytes, "settings": self.settings, "note": self.note or None}


@dataclass(frozen=True, kw_only=True)
class Imported:
    runs: tuple[ImportedRun, ...]
    skipped: tuple[old_files.Left, ...]
    dry_run: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "runs": [each.to_json() for each in self.runs],
            "skipped": [each.to_json() for each in self.skipped],
            "dry_run": self.dry_run,
        }


def bring(
    o: Overnight, folder: Path, *, name: str | None = None, dry: bool = False, split: bool = False
) -> Imported:
    """`split`: runs that lie one behind the other in a file become one each.

    Raises `errors.UsageError` where there is no folder, or nothing in it that a reader knows.
    """
    folder = checked(o, folder, name)
    with o.talk.busy(f"looking at {folder}"):
        seen = old_files.look(folder)
    olds = list(old_runs(folder, seen, split=split))
    if not olds:
        raise errors.UsageError(
            f"no file below {folder} holds metrics that a reader knows",
            hint=f"overnight inspect {folder}   says what is there and why it was not read",
        )
    names = named(o, folder, olds, name)
    runs = []
    for done, old in enumerate(olds):
        o.talk.progress(f"importing {names[old.origin]}", done, len(olds))
        runs.append(taken(o, old, names[old.origin], dry=dry))
    if not dry:
        series.ingest(o, [each.run for each in runs])
    return Imported(runs=tuple(runs), skipped=tuple(seen.skipped), dry_run=dry)


def checked(o: Overnight, folder: Path, name: str | None) -> Path:
    """The folder as an absolute path."""
    folder = Path(os.path.abspath(folder))
    if not folder.is_dir():
        raise errors.UsageError(f"{folder} is no folder", hint="overnight import FOLDER")
    ours = o.root / places.STATE_FOLDER
    if folder == ours or ours in folder.parents:
        raise errors.UsageError(
            f"{folder} holds runs that are here already",
            hint="overnight query 'select * from runs'",
        )
    if name is not None and not spec.NAME.match(name):
        raise errors.UsageError(
            f"{name!r} is no name of a run: letters, digits, - and _, at most 64",
            hint=f"overnight import {folder} --name old",
        )
    return folder


# -- the runs ------------------------------------------------------------------------------------


def old_runs(folder: Path, seen: old_files.Seen, *, split: bool = False) -> Iterator[Old]:
    """The runs in the order of their folders; of a file with several runs each for itself."""
    for root, files in run_roots.roots(seen.found, seen.settings).items():
        one = [file for file in files if len(_runs_in(seen.found[file])) < 2]
        starts = {file: several_runs.starts(seen.found[file].curves) for file in one}
        beside = [file for file in seen.settings if file[: len(root)] == root]
        settings = _settings(folder, beside, root)
        whole = [file for file in one if not (split and starts[file])]
        if whole:
            told = [t for file in whole for t in seen.found[file].settings.values()]
            told.append(settings)
            yield Old(
                origin=str(folder.joinpath(*root)),
                folder=folder,
                root=root,
                label="",
                files=tuple(Path(*each) for each in [*whole, *_near(beside, root)]),
                settings={key: value for each in told for key, value in each.items()},
                note=_note({"/".join(file): starts[file] for file in whole if starts[file]}),
            )
        for file in files:
            if file not in one:
                yield from _shared(folder, root, file, seen.found[file])
            elif file not in whole:
                yield from _apart(folder, root, file, seen.found[file], settings)


def _note(starts: Mapping[str, Sequence[int]]) -> str:
    """What is not shown of files in which several runs may lie."""
    told = (
        f"{path} begins anew at line {', '.join(map(str, lines[:MOST_LINES]))}"
        + (f" and {len(lines) - MOST_LINES} times more" if len(lines) > MOST_LINES else "")
        for path, lines in starts.items()
    )
    if not starts:
        return ""
    return f"{'; '.join(told)}: as of one run the last part counts; --split makes a run of each"


def _runs_in(found: Found) -> list[str]:
    return list(dict.fromkeys(each.run for each in found.curves if each.value.size))


def _shared(folder: Path, root: Parts, file: Parts, found: Found) -> Iterator[Old]:
    """The runs of a file that holds several, such as a database."""
    for run in _runs_in(found):
        yield Old(
            origin=f"{folder.joinpath(*file)}#{run}",
            folder=folder,
            root=root,
            label=run,
            files=(),
            settings=found.settings.get(run, {}),
            curves=tuple(each for each in found.curves if each.run == run),
        )


def _apart(
    folder: Path, root: Parts, file: Parts, found: Found, settings: Mapping[str, Any]
) -> Iterator[Old]:
    """The runs of a file in which they lie one behind the other, by their numbers from 1."""
    for number, curves in enumerate(several_runs.parts(found.curves), 1):
        told = {key: value for each in found.settings.values() for key, value in each.items()}
        yield Old(
            origin=f"{folder.joinpath(*file)}#{number}",
            folder=folder,
            root=root,
            label=str(number),
            files=(),
            settings={**told, **settings},
            curves=curves,
        )


def _near(settings: Iterable[Parts], root: Parts) -> list[Parts]:
    """Files of hyperparameters of this run, and not of those deep below it."""
    return [each for each in settings if len(each) - len(root) <= 3]


def _settings(folder: Path, files: Sequence[Parts], root: Parts) -> dict[str, Any]:
    paths = sorted(
        (folder.joinpath(*each) for each in _near(files, root)), key=settings_files.order
    )
    return {key: value for path in paths for key, value in settings_files.read(path).items()}


# -- names ----------------------------------------------------------------------------------------


def named(o: Overnight, folder: Path, olds: Sequence[Old], name: str | None) -> dict[str, str]:
    """What each is called, by its origin: as before, or a name that nobody has."""
    before = {origin: run for run, origin in origins(o).items()}
    taken = imported.names_here(o) | o.mirror.run_names()
    found: dict[str, str] = {}
    for old in olds:
        if old.origin in before:
            found[old.origin] = before[old.origin]
            continue
        root = (*old.root, old.label) if old.label else old.root
        if root == (old.label,) and old.label.isdecimal() and name is None:
            root = (folder.name, old.label)
        if name is not None and len(olds) == 1:
            wanted = name
        else:
            wanted = run_roots.name(root, folder.name, prefix=name)
        found[old.origin] = run_roots.distinct(wanted, taken)
        taken.add(found[old.origin])
    return found


def origins(o: Overnight) -> dict[str, str]:
    """Where each imported run came from."""
    found = {}
    for run in series.known_runs(o):
        told = record(places.results_folder(o.root, run) / "spec.json").get("provenance")
        if isinstance(told, dict) and isinstance(told.get(ORIGIN), str):
            found[run] = told[ORIGIN]
    return found


# -- taking it ------------------------------------------------------------------------------------


def taken(o: Overnight, old: Old, run: str, *, dry: bool) -> ImportedRun:
    """Copies what is new. The records come last, so that what was cut short is done again."""
    place = places.results_folder(o.root, run)
    is_new = not (place / "state.json").exists()
    copies = {place / "work" / _inside(old, file): old.folder / file for file in old.files}
    stale = {to: source for to, source in copies.items() if not _is_same(source, to)}
    size = sum(source.stat().st_size for source in stale.values())
    rows = extract(old.curves)
    changes = bool(stale) or (bool(rows) and _text(place / "work/metrics.jsonl") != rows)
    told = specification(o, old, run)
    before = record(place / "spec.json")
    changes = changes or {**told, "provenance": None} != {**before, "provenance": None}
    what = "new" if is_new else "updated" if changes else "unchanged"
    if not dry and what != "unchanged":
        for to, source in stale.items():
            _copy(source, to)
        if rows:
            _write(place / "work/metrics.jsonl", rows)
        _write(place / "spec.json", json.dumps(told, indent=2, default=str))
        state = {"run": run, "state": imported.STATE, "attempts": [], "repairs": []}
        _write(place / "state.json", json.dumps(state))
    return ImportedRun(
        run=run,
        origin=old.origin,
        what=what,
        files=len(old.files) or 1,
        bytes=size + (len(rows) if changes else 0),
        settings=len(old.settings),
        note=old.note,
    )


def _inside(old: Old, file: Path) -> Path:
    """Where a file lies in the run's folder; one from above the run lies at its top."""
    return Path(*file.parts[len(old.root) :])


def specification(o: Overnight, old: Old, run: str) -> dict[str, Any]:
    files = [str(old.folder / file) for file in old.files] or [old.origin.rpartition("#")[0]]
    provenance = {ORIGIN: old.origin, "files_imported": files, "created_at": _since(old)}
    settings = json.loads(json.dumps(dict(old.settings), default=str))
    return {
        "run": run,
        "project": o.project,
        "variants": [],
        "env": {},
        "settings": settings,
        "provenance": {**provenance, "imported_at": time.time()},
    }


def _since(old: Old) -> float | None:
    """When the run was made, as far as its files tell: the earliest change of one."""
    times = [(old.folder / file).stat().st_mtime for file in old.files]
    return min(times, default=None)


def extract(curves: Sequence[Curve]) -> str:
    """One run of a shared file as `metrics.jsonl`, in the order in which it was written."""
    rows: list[tuple[int, dict[str, Any]]] = []
    for each in curves:
        columns = zip(
            each.line.tolist(), each.step.tolist(), each.epoch.tolist(), each.time.tolist(),
            each.value.tolist(), strict=True,
        )  # fmt: skip
        for line, step, epoch, at, value in columns:
            row = {"step": step, "epoch": epoch, "time": at}
            told = {key: number for key, number in row.items() if number == number}
            if each.split:
                told["split"] = each.split
            rows.append((line, {**told, each.name: value}))
    rows.sort(key=lambda row: row[0])
    return "".join(f"{json.dumps(row)}\n" for _, row in rows)


def _is_same(source: Path, copy: Path) -> bool:
    try:
        one, other = source.stat(), copy.stat()
    except OSError:
        return False
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def _copy(source: Path, to: Path) -> None:
    """With its time; under its name only when it is whole."""
    to.parent.mkdir(parents=True, exist_ok=True)
    temporary = to.with_name(f".{to.name}.{os.getpid()}.tmp")
    try:
        shutil.copyfile(source, temporary, follow_symlinks=False)
        shutil.copystat(source, temporary)
        os.replace(temporary, to)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise errors.UsageError(
            f"{source} cannot be copied: {error.strerror}",
            hint="mend that, and type the same again: it goes on",
        ) from error


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    publishing.publish(path, content, durable=False)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
