"""A report in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from overnight.core import text
from overnight.results.report import sections
from overnight.results.report.model import Report
from overnight.results.report.parts import Item, Section, Table
from overnight.results.tables import markdown as tables
from overnight.results.tables.escaping import markdown


def page(found: Report) -> str:
    """Ends with a newline."""
    blocks = [f"# {markdown(sections.title(found))}", markdown(sections.summary(found))]
    for each in sections.sections(found):
        blocks += [f"## {markdown(each.title)}", *section(each)]
    return "\n\n".join(blocks) + "\n"


def section(shown: Section) -> Iterator[str]:
    if shown.items:
        yield "\n".join(line for each in shown.items for line in item(each))
    if shown.table:
        yield table(shown.table)
    if shown.notes:
        yield "\n".join(f"- {markdown(each)}" for each in shown.notes)


def item(shown: Item) -> Iterator[str]:
    said = " ".join(f"{markdown(each).rstrip('.')}." for each in shown.says if each)
    yield f"- **{markdown(shown.head)}**: {said}" if said else f"- **{markdown(shown.head)}**"
    yield from (f"  - {code(each)}" for each in shown.commands)


def code(command: str) -> str:
    """Between more backticks than it holds."""
    shown = text.printable(command)
    fence = "`" * (shown.count("`") + 1)
    gap = " " if "`" in shown else ""
    return f"{fence}{gap}{shown}{gap}{fence}"


def table(shown: Table) -> str:
    rows = [[markdown(cell) for cell in row] for row in shown.rows]
    for place in shown.best:
        rows[place] = [f"**{cell}**" if cell else cell for cell in rows[place]]
    header = [markdown(each) for each in shown.header]
    return "\n".join(tables.rows_of(header, rows, "l" * len(header)))
