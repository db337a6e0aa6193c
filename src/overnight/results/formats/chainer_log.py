"""`log` of Chainer's LogReport: a JSON list of rows with `epoch`, `iteration`, `elapsed_time`."""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import documents
from overnight.results.parsing.conventions import Convention

FORMAT = "chainer_log"
_CONVENTION = Convention(format=FORMAT)


def claims(path: Path, head: bytes) -> int:
    is_list = head.lstrip()[:1] == b"["
    has_axes = b'"elapsed_time"' in head and (b'"iteration"' in head or b'"epoch"' in head)
    return curves.SURE if is_list and has_axes else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return documents.read(path, _CONVENTION)
