"""DVCLive's `metrics.json`: the last value of each metric, in nested objects, and the step."""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import documents, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "dvclive_metrics"
_CONVENTION = Convention(format=FORMAT)


def claims(path: Path, head: bytes) -> int:
    is_there = path.name == "metrics.json" and (
        path.parent.name == "dvclive" or (path.parent / "plots" / "metrics").is_dir()
    )
    return curves.LIKELY if is_there and sniffing.is_document(head) else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    document = documents.opened(path)
    documents.take_values(document, _CONVENTION)
    return documents.found(document, _CONVENTION)
