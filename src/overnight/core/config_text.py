"""The plain values of a configuration file and where in its text each stands.

YAML, JSON and TOML in one form, so that a number can be changed in place: comments, order and
layout stay as they are. What is not certain is refused (`UnclearError`): a wrong place would
change the experiment.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from overnight.core import command, errors
from overnight.core.unclear import UnclearError

Key = tuple[str, ...]
"""The way to a value from the top of the file: keys, and indices of lists as text."""

ENDINGS = (".yaml", ".yml", ".json", ".toml")
_FILE = re.compile(r".*\.(ya?ml|json|toml|py)$", re.DOTALL)
_INCLUDES = {
    "_base", "_base_", "base", "base_config", "base_configs", "defaults", "extends", "from",
    "__include__", "_include_", "include", "includes", "inherit", "inherit_from", "inherits",
    "parent", "imports",
}  # fmt: skip


class Scalar(NamedTuple):
    """Characters `start` to `end` of the file are `text`: quotes and all where it has them."""

    start: int
    end: int
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Document:
    """`refused` says of some keys why their value must not be touched."""

    scalars: Mapping[Key, Scalar]
    refused: Mapping[Key, str] = dataclasses.field(default_factory=dict)


def is_config(path: str) -> bool:
    return path.lower().endswith(ENDINGS)


@functools.lru_cache(maxsize=64)  # of one file several keys are looked for, and YAML is slow
def read(path: str, text: str) -> Document:
    """Raises `UnclearError` where the file as a whole cannot be read for certain."""
    try:
        found = _reader(path)(text)
    except RecursionError:
        raise UnclearError(f"{command.visible(path)} is nested too deeply") from None
    except UnclearError as error:
        raise UnclearError(f"{command.visible(path)}: {error}") from None
    return found


def _reader(path: str) -> Callable[[str], Document]:
    ending = path.lower().rpartition(".")[2]
    if ending in ("yaml", "yml"):
        from overnight.core import config_text_yaml

        return config_text_yaml.read
    if ending == "json":
        from overnight.core import config_text_json

        return config_text_json.read
    if ending == "toml":
        from overnight.core import config_text_toml

        return config_text_toml.read
    raise UnclearError("only YAML, JSON and TOML files can be changed")


def dotted(key: Key) -> str:
    return ".".join(key)


def matching(document: Document, wanted: str) -> list[Key]:
    """The keys that are `wanted` when written with dots, refused ones included."""
    keys = [*document.scalars, *document.refused]
    return list(dict.fromkeys(key for key in keys if dotted(key) == wanted))


def find(path: str, document: Document, wanted: str) -> Scalar:
    """The value of the key that is `wanted` when written with dots. Raises `UnclearError`."""
    shown = f"{command.visible(path)}: {command.visible(wanted)}"
    found = matching(document, wanted)
    if not found:
        near = errors.nearest(wanted, map(dotted, document.scalars))
        hint = f"; did you mean {command.visible(near)}?" if near else ""
        raise UnclearError(f"{shown} is not in the file{hint}")
    if len(found) > 1:
        raise UnclearError(f"{shown} stands there more than once")
    if found[0] in document.refused:
        raise UnclearError(f"{shown} {document.refused[found[0]]}")
    _refuse_included(path, document)
    _refuse_referred(shown, document, found[0])
    return document.scalars[found[0]]


def _refuse_included(path: str, document: Document) -> None:
    """Another file is read beside this one: which of the two wins is not known."""
    for key, scalar in document.scalars.items():
        named = any(part in _INCLUDES for part in key[-2:])
        is_list = key[:1] == ("defaults",) and len(key) > 1
        if is_list or (named and _FILE.match(scalar.text.strip("\"'"))):
            raise UnclearError(
                f"{command.visible(path)} takes over other files ({command.visible(dotted(key))})"
            )


def _refuse_referred(shown: str, document: Document, key: Key) -> None:
    """`lr: ${mul:${train.batch_size},0.01}`: the change would reach further than this key."""
    name = re.compile(rf"\$\{{[^}}]*(?<![\w]){re.escape(key[-1])}(?![\w])")
    for other, scalar in document.scalars.items():
        if other != key and name.search(scalar.text):
            where = command.visible(dotted(other))
            raise UnclearError(f"{shown} is also used by {where}, which would change with it")


def is_same_but(path: str, before: Document, after_text: str, changed: set[Key]) -> bool:
    """Whether the edited text has the same keys, and the same values at all but `changed`."""
    try:
        after = read(path, after_text)
    except UnclearError:
        return False
    kept = [
        {key: scalar.text for key, scalar in each.scalars.items() if key not in changed}
        for each in (before, after)
    ]
    return kept[0] == kept[1] and before.scalars.keys() == after.scalars.keys()
