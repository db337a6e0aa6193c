"""Which reader a file belongs to, and reading it. The list of formats is `FORMATS`."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

from overnight.core import errors
from overnight.results import curves
from overnight.results.curves import Found, Mark, Reader

# Modules of `results/formats`; of those that are equally sure, the first one reads.
FORMATS: tuple[str, ...] = (
    "tfevents",
    "wandb",
    "trackio",
    "mlflow",
    "hf_trainer_state",
    "hf_results",
    "hf_trainer_log_jsonl",
    "detectron2_metrics_json",
    "mmengine_jsonl",
    "sb_progress",
    "sb_monitor_csv",
    "lightning_metrics_csv",
    "ultralytics_results_csv",
    "yolov5_results_txt",
    "flair_loss_tsv",
    "dvclive_tsv",
    "dvclive_metrics",
    "autoresearch_tsv",
    "chainer_log",
    "json_dict_history",
    "keras_csvlogger",
    "metrics_jsonl",
    "json_table",
    "csv_table",
    "printed",  # last: any text may be a log
)
PLUGINS = "overnight.readers"
NOT_SEARCHED = frozenset((".git", ".overnight", "__pycache__", "node_modules", ".venv"))


@cache
def readers() -> tuple[Reader, ...]:
    """Ours first, then those of other packages; a plugin that cannot be loaded is an error."""
    ours = [importlib.import_module(f"overnight.results.formats.{name}") for name in FORMATS]
    return (*ours, *(_loaded(each) for each in metadata.entry_points(group=PLUGINS)))


def _loaded(point: metadata.EntryPoint) -> Reader:
    try:
        plugin: Reader = point.load()
    except Exception as error:  # another package's code may raise anything
        raise errors.UsageError(
            f"the reader {point.name!r} of {point.value} cannot be loaded: {error!r}",
            hint="mend or uninstall the package that brings it",
        ) from error
    return plugin


def reader_of(path: Path) -> Reader | None:
    """The surest reader; None where nobody knows the file. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(curves.HEAD_BYTES)
    best, found = curves.NO, None
    for reader in readers():
        sure = reader.claims(path, head)
        if sure > best:
            best, found = sure, reader
            if sure >= curves.SURE:
                break
    return found


def named(format_: str) -> Reader | None:
    """The reader of a format by its name."""
    return next((reader for reader in readers() if format_ == reader.FORMAT), None)


def read(path: Path, mark: Mark | None = None) -> Found | None:
    """What the file holds; None where no reader knows it."""
    reader = reader_of(path)
    return reader.read(path, mark) if reader else None


def files(folder: Path) -> Iterator[Path]:
    """All regular files below, sorted, without links and without version control and caches."""
    for parent, folders, here in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in NOT_SEARCHED)
        for name in sorted(here):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path
