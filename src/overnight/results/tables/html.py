"""A comparison as a page of HTML that needs no network, or as the parts of a larger one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from overnight.results import page
from overnight.results.comparison.arms import Comparison
from overnight.results.tables import content


def table(found: Comparison, charts: Sequence[page.Chart] = ()) -> str:
    """A whole page; `charts` stand below the results."""
    title = found.sweep.name if found.sweep else found.metric or "Comparison"
    sections = []
    sheet = content.sheet(found)
    if sheet.differences:
        sections.append(page.Section("What differed", [grid(sheet.differences)]))
    sections.append(page.Section("Results", list(results(found, sheet))))
    if charts:
        sections.append(page.Section("Curves", [page.chart(each) for each in charts]))
    if sheet.others:
        more = [page.paragraph(sheet.others.more, quiet=True)] * bool(sheet.others.more)
        sections.append(page.Section("Other metrics", [grid(sheet.others), *more]))
    said = [*sheet.footnotes, *sheet.notes]
    if said:
        notes = [page.paragraph(each) for each in said]
        sections.append(page.Section("What the numbers do not say", notes))
    return page.document(title, sections, note="overnight compare")


def results(found: Comparison, sheet: content.Sheet) -> Iterator[page.Block]:
    """The table with its caption; also for a page of something larger."""
    yield page.paragraph(sheet.title)
    if found.metric is None:
        return
    rows = [each.cells for each in sheet.rows]
    kept = [n for n, column in enumerate(zip(*rows, strict=True)) if n < 3 or any(column)]
    tops = frozenset(n for n, each in enumerate(sheet.rows) if each.is_top)
    yield page.table(
        [sheet.header[n] for n in kept],
        [[strong(row[n], place in tops and n < 3) for n in kept] for place, row in enumerate(rows)],
        best=tops,
        align="".join("lrrrrrl"[n] for n in kept),
        caption=content.caption(found),
    )


def strong(shown: str, is_strong: bool) -> page.Cell:
    return page.Cell(shown, strong=is_strong)


def grid(found: content.Grid) -> page.Block:
    return page.table(found.header, found.rows, align="l" * len(found.header))
