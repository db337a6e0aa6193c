"""JSON lines: `{"step": 1, "epoch": 0, "split": "train", "loss": 2.3}`, ours and others."""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import rows, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "metrics_jsonl"
_CONVENTION = Convention(format=FORMAT)


def claims(path: Path, head: bytes) -> int:
    if path.name == "metrics.jsonl" and (not head or head.lstrip()[:1] == b"{"):
        return curves.SURE
    if not head and path.suffix in (".jsonl", ".ndjson"):
        return curves.PERHAPS
    return curves.LIKELY if sniffing.rows_of_metrics(head) else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return rows.read_lines(path, mark, _CONVENTION)
