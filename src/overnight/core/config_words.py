"""How a mistake in overnight.toml is put into words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from overnight.core import command, errors

_SHOWN_CHARACTERS = 60


def expected(name: str, value: Any, label: str, example: str) -> str:
    """`gpus = "two": expected a whole number such as 2`."""
    such_as = "" if example in label else f" such as {example}"
    return f"{name} = {toml(value)}: expected {label}{such_as}"


def toml(value: Any) -> str:
    """`value` as one would write it in TOML, on one line and cut short."""
    if isinstance(value, str):
        shown = '"' + command.visible(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'
    elif isinstance(value, bool):
        shown = str(value).lower()
    elif isinstance(value, list):
        shown = "[" + ", ".join(map(toml, value)) + "]"
    elif isinstance(value, dict):
        pairs = ", ".join(f"{toml_key(key)} = {toml(each)}" for key, each in value.items())
        shown = f"{{ {pairs} }}" if pairs else "{}"
    else:
        shown = str(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS else shown[: _SHOWN_CHARACTERS - 1] + "…"


def toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)


def either(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, whatever the case and the kind of dash."""
    by_plain_form = {_plain(name): name for name in known}
    found = errors.nearest(_plain(word), by_plain_form)
    return by_plain_form[found] if found else None


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "train"?`, or the known words where none is near."""
    names = sorted(known)
    near = nearest(word, names)
    return f"; did you mean {toml(near)}?" if near else f"; known: {', '.join(names)}"
