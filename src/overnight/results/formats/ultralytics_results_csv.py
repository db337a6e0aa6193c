"""`results.csv` of ultralytics and YOLOv5: padded cells; what is below `metrics/` was validated.

`time` is the seconds since the start, no time of day.
"""

from __future__ import annotations

from pathlib import Path

from overnight.core.spellings import VAL
from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import sheets, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "ultralytics_results_csv"


def _split(name: str) -> str | None:
    return VAL if name.startswith("metrics/") else None


_CONVENTION = Convention(format=FORMAT, split=_split)


def claims(path: Path, head: bytes) -> int:
    opening = sniffing.opening(head, _CONVENTION.delimiter)
    if opening is None or "epoch" not in opening.columns:
        return curves.NO
    beginnings = {name.split("/")[0] for name in opening.columns if "/" in name}
    is_ours = "metrics" in beginnings and bool(beginnings & {"train", "val", "lr", "x"})
    return curves.SURE if is_ours else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return sheets.read(path, mark, _CONVENTION)
