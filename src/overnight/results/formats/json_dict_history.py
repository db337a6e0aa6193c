"""A JSON object of lists, one for each metric: the `history` of a Keras model, and many others.

A data frame makes objects of the lists: `{"loss": {"0": 2.5, "1": 2.0}}`.
"""

from __future__ import annotations

import re
from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import documents, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "json_dict_history"
_CONVENTION = Convention(format=FORMAT)
_LIST = re.compile(
    r'"([^"\\]{1,80})"\s*:\s*(?:\[|\{\s*"\d+"\s*:)\s*"?(?:-?[0-9]|NaN|-?Infinity|null)'
)


def claims(path: Path, head: bytes) -> int:
    if not sniffing.is_document(head):
        return curves.NO
    text = sniffing.text(head).lstrip()
    has_lists = text.startswith("{") and sniffing.has_metric(_LIST.findall(text))
    return curves.LIKELY if has_lists else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return documents.read(path, _CONVENTION)
