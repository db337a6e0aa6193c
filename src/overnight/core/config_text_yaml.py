"""Where the values of a YAML file stand: ruamel.yaml's own parser tells line and column."""

from __future__ import annotations

from typing import Any

from overnight.core.config_text import Document, Key, Scalar
from overnight.core.unclear import UnclearError

_MAX_DEPTH = 100
_MERGE = "<<"


def read(text: str) -> Document:
    """Raises `UnclearError` where `text` is not one YAML document."""
    import ruamel.yaml  # late: seldom needed, and slow to come

    try:
        root = ruamel.yaml.YAML(typ="safe", pure=True).compose(text)
    except (ruamel.yaml.error.YAMLError, ValueError) as error:
        raise UnclearError(f"not read as one YAML document{_line_of(error)}") from None
    reader = _Reader(text)
    if root is not None:
        reader.node(root, (), "")
    return Document(scalars=reader.scalars, refused=reader.refused)


def _line_of(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f" (line {mark.line + 1})" if mark is not None else ""


class _Reader:
    """Goes through the composed nodes; `why` is what speaks against everything below a node."""

    def __init__(self, text: str) -> None:
        self.scalars: dict[Key, Scalar] = {}
        self.refused: dict[Key, str] = {}
        self._text = text
        self._seen: set[int] = set()

    def node(self, node: Any, key: Key, why: str) -> None:
        if len(key) > _MAX_DEPTH:
            raise UnclearError("nested too deeply")
        why = why or _objection(node)
        if id(node) in self._seen and not isinstance(node.value, str):
            return  # through an alias: what is below is refused where it is written
        self._seen.add(id(node))
        if isinstance(node.value, str):
            self._scalar(node, key, why)
        elif node.id == "sequence":
            for index, each in enumerate(node.value):
                self.node(each, (*key, str(index)), why)
        else:
            self._mapping(node, key, why)

    def _mapping(self, node: Any, key: Key, why: str) -> None:
        names = [each.value for each, _ in node.value]
        if _MERGE in names:
            why = why or "stands beside a merge (<<)"
        for name, value in node.value:
            if not isinstance(name.value, str):
                raise UnclearError("a key is not a plain word")
            twice = names.count(name.value) > 1
            below = (*key, name.value)
            if value.anchor is not None and below[-1] == _MERGE:
                continue  # what is merged stands elsewhere, and is refused there
            self.node(value, below, why or ("stands there more than once" if twice else ""))

    def _scalar(self, node: Any, key: Key, why: str) -> None:
        start, end = node.start_mark.index, node.end_mark.index
        written = self._text[start:end]
        if key in self.refused or key in self.scalars or why:
            self.refused.setdefault(key, why or "stands there more than once")
            self.scalars.setdefault(key, Scalar(start, end, written))
            return
        if node.style is None and written != node.value:
            self.refused[key] = "is not written as a plain value"
        self.scalars[key] = Scalar(start, end, written)


def _objection(node: Any) -> str:
    if node.anchor is not None:
        return "has an anchor (&), so that other places change with it"
    tag = str(node.tag or "")
    if tag.startswith("!"):
        return f"has a tag of its own ({tag})"
    return ""
