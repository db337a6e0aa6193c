"""A comparison in Markdown, for an issue or the draft of a paper."""

from __future__ import annotations

from collections.abc import Sequence

from overnight.results.comparison.arms import Comparison
from overnight.results.tables import content
from overnight.results.tables.escaping import markdown, markdown_line


def table(found: Comparison) -> str:
    """The same tables as on a terminal; the best and its equals are bold."""
    sheet = content.sheet(found)
    blocks = [[markdown_line(sheet.title)]]
    if sheet.differences:
        blocks.append(grid(sheet.differences, "what differed"))
    if found.metric is not None:
        blocks += [results(sheet), [markdown_line(content.caption(found))]]
    if sheet.others:
        blocks.append(grid(sheet.others, "other metrics"))
        blocks += [[markdown_line(sheet.others.more)]] if sheet.others.more else []
    said = [*sheet.footnotes, *sheet.notes]
    if said:
        blocks.append([f"- {markdown(each)}" for each in said])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def rows_of(header: Sequence[str], rows: Sequence[Sequence[str]], aligned: str) -> list[str]:
    """Lines of a table whose cells are escaped already; `aligned` has l or r for each column."""
    rules = {"l": "---", "r": "---:"}
    return [
        f"| {' | '.join(header)} |",
        f"| {' | '.join(rules[each] for each in aligned)} |",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def grid(found: content.Grid, title: str) -> list[str]:
    header = [markdown(each) for each in (title, *found.header[1:])]
    rows = [[markdown(cell) for cell in row] for row in found.rows]
    return rows_of(header, rows, "l" * len(header))


def results(sheet: content.Sheet) -> list[str]:
    rows = [[markdown(cell) for cell in each.cells] for each in sheet.rows]
    for place, each in enumerate(sheet.rows):
        if each.is_top:
            rows[place][:3] = [f"**{cell}**" if cell else cell for cell in rows[place][:3]]
    kept = [n for n, column in enumerate(zip(*rows, strict=True)) if n < 3 or any(column)]
    chosen = [[row[n] for n in kept] for row in rows]
    aligned = "".join("lrrrrrl"[n] for n in kept)
    return rows_of([markdown(sheet.header[n]) for n in kept], chosen, aligned)
