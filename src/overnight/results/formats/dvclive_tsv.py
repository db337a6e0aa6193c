"""DVCLive's `plots/metrics/NAME.tsv`: `step`, one metric, and in older ones a `timestamp`.

The metric's name may hold slashes; then the file lies in folders, of which some name the split.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overnight.results import curves, names
from overnight.results.curves import Found, Mark
from overnight.results.parsing import sheets, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "dvclive_tsv"
_CONVENTION = Convention(format=FORMAT, delimiter="\t")


def claims(path: Path, head: bytes) -> int:
    if path.suffix != ".tsv" or not head:
        return curves.NO
    opening = sniffing.opening(head, _CONVENTION.delimiter)
    if opening is None or "step" not in opening.columns or len(opening.columns) > 3:
        return curves.NO
    is_named = opening.columns[-1].split("/")[-1] == path.stem
    return curves.SURE if is_named else curves.NO


def _folders(path: Path) -> tuple[str, ...]:
    """The part of the metric's name that lies in folders."""
    parts = path.parts[:-1]
    if "metrics" not in parts:
        return ()
    last = len(parts) - 1 - parts[::-1].index("metrics")
    return parts[last + 1 :]


def read(path: Path, mark: Mark | None = None) -> Found:
    folders = _folders(path)
    split = next(filter(None, map(names.split_of, folders)), None)
    before = "" if _is_only_one(path, folders) else "/".join(folders) + "/"
    convention = replace(
        _CONVENTION, split=lambda name: split, rename=lambda name: f"{before}{name}"
    )
    return sheets.read(path, mark, convention)


def _is_only_one(path: Path, folders: tuple[str, ...]) -> bool:
    """Whether no other metric has the same last name, so that it tells them apart."""
    if len(folders) < 2:
        return True
    top = path.parents[len(folders) - 1]
    same = (each for each in top.rglob(path.name) if each != path)
    return next(same, None) is None
