"""The plain values of a YAML configuration, read line by line.

Only what configurations are mostly made of: nested mappings with a value on the line, and lists
of names. Anything else (flow mappings, anchors, text over several lines) is passed over, so a
value that is found is right and one that is not found means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_KEY = re.compile(
    r"^(?P<indent> *)(?P<dash>- +)?(?P<key>[A-Za-z_/@][\w./@ -]*?)\s*:(?:\s+(?P<value>.*))?$"
)
_COMMENT = re.compile(r"(?:^|\s+)#.*$")


class Leaf(NamedTuple):
    """`key` is dotted; `in_list` where it stands in a list item (`- data: mnist`)."""

    key: str
    value: Any
    line: int
    in_list: bool


def leaves(text: str) -> Iterator[Leaf]:
    stack: list[tuple[int, str]] = []
    block_indent: int | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw) if "'" not in raw and '"' not in raw else raw
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip(" "))
        if block_indent is not None and indent > block_indent:
            continue  # text over several lines
        block_indent = None
        match = _KEY.match(line.rstrip())
        if match is None:
            continue
        indent += len(match["dash"] or "")  # a list may stand as far left as its key
        stack = [level for level in stack if level[0] < indent]
        written = (match["value"] or "").strip()
        if written[:1] in ("|", ">"):
            block_indent = indent
        elif written:
            key = ".".join([*(name for _, name in stack), match["key"]])
            yield Leaf(key, scalar(written), number, match["dash"] is not None)
        else:
            stack.append((indent, match["key"]))


def scalar(written: str) -> Any:
    """A number, a truth value, None or text."""
    if written[:1] in "'\"":
        quote = written[0]
        return written[1:].partition(quote)[0]
    lower = written.lower()
    if lower in ("null", "~", "none", "???"):
        return None
    if lower in ("true", "false"):
        return lower == "true"
    if re.fullmatch(r"[+-]?[0-9][0-9_]*", written):
        return int(written.replace("_", ""))
    try:
        return float(written)
    except ValueError:
        return written
