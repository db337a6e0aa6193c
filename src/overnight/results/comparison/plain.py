"""What means the same, as the same text: values however they are written, and code. Pure."""

from __future__ import annotations

import functools
import json
from typing import Any

from overnight.results.comparison.arms import Outcome

ABSENT = object()


def code_of(outcome: Outcome) -> str:
    """Equal for runs of equal code; empty where nothing is known of it."""
    known = outcome.provenance
    commit = known.get("commit")
    dirty = " and changes" if known.get("dirty") else ""
    return str(known.get("code") or known.get("snapshot") or (f"{commit}{dirty}" if commit else ""))


def plain(value: Any) -> str:
    """Equal for what means the same: 0.001, 1e-3 and "1e-3"."""
    try:
        return _written(value)
    except TypeError:  # a list or a table
        return json.dumps(value, sort_keys=True, default=str)


@functools.lru_cache(1 << 14, typed=True)
def _written(value: Any) -> str:
    if value is ABSENT:
        return ""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int) and abs(value) >= 2**53:
        return repr(value)
    if isinstance(value, int | float):
        return repr(float(value))
    if not isinstance(value, str):
        return json.dumps(value, sort_keys=True, default=str)
    text = value.strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    try:
        return repr(float(text))
    except ValueError:
        return f"text {value}"
