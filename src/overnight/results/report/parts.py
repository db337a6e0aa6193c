"""What a page of a report is made of, whatever it is written in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_ITEMS = 20
BAD, WARNING, GOOD, RUNNING, NEUTRAL = "bad", "warning", "good", "running", "neutral"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing: what it is of, the sentences on it, and commands to type."""

    head: str
    says: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    tone: str = NEUTRAL


@dataclass(frozen=True, kw_only=True)
class Table:
    """`best`: the places of the rows that stand out."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Section:
    """`key` is stable; `notes` stand below the items and the table."""

    key: str
    title: str
    items: tuple[Item, ...] = ()
    table: Table | None = None
    notes: tuple[str, ...] = ()


def of_items(key: str, name: str, items: Sequence[Item]) -> Section | None:
    if not items:
        return None
    notes = tuple(left_out(len(items), "more", plural=""))
    return Section(key=key, title=name, items=tuple(items[:MOST_ITEMS]), notes=notes)


def left_out(count: int, noun: str, plural: str = "s") -> Iterator[str]:
    if count > MOST_ITEMS:
        more = count - MOST_ITEMS
        yield f"and {more} {noun}{plural if more > 1 else ''}: overnight report --json has all"
