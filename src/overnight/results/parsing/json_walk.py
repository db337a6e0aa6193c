"""Walks through a JSON document, also through one that was cut off, and says where things stand.

Pure. NaN and Infinity are accepted, all numbers are floats. What is before the place where the
document ends or breaks is given.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

DEEPEST = 64
_TOKEN = re.compile(
    r'[ \t\r\n]*(?:([{}\[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")'
    r"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?Infinity|NaN)(?=[\s,\]}])|(true|false|null)(?=[\s,\]}]))",
    re.ASCII | re.DOTALL,
)
_WORDS = {"true": True, "false": False, "null": None}
Path = tuple[str | int, ...]


@dataclass
class Array:
    """The scalars of a list, and the line of each."""

    path: Path
    values: list[Any] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass
class Object:
    """The scalars of an object by name; what lies in objects within has their names in front."""

    path: Path
    line: int
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Walked:
    """In the order in which they ended. `broken`: the line where the document does not go on."""

    arrays: list[Array] = field(default_factory=list)
    objects: list[Object] = field(default_factory=list)
    broken: int | None = None


@dataclass
class _Open:
    """A container that has not ended. `key`: under which name the next value belongs."""

    array: Array | None = None
    object: Object | None = None
    key: str | None = None
    count: int = 0
    is_in_list: bool = False


class _Walk:
    def __init__(self, text: str) -> None:
        self.found = Walked()
        self._text = text
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._open: list[_Open] = []

    def run(self) -> Walked:
        place = 0
        while token := _TOKEN.match(self._text, place):
            if not self._take(token):
                break
            place = token.end()
            if not self._open:
                break
        if self._open or not (self.found.arrays or self.found.objects):
            self.found.broken = self._line(min(place, max(0, len(self._text) - 1)))
            while self._open:
                self._drop_or_close()
        return self.found

    def _line(self, place: int) -> int:
        return bisect_right(self._ends, place - 1) + 1 if place else 1

    def _take(self, token: re.Match[str]) -> bool:
        """False where the document is none any more."""
        mark, word, number, name = token.groups()
        if mark is not None:
            return self._mark(mark, token.start(1))
        if not self._open:
            return False
        top = self._open[-1]
        if word is not None:
            text = _string(word)
            if text is None:
                return False
            if top.object is not None and top.key is None:
                top.key = text
                return True
            return self._value(top, text, token.start(2))
        value = float(number) if number is not None else _WORDS[name]
        return self._value(top, value, token.start(3) if number is not None else token.start(4))

    def _mark(self, mark: str, place: int) -> bool:
        if mark in "{[":
            if len(self._open) >= DEEPEST or (self._open and not self._is_wanted()):
                return False
            self._begin(mark, place)
        elif mark in "}]":
            is_right = bool(self._open) and (self._open[-1].array is None) == (mark == "}")
            if not is_right:
                return False
            self._close()
        return bool(self._open) or mark in "}]"

    def _is_wanted(self) -> bool:
        top = self._open[-1]
        return top.object is None or top.key is not None

    def _begin(self, mark: str, place: int) -> None:
        path: Path = ()
        is_in_list = False
        if self._open:
            top = self._open[-1]
            holder = top.array or top.object
            assert holder is not None
            path = (*holder.path, top.count if top.array is not None else top.key or "")
            is_in_list = top.is_in_list or top.array is not None
        made = _Open(is_in_list=is_in_list)
        if mark == "[":
            made.array = Array(path)
        else:
            made.object = Object(path, self._line(place))
        self._open.append(made)

    def _value(self, top: _Open, value: Any, place: int) -> bool:
        if top.array is not None:
            top.array.values.append(value)
            top.array.lines.append(self._line(place))
            top.count += 1
            return True
        if top.object is None or top.key is None:
            return False
        top.object.values[top.key] = value
        top.key = None
        return True

    def _drop_or_close(self) -> None:
        """A row that was cut off is no row: it may lack its step."""
        if self._open[-1].object is not None and self._open[-1].is_in_list:
            self._open.pop()
        else:
            self._close()

    def _close(self) -> None:
        ended = self._open.pop()
        outer = self._open[-1] if self._open else None
        if ended.array is not None:
            if ended.array.values:
                self.found.arrays.append(ended.array)
        elif ended.object is not None:
            if outer is not None and outer.object is not None and outer.is_in_list and outer.key:
                for name, value in ended.object.values.items():
                    outer.object.values[f"{outer.key}/{name}"] = value
            else:
                self.found.objects.append(ended.object)
        if outer is not None:
            outer.count += 1
            outer.key = None


def _string(word: str) -> str | None:
    if "\\" not in word:
        return word[1:-1]
    try:
        return str(json.loads(word, strict=False))
    except ValueError:
        return None


def walk(text: str) -> Walked:
    """Everything up to the end of the document, or to where it breaks off."""
    return _Walk(text).run()
