"""Numbers as people and programs write them into tables. Pure.

What could mean two things is no number: `1,234` is a thousand in one country and one in another.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

import numpy as np
import orjson

from overnight.results.curves import Floats

NONFINITE = frozenset(sign + word for sign in ("", "+", "-") for word in ("nan", "inf", "infinity"))
# What writers put where there is no value. `nan` is not among them: it is a value.
ABSENT = frozenset(("", "na", "n/a", "#n/a", "<na>", "none", "null", "nil", "-", "--", "none."))
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_TENSOR = re.compile(r"tensor\(\s*([^\s,()]+)\s*(?:,[^()]*)?\)", re.ASCII)
_COUNTED = re.compile(r"(?:[A-Za-z]+[ _:#-]*)?(\d+)(?: ?/ ?\d+| of \d+)?", re.ASCII)
_COMMAS = re.compile(r"[+-]?\d[\d.]*,[\d.,]*%?", re.ASCII)
# Between these two lie the Unix seconds that a training of our time can have.
_EARLIEST, _LATEST = 3e8, 1e10
_SCALES = (1.0, 1e3, 1e6, 1e9)


def listed(text: bytes) -> Floats | None:
    """Numbers as JSON writes them, commas between; None where something else is among them, which
    may be a number in another spelling.
    """
    try:
        return np.array(orjson.loads(b"[%b]" % text), dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        return None


def number(text: str) -> float | None:
    """The number that `text` is: also `NaN`, `-inf`, `93.7%` (93.7), `tensor(0.5)`."""
    text = text.strip()
    if _PLAIN.fullmatch(text) or text.lower() in NONFINITE:
        return float(text)
    if text.endswith("%") and _PLAIN.fullmatch(text[:-1].rstrip()):
        return float(text[:-1])
    tensor = _TENSOR.fullmatch(text)
    return number(tensor[1]) if tensor else None


def counted(text: str) -> float | None:
    """A number, also as people count: `3/100`, `Epoch 3`."""
    found = _COUNTED.fullmatch(text.strip())
    return float(found[1]) if found else number(text)


def is_absent(text: str) -> bool:
    return text.strip().lower() in ABSENT


def why_not(text: str) -> str:
    """Why a cell that is not absent was not read as a number."""
    if _COMMAS.fullmatch(text.strip()):
        return "a comma that may part thousands or decimals"
    if text.lstrip().startswith("["):
        return "a list"
    return "text"


def unix(value: float) -> float:
    """`value` in Unix seconds where it can be a moment in (milli)seconds since 1970; else NaN."""
    for scale in _SCALES:
        if _EARLIEST < value / scale < _LATEST:
            return value / scale
    return math.nan


def all_unix(column: Floats) -> Floats:
    """`unix` of each; shape (n,)."""
    found = np.full(column.size, np.nan)
    for scale in _SCALES:
        scaled = column / scale
        is_it = np.isnan(found) & (scaled > _EARLIEST) & (scaled < _LATEST)
        found[is_it] = scaled[is_it]
    return found


def moment(text: str) -> float:
    """Unix seconds of a date and time as ISO 8601 has it; NaN for anything else.

    A time without a zone is taken as UTC: which zone the writer lived in, the file does not tell.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return math.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
