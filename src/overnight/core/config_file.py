"""One TOML file of the user's: read it, and say where in it something is wrong."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from overnight.core import command, errors
from overnight.core import config_kinds as kinds

_PLACE_IN_ERROR = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_SHOWN_COLUMNS = 100
_ADVICE = {  # beginnings of tomllib's messages, and what to write instead
    "Invalid value": 'write a value after "="; text needs quotes',
    "Expected '='": 'write it as KEY = "value"',
    "Illegal character '\\n'": "close the quote before the end of the line",
    'Expected \'"""\'': 'close the text with """',
    "Cannot overwrite": "this key was given before; keep one of them",
    "Cannot declare": "this section was given before; keep one of them",
    "Cannot mutate": "this section was given before; keep one of them",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class File:
    """A file that is TOML. `label` is how it is called in messages."""

    path: Path
    label: str
    text: str
    data: Mapping[str, Any]

    def sentences(self, problems: Iterable[kinds.Problem]) -> list[str]:
        """`overnight.toml:7: what` for each problem, in the order of the lines."""
        found = list(problems)
        if not found:
            return []
        from overnight.core import toml_places  # only a mistake pays for it

        places = toml_places.lines(self.text)
        numbered = [(toml_places.line_of(places, place), what) for place, what in found]
        return [f"{self.label}:{line}: {what}" for line, what in sorted(numbered)]


def read(path: Path, label: str) -> File:
    """Raises `errors.ConfigError` where `path` cannot be read or is not TOML."""
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise _error(label, f"{label}: this is a folder; a file is needed here") from None
    except OSError as error:
        raise _error(label, f"{label}: cannot be read: {error.strerror}") from error
    text = _decode(content, label)
    return File(path=path, label=label, text=text, data=_parse(text, label))


def _error(label: str, message: str) -> errors.ConfigError:
    return errors.ConfigError(message, hint=f"edit {label}")


def _decode(content: bytes, label: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _error(label, f"{label}:1: this is UTF-16; save the file as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # the codec counts from after the mark that some editors put in front
        line = error.object[: error.start].count(b"\n") + 1
        what = f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise _error(label, f"{label}:{line}: {what}") from None


def _parse(text: str, label: str) -> dict[str, Any]:
    import tomllib  # late, because `--help` needs no file

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _error(label, f"{label}: nested too deeply; write it flatter") from None
    except ValueError as error:
        raise _error(label, _not_toml(label, text, str(error))) from None


def _not_toml(label: str, text: str, message: str) -> str:
    """tomllib's message with its place in front and the line itself below."""
    lines = text.replace("\r\n", "\n").split("\n")
    match = _PLACE_IN_ERROR.search(message)
    if match is None:
        return f"{label}: not TOML: {message}"
    if match[1] is None:  # the end of the document: the last line that is not blank
        number = max((at for at, line in enumerate(lines, 1) if line.strip()), default=1)
        column = len(lines[number - 1]) + 1
    else:
        number, column = int(match[1]), int(match[2])
    what = message[: match.start()]
    sentence = f"not TOML: {what[:1].lower()}{what[1:]}{_advice(what, ended=match[1] is None)}"
    return f"{label}:{number}: {sentence}\n{_pointer(lines[number - 1], column)}"


def _advice(what: str, *, ended: bool) -> str:
    if ended:
        return "; the file ends here too early, close what was opened"
    return next((f"; {advice}" for start, advice in _ADVICE.items() if what.startswith(start)), "")


def _pointer(line: str, column: int) -> str:
    """The part of `line` around `column` (from 1), with a caret below it."""
    start = max(0, column - _SHOWN_COLUMNS)
    line = line.replace("\t", " ")
    before, after = line[start : column - 1], line[column - 1 : start + _SHOWN_COLUMNS]
    shown = command.visible(before)
    return f"    {shown}{command.visible(after)}\n    {' ' * len(shown)}^"
