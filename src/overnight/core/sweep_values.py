"""The values of a sweep: as a person writes them, what they mean, and as files have them.

`lr=1e-3,3e-4` holds two texts. Their types are those of YAML: numbers, truth values, null, text;
what stands in quotes is text. A command line gets a value as it was written; a file gets it so
that every reader of such files takes it for the same.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from typing import NamedTuple

from overnight.core import command
from overnight.core.unclear import UnclearError

Scalar = str | int | float | bool | None

_INT = re.compile(r"[+-]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_CONTROL = re.compile(r"[\0-\x1f\x7f]")
_NULLS = ("null", "~")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*", re.ASCII)
_WORDS_OF_YAML = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"}
_MAX_DIGITS = 300  # more digits than any number that is meant


class Value(NamedTuple):
    """`text` is what was written, without quotes; `value` what it means."""

    text: str
    value: Scalar

    @property
    def is_number(self) -> bool:
        return isinstance(self.value, (int, float)) and not isinstance(self.value, bool)


def split(text: str) -> list[Value]:
    """The values of `1e-3,'a, b',true`. Raises `UnclearError`, saying what is wrong."""
    return [_value(piece) for piece in _pieces(text)]


def _pieces(text: str) -> list[str]:
    """At the commas that stand outside quotes."""
    pieces, start, quote = [], 0, ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and not text[start:at].strip():
            quote = character
        elif character == ",":
            pieces.append(text[start:at])
            start = at + 1
    if quote:
        raise UnclearError(f"a quote ({quote}) does not close")
    return [*pieces, text[start:]]


def _value(piece: str) -> Value:
    written = piece.strip()
    if not written:
        raise UnclearError("one of the values is empty; write '' for an empty text")
    if written[0] in "'\"":
        if len(written) < 2 or written[-1] != written[0]:
            shown = command.visible(written)
            raise UnclearError(f"something stands behind a quoted value: {shown}")
        return checked(Value(written[1:-1], written[1:-1]))
    return plain(written)


def plain(written: str) -> Value:
    """A value without quotes. Raises `UnclearError` for what is no single value."""
    if written[0] in "[{":
        raise UnclearError(
            f"{command.visible(written)} is a list or a table; only single values can be varied"
        )
    return checked(Value(written, typed(written)))


def typed(written: str) -> Scalar:
    lower = written.lower()
    if lower in _NULLS:
        return None
    if lower in ("true", "false"):
        return lower == "true"
    if len(written) <= _MAX_DIGITS:
        if _INT.fullmatch(written):
            return int(written)
        if _FLOAT.fullmatch(written):
            return float(written)
    return written


def of(value: Scalar) -> Value:
    """The value as it would be written."""
    return Value(text_of(value), value)


def text_of(value: Scalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(value)


def checked(value: Value) -> Value:
    """Refuses what no command line and no file can take on one line."""
    if _CONTROL.search(value.text):
        raise UnclearError(f"{command.visible(value.text)!r} has a control character")
    try:
        value.text.encode("utf-8")
    except UnicodeEncodeError:
        raise UnclearError(f"{command.visible(value.text)!r} is not UTF-8") from None
    if isinstance(value.value, float) and not math.isfinite(value.value):
        raise UnclearError(f"{value.text} is no finite number")
    return value


def same(one: Scalar, other: Scalar) -> bool:
    """1e-3 and 0.001 are one value, 1 and 1.0 too; 1 and true are not, nor 1 and "1"."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other
    return type(one) is type(other) and one == other


# --- in files ----------------------------------------------------------------------------------


def for_file(path: str, value: Value, old: str) -> str:
    """The value as it is written into a YAML, JSON or TOML file in the place of `old`.

    Raises `UnclearError` where that kind of file has no such value.
    """
    ending = path.lower().rpartition(".")[2]
    if value.is_number:
        return _number(value, old)
    if isinstance(value.value, bool):
        return str(value.value).lower()
    if value.value is None:
        if ending == "toml":
            raise UnclearError("TOML has no null")
        return "null"
    if ending in ("yaml", "yml"):
        return _yaml(value.text, old)
    return json.dumps(value.text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _number(value: Value, old: str) -> str:
    """As JSON, TOML and both versions of YAML read it: 1e-3 would be text in YAML 1.1."""
    if isinstance(value.value, int):
        has_point = _FLOAT.fullmatch(old) and not _INT.fullmatch(old)
        return f"{value.value}.0" if has_point else str(value.value)
    sign, digits = ("-", value.text[1:]) if value.text[0] == "-" else ("", value.text.lstrip("+"))
    mantissa, exponent, power = digits.lower().partition("e")
    whole, _, rest = mantissa.partition(".")
    whole = whole.lstrip("0") or "0"
    power = f"e{power if power[0] in '+-' else '+' + power}" if exponent else ""
    return f"{sign}{whole}.{rest or '0'}{power}"


def _yaml(text: str, old: str) -> str:
    """Plain where that is certain to be text; else, or where the old one has quotes, in quotes."""
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML
    if is_plain and old[:1] not in ("'", '"'):
        return text
    if old[:1] == "'" or "\\" in text or '"' in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def read_file(path: str, written: str) -> Value:
    """What stands in a file, quotes and all, as a value."""
    if len(written) > 1 and written[0] == written[-1] and written[0] in "'\"":
        inner = written[1:-1]
        if written[0] == '"' and "\\" in inner:
            with contextlib.suppress(ValueError):
                inner = str(json.loads(written))
        elif written[0] == "'" and not path.lower().endswith(".toml"):
            inner = inner.replace("''", "'")
        return Value(inner, inner)
    return Value(written, typed(written) if written else None)
