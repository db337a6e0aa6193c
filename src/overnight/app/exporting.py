"""Runs into the local form of another tracker: all of it in a folder beside, then renamed."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TextIO

from overnight.app import Overnight, evaluating, series
from overnight.core import errors, places
from overnight.results import summary
from overnight.results.export import outgoing, tensorboard
from overnight.results.export.outgoing import Outgoing
from overnight.results.runs import run_files, run_records

TENSORBOARD = "tensorboard"
LIBRARIES = ("wandb", "trackio", "mlflow")
TRACKERS = (TENSORBOARD, *LIBRARIES)
TAIL_LINES = 3


@dataclass(frozen=True, kw_only=True)
class Exported:
    """`then`: what is typed next to see it."""

    tracker: str
    folder: Path
    runs: tuple[tuple[str, int], ...]
    then: str

    def to_json(self) -> dict[str, Any]:
        return {
            "to": self.tracker,
            "folder": str(self.folder),
            "runs": {run: {"points": points} for run, points in self.runs},
            "then": self.then,
        }


def export(o: Overnight, runs: Sequence[str], tracker: str, out: Path | None) -> Exported:
    """Writes what was pulled of `runs`. Nothing is left where it fails or is interrupted."""
    folder = (out or Path(f"{tracker}-export")).absolute()
    if os.path.lexists(folder):
        raise errors.UsageError(
            f"{folder} is there already", hint="overnight export … --out ANOTHER_FOLDER"
        )
    python = python_with(tracker) if tracker in LIBRARIES else sys.executable
    leaving = [_outgoing(o, run) for run in dict.fromkeys(runs)]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise errors.UsageError(
            f"{folder.parent} cannot be written: {error.strerror}",
            hint="overnight export … --out FOLDER",
        ) from error
    try:
        for each in leaving:
            _write(o, each, tracker, python, beside, folder)
        beside.chmod(0o755)
        beside.rename(folder)
    except OSError as error:
        raise errors.UsageError(
            f"{folder} cannot be written: {error}", hint="overnight export … --out FOLDER"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Exported(
        tracker=tracker,
        folder=folder,
        runs=tuple((each.run, each.points) for each in leaving),
        then=_then(tracker, folder),
    )


def _then(tracker: str, folder: Path) -> str:
    return {
        TENSORBOARD: f"tensorboard --logdir {folder}",
        "wandb": f"wandb sync {folder / 'wandb' / 'offline-run-*'}",
        "trackio": f"TRACKIO_DIR={folder} trackio show",
        "mlflow": f"mlflow ui --backend-store-uri sqlite:///{folder / 'mlflow.db'}",
    }[tracker]


def _outgoing(o: Overnight, run: str) -> Outgoing:
    folder = places.results_folder(o.root, run)
    if not (folder / "spec.json").is_file():
        raise errors.UsageError(f"nothing of {run} is here", hint=f"overnight pull {run}")
    found = series.of_run(o, run)
    if not any(each.n for each in found):
        raise errors.UsageError(f"{run} has no series", hint=f"overnight results {run}")
    state, spec = evaluating.record(folder / "state.json"), evaluating.record(folder / "spec.json")
    known = run_records.columns(state, spec, run_files.whole(folder).settings)
    told = summary.summarise(folder, state, spec, None, summary.Read())
    provenance = {
        key: known[key] for key in ("command", "snapshot", "git_commit", "server", "sweep", "seed")
    }
    beside = {key: value for key, value in provenance.items() if value is not None}
    return Outgoing(
        project=o.project,
        run=run,
        state=told.state,
        config={**json.loads(known["settings"]), "overnight": beside},
        tags=outgoing.tags_of(told.state, told.repairs),
        notes=outgoing.notes_of(told.repairs, found),
        series=found,
        started_at=known["started_at"],
        ended_at=known["ended_at"],
    )


def _write(
    o: Overnight, run: Outgoing, tracker: str, python: str, folder: Path, later: Path
) -> None:
    def progress(done: int, total: int) -> None:
        o.talk.progress(f"{run.run} to {tracker}", done, total)

    if tracker == TENSORBOARD:
        below = folder / run.run
        below.mkdir()
        path = below / tensorboard.name_of(run)
        tensorboard.write(run, path, lambda done: progress(done, run.points))
    else:
        _hand_over(o, run, tracker, (python, folder, later), progress)


def _hand_over(
    o: Overnight,
    run: Outgoing,
    tracker: str,
    words: tuple[str, Path, Path],
    progress: Callable[[int, int], None],
) -> None:
    """To the program that writes with the tracker's own library: the Python, the folder, and the
    path that the folder will have.
    """
    python, folder, later = words
    program = resources.files("overnight.results.export") / f"to_{tracker}.py"
    with (
        resources.as_file(program) as path,
        tempfile.TemporaryFile("w+", encoding="utf-8") as given,
        tempfile.TemporaryFile("w+", errors="replace") as said,
    ):
        rows, again = _give(run, given)
        if tracker == "wandb" and again:
            o.talk.say(
                f"{run.run}: W&B keeps the last of several values at a step; {again} replace others"
            )
        process = subprocess.Popen(
            [python, str(path), str(folder), *([str(later)] if tracker == "mlflow" else [])],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            cwd=folder,
            env=environment(os.environ),
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip().isdigit():
                    progress(int(line), rows)
            process.wait()
        finally:
            process.kill()
            process.communicate()
        if process.returncode:
            said.seek(0)
            raise errors.UsageError(
                f"{tracker} could not write {run.run}: {_last(said.read())}",
                hint=f"{python} -m pip install --upgrade {tracker}",
            )


def _give(run: Outgoing, file: TextIO) -> tuple[int, int]:
    """Writes the header and the rows; how many rows, and how many values stand at a step at which
    a row before them has values too.
    """
    file.write(json.dumps(run.header(), default=str) + "\n")
    count, again, before = 0, 0, None
    for step, time, values in outgoing.rows(run.series):
        file.write(json.dumps([step, time if math.isfinite(time) else None, values]) + "\n")
        count += 1
        again += len(values) if step == before else 0
        before = step
    file.seek(0)
    return count, again


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " / ".join(lines[-TAIL_LINES:]) or "it said nothing"


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Without settings of trackers, which would lead the run elsewhere."""
    fronts = ("WANDB_", "TRACKIO_", "MLFLOW_")
    return {key: value for key, value in environ.items() if not key.startswith(fronts)}


def python_with(library: str) -> str:
    """The Python that runs us, or the one on the PATH, whichever has the library."""
    found = (sys.executable, shutil.which("python3"), shutil.which("python"))
    pythons = list(dict.fromkeys(each for each in found if each))
    for python in pythons:
        code = f"import importlib.util as u; raise SystemExit(u.find_spec({library!r}) is None)"
        # in another folder, where a file of the project cannot be taken for the library
        done = subprocess.run([python, "-c", code], capture_output=True, cwd="/")
        if done.returncode == 0:
            return python
    raise errors.UsageError(
        f"{library} is not installed for {' or '.join(pythons)}", hint=f"pip install {library}"
    )
