"""A JSON object of lists, one for each metric: the `history` of a Keras model, and many others."""

from __future__ import annotations

import re
from pathlib import Path

from overnight.results import curves, documents, sniffing
from overnight.results.conventions import Convention
from overnight.results.curves import Found, Mark

FORMAT = "json_dict_history"
_CONVENTION = Convention(format=FORMAT)
_LIST = re.compile(r'"([^"\\]{1,80})"\s*:\s*\[\s*(?:-?[0-9]|NaN|-?Infinity|null)')


def claims(path: Path, head: bytes) -> int:
    text = sniffing.text(head)
    if "[" not in text or not text.lstrip().startswith("{"):
        return curves.NO
    names = _LIST.findall(text)
    if not sniffing.has_metric(names):
        return curves.NO
    return curves.LIKELY


def read(path: Path, mark: Mark | None = None) -> Found:
    return documents.read(path, _CONVENTION)
