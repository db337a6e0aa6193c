"""On which line of a TOML file a value stands, so that a mistake can be shown with its place.

tomllib gives values without places and tomlkit takes as long to import as a whole verb may take.
So this walks the text once and notes the line of each key. It runs only when there is something
to complain about, on text that tomllib has already accepted.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from collections.abc import Iterator, Mapping

Place = tuple[str | int, ...]
"""The way from the top of the file to a value: keys, and indices into arrays."""

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''',
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def lines(text: str) -> dict[Place, int]:
    """The line (from 1) on which each table, key and array element of `text` first appears.

    Raises ValueError where `text` is not TOML.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.found


def spans(text: str) -> dict[Place, tuple[int, int]]:
    """The characters (start, end) at which each value that is no table or array is written.

    Raises ValueError where `text` is not TOML.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.spans


def line_of(found: Mapping[Place, int], place: Place) -> int:
    """The line of `place`, else that of the nearest thing around it, else 1."""
    while place and place not in found:
        place = place[:-1]
    return found.get(place, 1)


class _Scanner:
    """A cursor over the text; each method moves it past one construct of TOML's grammar."""

    def __init__(self, text: str) -> None:
        self.found: dict[Place, int] = {}
        self.spans: dict[Place, tuple[int, int]] = {}
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._tables: dict[Place, int] = {}  # how many [[tables]] an array has so far

    def document(self) -> None:
        table: Place = ()
        while self._peek():
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Place:
        line = self._line()
        repeated = self._text.startswith("[[", self._at)
        self._at += 2 if repeated else 1
        names = list(self._names())
        self._at += 2 if repeated else 1
        place: Place = ()
        for name in names[:-1]:
            place = self._inside((*place, name), line)
        place = (*place, names[-1])
        if repeated:
            self._tables[place] = self._tables.get(place, 0) + 1
        return self._inside(place, line)

    def _inside(self, place: Place, line: int) -> Place:
        """A name in a header stands for the last table where it is an array of tables."""
        self.found.setdefault(place, line)
        if place in self._tables:
            place = (*place, self._tables[place] - 1)
            self.found.setdefault(place, line)
        return place

    def _pair(self, table: Place) -> None:
        self._peek()
        line = self._line()
        for name in self._names():
            table = (*table, name)
            self.found.setdefault(table, line)
        self._pass("=")
        self._value(table)

    def _names(self) -> Iterator[str]:
        """The parts of a key: `a."b.c".d` gives a, b.c and d."""
        while True:
            self._peek()
            raw = self._take(_KEY)
            yield next(iter(tomllib.loads(f"{raw} = 0"))) if raw[0] in "\"'" else raw
            if self._peek() != ".":
                return
            self._at += 1

    def _value(self, place: Place) -> None:
        first = self._peek()
        if first == "[":
            self._array(place)
        elif first == "{":
            self._inline_table(place)
        else:
            start = self._at
            written = self._take(_STRING if first in ('"', "'") else _SCALAR)
            self.spans[place] = (start, start + len(written.rstrip()))

    def _array(self, place: Place) -> None:
        self._at += 1
        index = 0
        while self._peek() != "]":
            self.found.setdefault((*place, index), self._line())
            self._value((*place, index))
            index += 1
            if self._peek() == ",":
                self._at += 1
        self._at += 1

    def _inline_table(self, place: Place) -> None:
        self._at += 1
        while self._peek() != "}":
            self._pair(place)
            if self._peek() == ",":
                self._at += 1
        self._at += 1

    def _peek(self) -> str:
        """The next character that is neither space nor comment; empty at the end."""
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _pass(self, character: str) -> None:
        if self._peek() != character:
            raise ValueError(f"no {character!r} on line {self._line()}")
        self._at += 1

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"not TOML on line {self._line()}")
        self._at = match.end()
        return match.group()

    def _line(self) -> int:
        return bisect.bisect_left(self._breaks, self._at) + 1
