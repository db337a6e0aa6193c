"""A report for a terminal of any width, and in two lines."""

from __future__ import annotations

from collections.abc import Iterator

from overnight.results import wording
from overnight.results.report import sections, words
from overnight.results.report.model import Report
from overnight.results.report.parts import Item, Section, Table
from overnight.results.tables import layout

MOST_NOTICED = 2


def page(found: Report, *, color: bool = False, width: int | None = None) -> str:
    """Ends with a newline."""
    lines = [wording.bold(layout.safe(sections.title(found)), color=color)]
    lines += layout.wrapped(layout.safe(sections.summary(found)), width)
    for each in sections.sections(found):
        lines += ["", wording.bold(layout.safe(each.title), color=color)]
        lines += section(each, color, width)
    return "\n".join(lines) + "\n"


def section(shown: Section, color: bool, width: int | None) -> Iterator[str]:
    for each in shown.items:
        yield from item(each, width)
    if shown.table:
        yield from table(shown.table, color, width)
    for note in shown.notes:
        yield from layout.wrapped(f"  {layout.safe(note)}", width, indent="  ")


def item(shown: Item, width: int | None) -> Iterator[str]:
    """Its head, the sentences, and the commands whole, so that they can be copied."""
    yield from layout.wrapped(f"  {layout.safe(shown.head)}", width, indent="    ")
    for said in shown.says:
        if said:
            yield from layout.wrapped(f"    {layout.safe(said)}", width, indent="    ")
    yield from (f"      {layout.safe(each)}" for each in shown.commands)


def table(shown: Table, color: bool, width: int | None) -> Iterator[str]:
    columns = [
        layout.aligned([layout.safe(cell) for cell in column])
        for column in zip(*shown.rows, strict=True)
    ]
    rows = [list(row) for row in zip(*columns, strict=True)]
    used = [
        name if any(cell.strip() not in ("", "-") for cell in column) or n == 0 else ""
        for n, (name, column) in enumerate(zip(shown.header, columns, strict=True))
    ]
    rows = [[cell if name else "" for name, cell in zip(used, row, strict=True)] for row in rows]
    header = [layout.safe(each) for each in used]
    lines = [f"  {line}" for line in layout.columns([header, *rows])]
    if not layout.fits(lines, width):
        for row in rows:
            for line in layout.stacked(header, row, width and width - 2):
                yield f"  {line}"
        return
    yield lines[0]
    for place, line in enumerate(lines[1:]):
        yield wording.bold(line, color=color and place in shown.best)


def brief(found: Report) -> str:
    """Two lines: how it stands, and what needs a person."""
    needs = [f"decide: {words.some(each.run for each in found.decisions)}"] * bool(found.decisions)
    needs += [f"failed: {words.some(each.run for each in found.failed)}"] * bool(found.failed)
    needs += [f"unreachable: {words.some(each.server for each in found.away)}"] * bool(found.away)
    silent = [each.run for each in sections.silent(found)]
    needs += [f"no sign of life: {words.some(silent)}"] * bool(silent)
    needs += [f"{each.server}: {each.text}" for each in found.noticed[:MOST_NOTICED]]
    lines = (
        f"{sections.title(found)}: {sections.summary(found)}",
        "; ".join(needs) or sections.QUIET,
    )
    return "\n".join(layout.safe(line) for line in lines)
