"""Other JSON documents of metrics: a list of rows, or rows by epoch in an object.

A file that is named after results may also be one row of final values.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import documents, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "json_table"
_CONVENTION = Convention(format=FORMAT)
_RESULTS = re.compile(
    r"(^|[_.-])(metrics?|results?|scores?|history|evaluation|eval|summary)([_.-]|$)"
)


def claims(path: Path, head: bytes) -> int:
    if not head:
        return curves.PERHAPS if path.suffix == ".json" else curves.NO
    if not sniffing.is_document(head):
        return curves.NO
    names = sniffing.metrics_of_document(head)
    if sniffing.is_rows(head) and (sniffing.has_metric(names)):
        return curves.LIKELY
    is_named = path.suffix == ".json" and _RESULTS.search(path.stem.lower())
    return curves.PERHAPS if is_named and sniffing.has_metric(names) else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    found = documents.read(path, _CONVENTION)
    if found.curves or not _RESULTS.search(path.stem.lower()):
        return found
    document = documents.opened(path)
    documents.take_values(document, _CONVENTION)
    return replace(documents.found(document, _CONVENTION), settings=found.settings)
