"""What may stand at a knob's place, by the kind of number it is."""

from __future__ import annotations

import math
import re

from overnight.core import command, knobs
from overnight.core.unclear import UnclearError

Value = float | str

_WHOLE = re.compile(r"[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_PATH = re.compile(r"[^\0-\x1f*?$`\"'\\]+")
_DIGITS = 12  # more are no number that anybody means
_MAX_BATCH = 1_000_000  # nobody has such a batch; searching its divisors would take long
_MAX_PORT = 65_535


def read(kind: knobs.Number, text: str, name: str) -> Value:
    """The value written as `text`. `name` is what it is called. Raises `UnclearError`."""
    if kind == "path":
        return _path(text, name)
    pattern = _FLOAT if kind == "float" else _WHOLE
    if pattern.fullmatch(text) is None:
        raise UnclearError(f"the value of {name} is not a plain number: {text!r}")
    if kind == "float":
        return _float(text, name)
    return _whole(kind, text, name)


def _path(text: str, name: str) -> str:
    if _PATH.fullmatch(text) is None:
        raise UnclearError(f"the value of {name} is not a plain path: {command.visible(text)}")
    return text


def _float(text: str, name: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise UnclearError(f"{name} is {text[:_DIGITS]}, which is no finite number")
    return int(text) if _WHOLE.fullmatch(text) and len(text) <= _DIGITS else value


def _whole(kind: knobs.Number, text: str, name: str) -> int:
    value = int(text) if len(text) <= _DIGITS else 10**_DIGITS
    if kind == "batch" and not 1 <= value <= _MAX_BATCH:
        raise UnclearError(f"{name} is {text[:_DIGITS]}, which is no batch to halve")
    if value > (_MAX_PORT if kind == "port" else _MAX_BATCH):
        raise UnclearError(f"{name} is {text[:_DIGITS]}, which is too large")
    return value
