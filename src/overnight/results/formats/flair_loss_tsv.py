"""`loss.tsv` of Flair: `EPOCH`, `TIMESTAMP` (a time of day without a date), then the metrics."""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import sheets, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "flair_loss_tsv"
_CONVENTION = Convention(format=FORMAT, delimiter="\t", absent=frozenset(("_",)))


def claims(path: Path, head: bytes) -> int:
    opening = sniffing.opening(head, _CONVENTION.delimiter)
    is_ours = opening is not None and {"EPOCH", "TIMESTAMP", "TRAIN_LOSS"} <= set(opening.columns)
    return curves.SURE if is_ours else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return sheets.read(path, mark, _CONVENTION)
