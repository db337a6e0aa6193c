"""The file of Keras's CSVLogger: `epoch` from 0, then the sorted names; a missing value is `NA`.

In append mode it may hold several trainings, each with a header or without one.
"""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import sheets, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "keras_csvlogger"
_CONVENTION = Convention(format=FORMAT)


def claims(path: Path, head: bytes) -> int:
    opening = sniffing.opening(head, _CONVENTION.delimiter)
    if opening is None or opening.columns[0] != "epoch" or len(opening.columns) < 2:
        return curves.NO
    names = list(opening.columns[1:])
    if names != sorted(names) or "step" in names or any("/" in name for name in names):
        return curves.NO
    return curves.LIKELY if "loss" in names else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return sheets.read(path, mark, _CONVENTION)
