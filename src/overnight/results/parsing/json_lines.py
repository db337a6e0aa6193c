r"""Rows of JSON lines, fast where they are regular.

Most files repeat one shape: `{"step": 17, "loss": 0.4123}`. Such a block is read as one list of
numbers, after it was proven that each line has exactly that shape. Everything else is read line by
line, with the same result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from overnight.results.curves import Floats, Whole
from overnight.results.parsing import line_blocks
from overnight.results.parsing.numbers import listed

_OF_NUMBERS = b"0123456789+-.eE"
_SPACE = rb"[ \t]*"
_KEY = re.compile(rb"[{,]" + _SPACE + rb'"([^"\\\x00-\x1f]*)"' + _SPACE + rb":" + _SPACE)
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?=[ \t,}])")
_WORD = re.compile(rb'(?:"[^"\\\x00-\x1f]*"|NaN|-?Infinity|null|true|false)(?=[ \t,}])')
_END = re.compile(_SPACE + rb"\}" + _SPACE + rb"\n")
_DECODER = json.JSONDecoder(parse_int=float)
FEWEST = 8  # rows of one shape for which the proof pays
MOST_SHAPES = 64
LOOKED_AT = 4096  # bytes by which most blocks of several shapes are told
MOST_KEYS = 24  # with more of them, line by line is quicker
_MARKS = bytes(range(1, 9)) + bytes(range(14, 32))
_TO_COMMAS = bytes(ord(",") if each in _MARKS else each for each in range(256))


@dataclass(frozen=True)
class Shape:
    """What lines have in common: `literals` around the numbers, of which `keys` are the names.

    `constants` are the keys whose values are part of a literal. `order`: all keys as written.
    """

    literals: tuple[bytes, ...]
    keys: tuple[str, ...]
    constants: Mapping[str, Any]
    order: tuple[str, ...]


def row(line: str) -> dict[str, Any] | None:
    """The object that a line holds, numbers as floats; None where it is torn or something else."""
    try:
        found = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def shape(line: bytes) -> Shape | None:
    """The shape of a line (with its end); None where it is no flat row of numbers and words."""
    try:
        whole = row(line.decode())
    except UnicodeDecodeError:
        return None
    place, literal = 0, b""
    literals: list[bytes] = []
    keys: list[str] = []
    while found := _KEY.match(line, place):
        if (found[0][:1] == b"{") != (place == 0):
            return None
        literal, place = literal + found[0], found.end()
        if number := _NUMBER.match(line, place):
            literals.append(literal)
            keys.append(found[1].decode())
            literal, place = b"", number.end()
        elif word := _WORD.match(line, place):
            literal, place = literal + word[0], word.end()
        else:
            return None
    end = _END.fullmatch(line, place)
    if not keys or end is None or whole is None:
        return None
    constants = {key: value for key, value in whole.items() if key not in keys}
    if len(set(keys)) < len(keys) or len(keys) > MOST_KEYS or len(whole) != _keys_of(line):
        return None
    constants = {key: value for key, value in whole.items() if key not in keys}
    return Shape((*literals, literal + end[0]), tuple(keys), constants, tuple(whole))


def _keys_of(line: bytes) -> int:
    """How many keys were written; more than there are where one comes twice."""
    return len(re.findall(rb'"' + _SPACE + rb":", line))


def numbers(block: bytes, count: int, made: Shape) -> Floats | None:
    """Shape (count, keys) of the numbers in a block of `count` lines; None where a line differs."""
    if not _begins_with(block, made):
        return None
    text = _without(block, count, made.literals)
    if text is None:
        return None
    values = listed(text)
    if values is None or values.size != count * len(made.keys):
        return None
    return values.reshape(count, -1)


def _begins_with(block: bytes, made: Shape) -> bool:
    """Whether the first lines look like it: not needed, but the quickest no."""
    head = block[: block.find(b"\n", LOOKED_AT) + 1] or block
    bare = b"".join(made.literals).translate(None, _OF_NUMBERS)
    return head.translate(None, _OF_NUMBERS) == bare * line_blocks.lines_of(head)


def _without(block: bytes, count: int, literals: tuple[bytes, ...]) -> bytes | None:
    """The numbers, commas between; None where a line is not made of the literals.

    Each literal is replaced by a byte that no line has. If then, without the numbers, the bytes
    follow each other as they should, then so did the literals.
    """
    first, last = literals[0], literals[-1]
    parts = [*literals[1:-1], last + first]
    marks = [_MARKS[place : place + 1] for place in range(len(parts))]
    is_framed = block.startswith(first) and block.endswith(last)
    if not is_framed or any(mark in block for mark in marks):
        return None
    text = block[len(first) : -len(last)]
    for place in sorted(range(len(parts)), key=lambda place: -len(parts[place])):
        text = text.replace(parts[place], marks[place])
    if text.translate(None, _OF_NUMBERS) != (b"".join(marks) * count)[:-1]:
        return None
    return text.translate(_TO_COMMAS)


@dataclass(frozen=True)
class Rows:
    """Rows of one shape. `line`: shape (n,), from 0 in the block; `numbers`: shape (n, keys)."""

    shape: Shape
    line: Whole
    numbers: Floats


def regular(block: bytes) -> tuple[list[Rows], list[tuple[int, bytes]]]:
    """What of a block could be read at once, and the other lines with their places (from 0)."""
    count = line_blocks.lines_of(block)
    made = _shape(block[: block.find(b"\n") + 1]) if count >= FEWEST else None
    if made and (found := numbers(block, count, made)) is not None:
        return [Rows(made, np.arange(count, dtype=np.int64), found)], []
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return _grouped(block, lines)


def _grouped(block: bytes, lines: list[bytes]) -> tuple[list[Rows], list[tuple[int, bytes]]]:
    groups: dict[bytes, list[int]] = {}
    for place, bare in enumerate(block.translate(None, _OF_NUMBERS).split(b"\n")[: len(lines)]):
        groups.setdefault(bare, []).append(place)
    found, others = [], []
    for number, places in enumerate(groups.values()):
        rows = _group(lines, places) if number < MOST_SHAPES and len(places) >= FEWEST else None
        if rows:
            found.append(rows)
        else:
            others += [(place, lines[place]) for place in places]
    return found, sorted(others)


def _group(lines: list[bytes], places: list[int]) -> Rows | None:
    made = _shape(lines[places[0]] + b"\n")
    if made is None:
        return None
    block = b"\n".join([lines[place] for place in places]) + b"\n"
    values = numbers(block, len(places), made)
    return None if values is None else Rows(made, np.array(places, dtype=np.int64), values)


@lru_cache(maxsize=64)
def _shape(line: bytes) -> Shape | None:
    return shape(line)


def flat(found: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The entries of a row; what lies in an object within gets the object's name in front."""
    for name, value in found.items():
        if isinstance(value, Mapping) and depth < 4:
            yield from flat(value, f"{prefix}{name}/", depth + 1)
        else:
            yield f"{prefix}{name}", value
