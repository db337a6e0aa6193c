"""DVCLive's `plots/metrics/NAME.tsv`: `step`, perhaps `timestamp`, and one metric.

The metric's name may hold slashes; then the file lies in folders, of which some name the split.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overnight.results import curves, headers, names, sheets, sniffing
from overnight.results.conventions import Convention
from overnight.results.curves import Found, Mark

FORMAT = "dvclive_tsv"
_CONVENTION = Convention(format=FORMAT, delimiter="\t")


def claims(path: Path, head: bytes) -> int:
    if path.suffix != ".tsv" or not head:
        return curves.NO
    opening = headers.opening(sniffing.text(head), path, _CONVENTION)
    if opening is None or opening.columns[0] != "step" or len(opening.columns) > 3:
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
    split = next(filter(None, map(names.split_of, _folders(path))), None)
    return sheets.read(path, mark, replace(_CONVENTION, split=lambda name: split))
