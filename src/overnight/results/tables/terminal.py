"""A comparison for a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from overnight.results import wording
from overnight.results.comparison.arms import Comparison
from overnight.results.tables import content, layout

INTERVAL, REMARK = 4, 7  # columns of the results


def table(found: Comparison, *, color: bool = False, width: int | None = None) -> str:
    """What differed, the results with the best bold, then what the numbers do not say.

    Where a table is wider than `width` columns its rows stand below each other. Ends with a
    newline.
    """
    sheet = content.sheet(found)
    blocks = [layout.wrapped(layout.safe(sheet.title), width)]
    if sheet.differences:
        blocks.append(grid(sheet.differences, width, title="what differed"))
    if found.metric is not None:
        blocks.append(results(sheet, color, width))
    if sheet.others:
        blocks.append(grid(sheet.others, width, title="other metrics"))
    said = [*sheet.footnotes, *sheet.notes]
    if found.metric is not None:
        said += [f"*: {content.top_words(found)}"] * bool(found.indistinguishable) + [
            content.method(found)
        ]
    if said:
        blocks.append([line for each in said for line in sentence(each, width)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def sentence(said: str, width: int | None) -> list[str]:
    return layout.wrapped(layout.safe(said), width, indent="  ")


# -- results ----------------------------------------------------------------------------------


def results(sheet: content.Sheet, color: bool, width: int | None) -> list[str]:
    """What does not fit goes below its row, then below the name of the arm."""
    header, rows = cells(sheet)
    for below in ((), (REMARK,), (INTERVAL, REMARK)):
        beside = [n for n in range(len(header)) if n not in below]
        chosen = [[row[n] for n in beside] for row in (header, *rows)]
        lines = layout.columns(chosen)
        if layout.fits(lines, width):
            return list(with_the_rest(sheet, (header, rows), lines, below, color, width))
    return [
        line
        for told, row in zip(sheet.rows, rows, strict=True)
        for line in stacked(header, row, color and told.is_top, width)
    ]


def with_the_rest(
    sheet: content.Sheet,
    told: tuple[list[str], list[list[str]]],
    lines: Sequence[str],
    below: Sequence[int],
    color: bool,
    width: int | None,
) -> Iterator[str]:
    """Each line, and under it the cells of the columns `below`."""
    header, rows = told
    yield lines[0]
    for each, row, line in zip(sheet.rows, rows, lines[1:], strict=True):
        yield wording.bold(line, color=color and each.is_top)
        rest = "; ".join(f"{header[n]} {row[n]}".strip() for n in below if row[n])
        if rest:
            yield from layout.wrapped(f"    {rest}", width, indent="    ")


def cells(sheet: content.Sheet) -> tuple[list[str], list[list[str]]]:
    """Header and rows; the numbers of each column have their points below each other."""
    rows = sheet.rows
    columns = [
        ["*" if each.is_top else "" for each in rows],
        [layout.safe(each.label) for each in rows],
        [each.n for each in rows],
        joined([each.mean for each in rows], [each.spread for each in rows], " ± "),
        [each.interval for each in rows],
        joined([each.difference for each in rows], [each.difference_interval for each in rows]),
        [each.p for each in rows],
        [layout.safe(each.remark) for each in rows],
    ]
    return header(sheet), [list(row) for row in zip(*columns, strict=True)]


def joined(numbers: Sequence[str], more: Sequence[str], between: str = " ") -> list[str]:
    """Numbers and what belongs to them, both aligned."""
    first, second = layout.aligned(numbers), layout.aligned(more)
    size = max(map(len, first), default=0)
    return [
        f"{one.ljust(size)}{between}{two}" if two else one
        for one, two in zip(first, second, strict=True)
    ]


def header(sheet: content.Sheet) -> list[str]:
    """Empty where no row says anything, so that the column goes away."""
    rows = sheet.rows
    return [
        "",
        "",
        "n",
        layout.safe(sheet.metric),
        "95 %" if any(each.interval for each in rows) else "",
        layout.safe(sheet.to) if any(each.difference for each in rows) else "",
        "p" if any(each.p for each in rows) else "",
        "",
    ]


def stacked(
    header: Sequence[str], row: Sequence[str], is_bold: bool, width: int | None
) -> Iterator[str]:
    """The name of the arm, then a line for each of its cells."""
    star, label, *told = row
    for line in layout.wrapped(f"{star or '-'} {label}", width, indent="  "):
        yield wording.bold(line, color=is_bold)
    yield from layout.stacked(header[2:], told, width, lead="  ")


# -- plain tables -----------------------------------------------------------------------------


def grid(found: content.Grid, width: int | None, *, title: str) -> list[str]:
    header = [layout.safe(each) for each in (title, *found.header[1:])]
    rows = [[layout.safe(cell) for cell in row] for row in found.rows]
    columns = [layout.aligned(column) for column in zip(*rows, strict=True)]
    lines = layout.columns([header, *(list(row) for row in zip(*columns, strict=True))])
    if not layout.fits(lines, width):
        lines = [f"{header[0]}:"]
        for row in rows:
            lines += layout.wrapped(f"- {row[0]}", width, indent="  ")
            lines += layout.stacked(header[1:], row[1:], width, lead="  ")
    return lines + ([layout.safe(found.more)] if found.more else [])
