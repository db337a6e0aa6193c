"""What the first bytes of a file tell about it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from overnight.results import names
from overnight.results.parsing import columns, headers, json_lines, line_blocks, numbers
from overnight.results.parsing.conventions import Convention

_KEY = re.compile(r'"([^"\\]{1,80})"\s*:\s*(?:\[\s*)?(?:-?[0-9]|NaN|-?Infinity)')


@lru_cache(maxsize=8)
def text(head: bytes) -> str:
    """Decoded, without the mark of its encoding."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace")
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        is_cut = error.start >= len(head) - 3  # the head ends within a character
        told = head[: error.start].decode("utf-8-sig") if is_cut else line_blocks.text(head)
        return told.removeprefix("\xef\xbb\xbf")


@lru_cache(maxsize=32)
def opening(head: bytes, delimiter: str | None = None) -> headers.Opening | None:
    """How a table of text begins; None for what is none."""
    if head[:1] in (b"{", b"[", b""):
        return None
    return headers.opening(text(head), Path("x"), Convention(format="x", delimiter=delimiter))


@lru_cache(maxsize=8)
def first_row(head: bytes) -> dict[str, Any]:
    """The first JSON line, nested names joined; empty where there is none that is whole."""
    for line in text(head).split("\n", 5)[:5]:
        if line.lstrip().startswith("{"):
            return dict(json_lines.flat(json_lines.row(line) or {}))
    return {}


def rows_of_metrics(head: bytes) -> bool:
    """JSON lines of which one among the first has a number that is a metric's, or an axis."""
    lines = [line for line in text(head).splitlines()[:20] if line.strip()]
    found = [row for row in map(json_lines.row, lines) if row is not None]
    if len(lines) == 1 and is_rows(head):
        return False  # a whole document on one line
    if not found or len(found) * 2 < len(lines) - 1:
        return False
    return any(_is_of_metrics(dict(json_lines.flat(row))) for row in found)


def _is_of_metrics(row: dict[str, Any]) -> bool:
    plan = columns.plan(tuple(row))
    values = list(row.values())
    counted = [name for place, name in plan.metrics if _is_number(name, values[place])]
    has_axis = plan.step is not None or plan.epoch is not None
    return bool(counted) and (has_axis or has_metric(counted))


def _is_number(name: str, value: object) -> bool:
    is_text = isinstance(value, str) and names.goal(name) is not None
    return isinstance(value, float) or (is_text and numbers.number(str(value)) is not None)


def has_metric(found: Iterable[str]) -> bool:
    return any(names.goal(name) is not None for name in found)


def metrics_of_document(head: bytes) -> list[str]:
    """Names of a JSON document that have numbers, as far as the head goes."""
    return [name for name in _KEY.findall(text(head)) if columns.no_metric(name) is None]


@lru_cache(maxsize=8)
def is_document(head: bytes) -> bool:
    """A JSON document, and not lines of JSON."""
    bare = text(head).lstrip()
    return bare[:1] in ("{", "[") and not _has_several_rows(bare)


def _has_several_rows(bare: str) -> bool:
    lines = [line for line in bare.split("\n", 2)[:2] if line.strip()]
    return len(lines) > 1 and json_lines.row(lines[0]) is not None


_ROWS = re.compile(
    r'^\s*\[\s*\{|"\s*:\s*\[\s*\{|"(?:epoch|step|iter|iteration)?[ _-]*\d+"\s*:\s*\{'
)


def is_rows(head: bytes) -> bool:
    """A list of objects, or objects by epoch."""
    return _ROWS.search(text(head)) is not None
