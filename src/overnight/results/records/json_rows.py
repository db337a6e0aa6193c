"""Many small JSON objects that differ in nothing but their numbers, read as columns."""

from __future__ import annotations

import json
import re

from overnight.results.curves import Floats
from overnight.results.parsing.numbers import listed

MOST_KEYS = 24
_NUMBER = rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_PAIR = re.compile(rb'([{,]\s*"(?:[^"\\\x00-\x1f]|\\.)*"\s*:\s*)(' + _NUMBER + rb")")
_DIGITS = b"0123456789+-.eE"
# control characters, which no JSON text has
_MARKS, _END, SEPARATOR = bytes(range(1, MOST_KEYS + 1)), b"\x1e", b"\x1f"
_COMMAS = bytes.maketrans(_MARKS, b"," * MOST_KEYS)


def columns(texts: bytes, count: int) -> dict[str, Floats] | None:
    """`texts`: `count` objects with SEPARATOR behind each.

    None unless all have the keys of the first one in its order, and numbers as values. What lies
    between the numbers is replaced by marks; nothing but these must be left without the digits.
    """
    pieces = _pieces(texts[: texts.find(SEPARATOR)])
    if pieces is None or len(texts.translate(None, _MARKS + _END)) != len(texts):
        return None
    names, begins, end = pieces
    marked = texts.replace(end + SEPARATOR, _END)
    for place, begin in enumerate(begins):
        marked = marked.replace(begin, _MARKS[place : place + 1])
    if marked.translate(None, _DIGITS) != (_MARKS[: len(names)] + _END) * count:
        return None
    numbers = listed(marked[1:].translate(_COMMAS, _END))
    if numbers is None or numbers.size != count * len(names):
        return None
    return dict(zip(names, numbers.reshape(count, len(names)).T, strict=True))


def _pieces(first: bytes) -> tuple[list[str], list[bytes], bytes] | None:
    """The names of an object, what stands before each of its numbers, and what ends it."""
    try:
        told = json.loads(first)
    except (ValueError, RecursionError):
        return None
    begins, at = [], 0
    while found := _PAIR.match(first, at):
        begins.append(found[1])
        at = found.end()
    end = first[at:]
    is_plain = isinstance(told, dict) and end.strip() == b"}"
    if not is_plain or not 0 < len(begins) == len(told) <= MOST_KEYS:
        return None
    return list(told), begins, end
