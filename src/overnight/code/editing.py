"""One value of a configuration file changed in its text; comments and layout stay."""

from __future__ import annotations

import re

from overnight.core import command, config_text, sweep_values
from overnight.core.config_text import Scalar
from overnight.core.sweep_values import Value
from overnight.core.unclear import UnclearError


def edited(path: str, text: str, name: str, value: Value) -> str:
    """The file with one value changed, and nothing else. Raises `UnclearError`."""
    document = config_text.read(path, text)
    place = scalar(document, text, name)
    new = sweep_values.for_file(path, value, place.text)
    new = new if place.text else f" {new}"
    changed = f"{text[: place.start]}{new}{text[place.end :]}"
    keys = set(config_text.matching(document, name))
    shown = f"{command.visible(path)}: {command.visible(name)}"
    if not config_text.is_same_but(path, document, changed, keys):
        raise UnclearError(f"{shown} cannot be changed alone")
    after = scalar(config_text.read(path, changed), changed, name)
    written = sweep_values.read_file(path, after.text)
    if not sweep_values.same(written.value, value.value):
        raise UnclearError(f"{shown} would be read as {command.visible(written.text)}")
    return changed


def scalar(document: config_text.Document, text: str, name: str) -> Scalar:
    """Where the value of a key of the file stands. Raises `UnclearError`."""
    keys = config_text.matching(document, name)
    for key in keys:
        if key in document.refused:
            raise UnclearError(f"{command.visible(name)} {document.refused[key]}")
    if len(keys) > 1:
        raise UnclearError(f"{command.visible(name)} stands there more than once")
    found = document.scalars[keys[0]]
    return found if found.text else _behind_colon(text, found, keys[0][-1])


def _behind_colon(text: str, found: Scalar, name: str) -> Scalar:
    """`note:` has its value, nothing, where the next line begins; a new one goes behind the colon.

    Should that be the wrong colon, the edit is found out and refused.
    """
    colons = list(re.finditer(rf"{re.escape(name)}['\"]?\s*:", text[: found.start]))
    at = colons[-1].end() if colons else found.start
    return Scalar(at, at, "")
