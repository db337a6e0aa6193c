"""Where the values of a JSON file stand."""

from __future__ import annotations

import json
import re
from typing import Any

from overnight.core.config_text import Document, Key, Scalar
from overnight.core.unclear import UnclearError

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,\]}]+')


def read(text: str) -> Document:
    """Raises `UnclearError` where `text` is not JSON; comments are not JSON."""
    try:
        json.loads(text, object_pairs_hook=_without_twins)
    except UnclearError:
        raise
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise UnclearError("not JSON" + (f" (line {line})" if line else "")) from None
    scanner = _Scanner(text)
    scanner.value(())
    return Document(scalars=scanner.scalars)


def _without_twins(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UnclearError(f"{name!r} stands there more than once")


class _Scanner:
    """A cursor over text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self.scalars: dict[Key, Scalar] = {}
        self._text = text
        self._at = 0

    def value(self, key: Key) -> None:
        first = self._peek()
        if first == "{":
            self._object(key)
        elif first == "[":
            self._array(key)
        else:
            start, written = self._take(_SCALAR)
            self.scalars[key] = Scalar(start, start + len(written), written)

    def _object(self, key: Key) -> None:
        self._at += 1
        while self._peek() != "}":
            _, name = self._take(_STRING)
            self._peek()
            self._at += 1  # the colon
            self.value((*key, json.loads(name)))
            self._past_comma()
        self._at += 1

    def _array(self, key: Key) -> None:
        self._at += 1
        index = 0
        while self._peek() != "]":
            self.value((*key, str(index)))
            index += 1
            self._past_comma()
        self._at += 1

    def _past_comma(self) -> None:
        if self._peek() == ",":
            self._at += 1

    def _peek(self) -> str:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> tuple[int, str]:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise UnclearError("not JSON")
        self._at = match.end()
        return match.start(), match.group()
