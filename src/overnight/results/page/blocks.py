"""The parts of a page that are text. Each function takes plain text and gives a `Block`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from overnight.results.page.escaping import escaped

# What a state looks like: a sign beside the colour, for those who see no colours.
SIGNS = {
    "good": "✓",
    "promising": "↗",
    "bad": "✕",
    "warning": "!",
    "running": "▸",
    "neutral": "·",
}
Kind = Literal["good", "promising", "bad", "warning", "running", "neutral"]
_VALUE = r"[-+\u2212±<>≤≥~≈]?\s*\d[\d.,eE+\u2212-]*"
_NUMBER = re.compile(
    rf"\s*(?:{_VALUE}(?:\s*±\s*{_VALUE})?\s*(?:%|[^\W\d]{{1,3}})?|[-\u2013\u2014]?|nan|inf)\s*"
)
_LONG = 40  # characters of a cell that stay on one line


@dataclass(frozen=True, kw_only=True)
class Block:
    """A finished part of a page; only this package makes one. Charts stand side by side."""

    html: str
    is_chart: bool = False


@dataclass(frozen=True)
class Cell:
    """`title` is what a pointer that rests on it is told; `strong` is bold; `note` below, small."""

    text: str
    title: str = ""
    strong: bool = False
    note: str = ""


@dataclass(frozen=True)
class Status:
    """One line of a `status_list`: `name` has `kind`, and `text` says more."""

    kind: Kind
    name: str
    text: str = ""


def paragraph(text: str, *, quiet: bool = False) -> Block:
    """`quiet`: smaller and paler, for notes."""
    return Block(html=f"<p{_class('quiet' if quiet else '')}>{escaped(text)}</p>")


def commands(lines: Sequence[str]) -> Block:
    """What can be typed, each on its line."""
    return Block(html=f"<pre>{escaped(chr(10).join(lines), keep=chr(10))}</pre>")


def facts(pairs: Iterable[tuple[str, str | Cell]]) -> Block:
    """Names with their values, as in `commit  4f2a`."""
    rows = "".join(
        f"<div><dt>{escaped(name)}</dt><dd>{_inside(value)}</dd></div>" for name, value in pairs
    )
    return Block(html=f'<dl class="facts">{rows}</dl>')


def status_list(items: Iterable[Status]) -> Block:
    rows = "".join(
        f'<li class="{item.kind}"><span class="sign" aria-hidden="true">{SIGNS[item.kind]}</span>'
        f'<b>{escaped(item.name)}</b> <span class="word">{_word(item.kind)}</span>'
        f"<span>{escaped(item.text)}</span></li>"
        for item in items
    )
    return Block(html=f'<ul class="status">{rows}</ul>')


def _word(kind: Kind) -> str:
    """`neutral` says nothing."""
    return "" if kind == "neutral" else kind


def details(summary: str, blocks: Sequence[Block]) -> Block:
    """What is folded away until somebody wants it; it is printed."""
    return Block(html=f"<details><summary>{escaped(summary)}</summary>{together(blocks)}</details>")


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str | Cell]],
    *,
    best: Collection[int] = frozenset(),
    align: str | None = None,
    caption: str = "",
) -> Block:
    """`best`: the rows, from 0, that stand out. `align`: `l`, `r` or `c` for each column.

    Without `align`, columns of numbers stand right. Raises ValueError where a row has other cells
    than the header.
    """
    if any(len(row) != len(header) for row in rows):
        raise ValueError("each row of a table needs as many cells as its header")
    align = align or "".join(_side(rows, column) for column in range(len(header)))
    head = "".join(
        f'<th scope="col"{_class(_ALIGN[side])}>{escaped(name)}</th>'
        for name, side in zip(header, align, strict=True)
    )
    body = "".join(_row(row, align, number in best) for number, row in enumerate(rows))
    told = f"<figcaption>{escaped(caption)}</figcaption>" if caption else ""
    return Block(
        html=f'<figure class="table"><div class="scroll" tabindex="0"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>{told}</figure>"
    )


def together(blocks: Iterable[Block]) -> str:
    """Blocks one after the other; charts that follow each other share a grid."""
    parts: list[str] = []
    is_open = False
    for block in blocks:
        if block.is_chart != is_open:
            parts.append('<div class="charts">' if block.is_chart else "</div>")
            is_open = block.is_chart
        parts.append(block.html)
    return "".join(parts) + "</div>" * is_open


_ALIGN = {"l": "", "r": "r", "c": "c"}


def _row(row: Sequence[str | Cell], align: str, is_best: bool) -> str:
    cells = "".join(
        f"<td{_class(_ALIGN[side] or _length(cell))}>{_inside(cell)}</td>"
        for cell, side in zip(row, align, strict=True)
    )
    return f"<tr{_class('best' if is_best else '')}>{cells}</tr>"


def _length(cell: str | Cell) -> str:
    return "long" if len(cell if isinstance(cell, str) else cell.text) > _LONG else ""


def _inside(cell: str | Cell) -> str:
    if isinstance(cell, str):
        return escaped(cell)
    shown = escaped(cell.text)
    shown = f"<strong>{shown}</strong>" if cell.strong else shown
    if cell.title:
        shown = f'<span title="{escaped(cell.title)}">{shown}</span>'
    return shown + (f"<small>{escaped(cell.note)}</small>" if cell.note else "")


def _side(rows: Sequence[Sequence[str | Cell]], column: int) -> str:
    """Right where all that is there looks like numbers; the first column names things."""
    texts = [cell if isinstance(cell, str) else cell.text for cell in (row[column] for row in rows)]
    return "r" if column and texts and all(map(_NUMBER.fullmatch, texts)) else "l"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
