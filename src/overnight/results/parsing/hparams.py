"""Hyperparameters that lie beside a file of metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_BYTES = 1 << 20


def read(path: Path) -> dict[str, Any]:
    """Of a YAML file; empty where there is none, or none that can be read safely."""
    try:
        if path.is_symlink() or path.stat().st_size > MOST_BYTES:
            return {}
        text = path.read_text(errors="replace")
    except OSError:
        return {}
    return _parsed(text)


def _parsed(text: str) -> dict[str, Any]:
    from ruamel.yaml import YAML  # slow to import, and seldom needed
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe", pure=True).load(text)
        return simple(found) if isinstance(found, Mapping) else {}
    except (YAMLError, ValueError, RecursionError):
        return {}


def simple(found: Mapping[Any, Any]) -> dict[str, Any]:
    """What JSON can hold; other values as text."""
    return {str(key): _simple(value) for key, value in found.items()}


def _simple(value: object) -> Any:
    if isinstance(value, Mapping):
        return simple(value)
    if isinstance(value, (list, tuple)):
        return [_simple(each) for each in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
