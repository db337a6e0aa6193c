"""A sweep's comparison as a table: for a terminal of any width, and in Markdown."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from overnight.core import text
from overnight.results import sweeps, wording
from overnight.results.sweeps import PointResult, SweepComparison, SweptRun

NO_PRIMARY = "no primary metric: set primary and goal under [metrics] in overnight.toml"
RUN_HEADER = ("run", "seed", "server", "state", "best", "at", "last", "took", "note")
REASON_LENGTH = 160


def table(
    found: SweepComparison,
    *,
    color: bool = False,
    width: int | None = None,
    every_run: bool = False,
) -> str:
    """Points with the best first and bold; then the runs that need a word (or every run).

    Where the points are wider than `width` columns they stand below each other. Ends with a
    newline.
    """
    blocks = [wrapped(title(found), width), points_block(found, color, width)]
    listed = found.runs if every_run else tuple(run for run in found.runs if needs_a_word(run))
    if listed:
        blocks.append(runs_block(listed, width))
    notes = [line for note in found.notes for line in wrapped(text.printable(note), width)]
    if notes:
        blocks.append(notes)
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def wrapped(sentence: str, width: int | None) -> list[str]:
    return [sentence] if width is None else textwrap.wrap(sentence, max(20, width))


def markdown(found: SweepComparison) -> str:
    """The same for a paper's draft or an issue; the best point is bold."""
    header = point_header(found)
    lines = [
        escaped(title(found)),
        "",
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
    ]
    for place, point in enumerate(found.points):
        cells = [escaped(cell) for cell in point_row(found, point)]
        if place == found.top:
            cells = [f"**{cell}**" if cell else cell for cell in cells]
        lines.append("| " + " | ".join(cells) + " |")
    told = [run for run in found.runs if needs_a_word(run)]
    if told:
        lines += ["", "| " + " | ".join(RUN_HEADER) + " |", "|" + " --- |" * len(RUN_HEADER)]
        lines += ["| " + " | ".join(map(escaped, run_row(run))) + " |" for run in told]
    notes = [f"- {escaped(note)}" for note in found.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def title(found: SweepComparison) -> str:
    """sweep lr-ablation, val_acc (max): 5 runs, 4 finished, 1 failed"""
    counts: dict[str, int] = {}
    for run in found.runs:
        counts[run.said] = counts.get(run.said, 0) + 1
    states = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    metric = f"{found.primary} ({found.goal})" if found.primary else NO_PRIMARY
    of = wording.count(found.total, "run")
    return text.printable(f"sweep {found.name}, {metric}: {of}, {states or 'none seen yet'}")


# -- points -----------------------------------------------------------------------------------


def axes(found: SweepComparison) -> list[str]:
    """The keys that vary, in the order of the sweep."""
    return list(dict.fromkeys(key for run in found.runs for key in run.point))


def point_header(found: SweepComparison) -> tuple[str, ...]:
    has_base = any(point.is_base for point in found.points)
    more = ("to base (95 %)",) if has_base else ()
    return (*(text.printable(key) for key in axes(found)), "n", "best", "last", *more, "")


def point_row(found: SweepComparison, point: PointResult) -> tuple[str, ...]:
    values = [shown(point.point[key]) if key in point.point else "-" for key in axes(found)]
    has_base = any(each.is_base for each in found.points)
    more = (difference(point),) if has_base else ()
    n = str(point.best.n) if point.best else "0"
    cells = (*values, n, stat(point.best), stat(point.last), *more, remark(point))
    return tuple(text.printable(cell) for cell in cells)


def shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def stat(found: sweeps.Stat | None) -> str:
    """93.7 ± 0.2: the mean and the deviation of the sample; the value alone for one seed."""
    if found is None:
        return "-"
    mean = wording.number(found.mean)
    return mean if found.sd is None else f"{mean} ± {found.sd:.2g}"


def difference(point: PointResult) -> str:
    """+0.8 [+0.1, +1.5]"""
    found = point.difference
    if point.is_base:
        return "base"
    if found is None:
        return "-"
    value = f"{found.value:+.4g}"
    if found.low is None or found.high is None:
        return value
    return f"{value} [{found.low:+.3g}, {found.high:+.3g}]"


def remark(point: PointResult) -> str:
    """What of the point's runs is not in its numbers."""
    counts: dict[str, int] = {}
    for run in point.runs:
        if not run.is_pooled:
            word = "changed" if run.is_changed and run.state == sweeps.FINISHED else run.said
            counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))


