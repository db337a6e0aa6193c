"""`results.tsv` of an automatic search: a row for each experiment, `status` keep, discard or crash.

A crashed experiment has zeros for its results; they are none.
"""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import sheets, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "autoresearch_tsv"
_CONVENTION = Convention(
    format=FORMAT,
    passed={"description": "text"},
    dead_rows={"status": frozenset(("crash", "crashed", "failed", "error", "timeout"))},
)


def claims(path: Path, head: bytes) -> int:
    opening = sniffing.opening(head, _CONVENTION.delimiter)
    if opening is None or "status" not in opening.columns:
        return curves.NO
    is_ours = "commit" in opening.columns and path.suffix in (".tsv", ".csv")
    return curves.SURE if is_ours else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return sheets.read(path, mark, _CONVENTION)
