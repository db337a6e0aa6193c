"""A report as a page of HTML with curves, which opens on a phone and needs no network."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from overnight.results import page
from overnight.results.page import blocks
from overnight.results.report import parts, sections
from overnight.results.report.model import Report
from overnight.results.report.parts import Item, Section, Table

KINDS: dict[str, blocks.Kind] = {
    parts.BAD: "bad",
    parts.WARNING: "warning",
    parts.GOOD: "good",
    parts.RUNNING: "running",
    parts.NEUTRAL: "neutral",
}


def document(found: Report, charts: Sequence[page.Chart] = (), missing: Sequence[str] = ()) -> str:
    """`charts`: the curves of its runs; `missing`: why some are not there."""
    told = sections.sections(found)
    listed = [page.Section("At a glance", list(glance(found, told)))]
    listed += [page.Section(each.title, list(of_section(each))) for each in told]
    if charts or missing:
        shown = [page.chart(each) for each in charts]
        shown += [page.paragraph(each, quiet=True) for each in missing]
        listed.insert(behind_results(told), page.Section("Curves of the runs", shown))
    made = time.strftime("%a %d %b %Y %H:%M", time.localtime(found.window.until))
    note = f"overnight report of {made}. Every number is traced by overnight results RUN."
    return page.document(sections.title(found), listed, note=note)


def behind_results(told: Sequence[Section]) -> int:
    """Where the curves stand on the page, whose first section is not among `told`."""
    keys = [each.key for each in told]
    if "results" in keys:
        return keys.index("results") + 2
    return len(keys) + 1


def glance(found: Report, told: Sequence[Section]) -> Iterator[page.Block]:
    yield page.paragraph(sections.summary(found))
    if not any(each.key in ("decisions", "failed", "servers") for each in told):
        yield page.status_list([page.Status("good", sections.QUIET)])


def of_section(shown: Section) -> Iterator[page.Block]:
    for each in shown.items:
        yield from item(each)
    if shown.table:
        yield table(shown.table)
    yield from (page.paragraph(each, quiet=True) for each in shown.notes)


def item(shown: Item) -> Iterator[page.Block]:
    said = " ".join(f"{each.rstrip('.')}." for each in shown.says if each)
    yield page.status_list([page.Status(KINDS[shown.tone], shown.head, said)])
    if shown.commands:
        yield page.commands(shown.commands)


def table(shown: Table) -> page.Block:
    """Without the columns of which no row says anything."""
    kept = [
        n
        for n, column in enumerate(zip(*shown.rows, strict=True))
        if n == 0 or any(cell not in ("", "-") for cell in column)
    ]
    header = [shown.header[n] for n in kept]
    rows = [[row[n] for n in kept] for row in shown.rows]
    return page.table(header, rows, best=frozenset(shown.best))