def points_block(found: SweepComparison, color: bool, width: int | None) -> list[str]:
    header = point_header(found)
    rows = [point_row(found, point) for point in found.points]
    lines = columns([header, *rows])
    if width is not None and any(len(line) > width for line in lines):
        return [line for row in rows for line in stacked(header, row, width)]
    return [
        wording.bold(line, color=color and place - 1 == found.top)
        for place, line in enumerate(lines)
    ]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def stacked(header: Sequence[str], row: Sequence[str], width: int) -> Iterator[str]:
    """One below the other, a line for each cell that says something."""
    label = max(map(len, header))
    lead = "- "
    for name, cell in zip(header, row, strict=True):
        if cell in ("", "-"):
            continue
        parts = textwrap.wrap(cell, max(20, width - label - 4)) or [""]
        yield f"{lead}{name:<{label}}  {parts[0]}"
        yield from (" " * (label + 4) + rest for rest in parts[1:])
        lead = "  "


# -- runs -------------------------------------------------------------------------------------


def needs_a_word(run: SweptRun) -> bool:
    """Whether something of it stands behind no number, or a repair stands behind one."""
    return run.state != sweeps.FINISHED or bool(run.repairs) or run.age_s is not None


def runs_block(runs: Sequence[SweptRun], width: int | None) -> list[str]:
    rows = [run_row(run) for run in runs]
    lines = columns([RUN_HEADER[:-1], *(row[:-1] for row in rows)])
    shown_lines = [lines[0]]
    for line, row in zip(lines[1:], rows, strict=True):
        shown_lines.append(line)
        if row[-1]:
            shown_lines += textwrap.wrap(
                row[-1],
                max(30, (width or 100) - 4),
                initial_indent="    ",
                subsequent_indent="    ",
            )
    if width is not None and any(len(line) > width for line in lines):
        return [line for row in rows for line in stacked(RUN_HEADER, row, width)]
    return shown_lines


def run_row(run: SweptRun) -> tuple[str, ...]:
    best, last = run.best or {}, run.last or {}
    so_far = f"{wording.number(run.so_far)} so far" if run.so_far is not None else "-"
    cells = (
        run.name,
        "-" if run.seed is None else str(run.seed),
        run.server,
        run.said,
        value(best) if run.has_ended else so_far,
        place(best) if run.has_ended else "-",
        value(last) if run.has_ended else "-",
        took(run.duration_s),
        note(run),
    )
    return tuple(text.printable(cell) for cell in cells)


def value(told: Mapping[str, Any]) -> str:
    found = told.get("value")
    return wording.number(found) if isinstance(found, (int, float)) else "-"


def place(told: Mapping[str, Any]) -> str:
    if told.get("epoch") is not None:
        return f"epoch {wording.number(told['epoch'])}"
    return f"step {told['step']}" if told.get("step") is not None else "-"


def took(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def note(run: SweptRun) -> str:
    """Not counted and why, what was repaired, how old this is."""
    told = []
    if run.is_changed:
        told.append("changed by a repair, so not in the mean")
    told += [wording.repair(each) for each in run.repairs]
    if run.state not in (sweeps.FINISHED, "running") and run.reason:
        told.append(textwrap.shorten(run.reason, REASON_LENGTH, placeholder=" …"))
    if run.age_s is not None:
        told.append(f"as it was {run.age_s / 60:.0f} min ago")
    return "; ".join(told)


def escaped(cell: str) -> str:
    shown_cell = text.printable(cell).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return re.sub(r"([*_`])", r"\\\1", shown_cell)
