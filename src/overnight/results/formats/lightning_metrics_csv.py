"""`metrics.csv` of Lightning's CSVLogger, with the hyperparameters of `hparams.yaml` beside it.

Train and validation lie on rows of their own: blanks are absent and never filled. The file is
written anew when a metric appears that its header lacks, which the reading notices.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import hparams, sheets, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "lightning_metrics_csv"
_CONVENTION = Convention(format=FORMAT, delimiter=",")


def claims(path: Path, head: bytes) -> int:
    opening = sniffing.opening(head, _CONVENTION.delimiter)
    if opening is None or not {"epoch", "step"} <= set(opening.columns):
        return curves.NO
    is_named = path.name == "metrics.csv"
    if is_named and ("lightning" in str(path.parent) or path.parent.name.startswith("version_")):
        return curves.SURE
    return curves.LIKELY if is_named and len(opening.columns) > 2 else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    found = sheets.read(path, mark, _CONVENTION)
    settings = hparams.read(path.parent / "hparams.yaml")
    return replace(found, settings={"": settings}) if settings else found
