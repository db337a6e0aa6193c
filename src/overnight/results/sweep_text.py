"""A sweep's comparison as a table: for a terminal of any width, and in Markdown."""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from overnight.core import text
from overnight.results import wording
from overnight.results.comparison import grouping, sweeps
from overnight.results.comparison.arms import FINISHED, Arm, Comparison, Outcome, Stat
from overnight.results.tables import content, escaping, layout, rounding
from overnight.results.tables import markdown as tables

NO_PRIMARY = "no primary metric: set primary and goal under [metrics] in overnight.toml"
RUN_HEADER = ("run", "seed", "server", "state", "best", "at", "last", "took", "note")
REASON_LENGTH = 160


def table(
    found: Comparison,
    *,
    color: bool = False,
    width: int | None = None,
    every_run: bool = False,
) -> str:
    """Points with the best first and bold; then the runs that need a word (or every run).

    Where the points are wider than `width` columns they stand below each other. Ends with a
    newline.
    """
    blocks = [layout.wrapped(title(found), width), points_block(found, color, width)]
    runs = sweeps.in_order(found)
    listed = runs if every_run else [run for run in runs if needs_a_word(run)]
    if listed:
        blocks.append(runs_block(listed, width))
    told = [*found.notes, *unseen(found)]
    notes = [line for note in told for line in layout.wrapped(text.printable(note), width)]
    if notes:
        blocks.append(notes)
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def markdown(found: Comparison) -> str:
    """The same for a paper's draft or an issue; the best point is bold."""
    header = [escaping.markdown(each) for each in point_header(found)]
    rows = [[escaping.markdown(cell) for cell in point_row(found, arm)] for arm in found.arms]
    for arm, row in zip(found.arms, rows, strict=True):
        if is_top(found, arm):
            row[:] = [f"**{cell}**" if cell else cell for cell in row]
    lines = [escaping.markdown_line(title(found)), ""]
    lines += tables.rows_of(header, rows, "l" * len(header))
    told = [run for run in sweeps.in_order(found) if needs_a_word(run)]
    if told:
        cells = [[escaping.markdown(cell) for cell in run_row(run)] for run in told]
        lines += ["", *tables.rows_of(RUN_HEADER, cells, "l" * len(RUN_HEADER))]
    notes = [f"- {escaping.markdown(note)}" for note in (*found.notes, *unseen(found))]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def title(found: Comparison) -> str:
    """sweep lr-ablation, val_acc (max): 5 runs, 4 finished, 1 failed"""
    counts: dict[str, int] = {}
    for run in found.outcomes:
        counts[run.said] = counts.get(run.said, 0) + 1
    states = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    metric = f"{found.metric} ({found.goal})" if found.metric else NO_PRIMARY
    name, total = (found.sweep.name, found.sweep.total) if found.sweep else ("", 0)
    of = wording.count(total, "run")
    return text.printable(f"sweep {name}, {metric}: {of}, {states or 'none seen yet'}")


def unseen(found: Comparison) -> list[str]:
    """Servers follow the output and metrics.jsonl; the metric may stand in other files."""
    has_ended = any(run.state == FINISHED for run in found.outcomes)
    if not (found.metric and found.sweep and has_ended) or any(a.by_which for a in found.arms):
        return []
    name = shlex.quote(found.sweep.name)
    return [f"no server saw {found.metric}; overnight compare --sweep {name} reads the runs' files"]


# -- points -----------------------------------------------------------------------------------


def is_top(found: Comparison, arm: Arm) -> bool:
    """The best one, where there are two to compare."""
    return bool(found.indistinguishable) and arm is found.best


def axes(found: Comparison) -> list[str]:
    """The keys that vary, in the order of the sweep."""
    return list(dict.fromkeys(key for run in sweeps.in_order(found) for key in run.point or {}))


def has_base(found: Comparison) -> bool:
    return found.baseline is not None and found.baseline.arm is not None


def point_header(found: Comparison) -> tuple[str, ...]:
    which = "" if found.which == "best" else f"{found.which} "
    more = (f"{which}to base (95 %)",) if has_base(found) else ()
    return (*(text.printable(key) for key in axes(found)), "n", "best", "last", *more, "")


def point_row(found: Comparison, arm: Arm) -> tuple[str, ...]:
    known = [sweeps.values_at(arm, key) for key in axes(found)]
    values = [", ".join(map(shown, each)) or "-" for each in known]
    more = (difference(found, arm),) if has_base(found) else ()
    best, last = arm.by_which.get("best"), arm.by_which.get("last")
    n = str(best.n) if best else "0"
    cells = (*values, n, stat(best), stat(last), *more, remark(arm))
    return tuple(text.printable(cell) for cell in cells)


def shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def stat(found: Stat | None) -> str:
    """93.71 ± 0.17: the mean and the deviation of the sample; the value alone for one seed."""
    if found is None:
        return "-"
    if found.sd is None:
        return wording.number(found.mean)
    places = rounding.decimals(found.sd)
    return f"{rounding.fixed(found.mean, places)} ± {rounding.fixed(found.sd, places)}"


def difference(found: Comparison, arm: Arm) -> str:
    """+0.81 [+0.12, +1.50]"""
    if arm.is_baseline:
        return "base"
    test = found.test(arm.label)
    if test is None or test.difference is None:
        return "-"
    places = content.test_places(test)
    ends = content.interval(test.low, test.high, places, signed=True)
    return f"{rounding.fixed(test.difference, places, signed=True)} {ends}".rstrip()


def remark(arm: Arm) -> str:
    """What of the point's runs is not in its numbers; other code than that of other points."""
    counts: dict[str, int] = {}
    for each in arm.left_out:
        run = each.outcome
        word = "changed" if run.is_altered and run.state == FINISHED else run.said
        counts[word] = counts.get(word, 0) + 1
    told = [f"{count} {word}" for word, count in sorted(counts.items())]
    if grouping.CODE in arm.config:
        told.append(f"code {str(arm.config[grouping.CODE])[:8]}")
    return ", ".join(told)


def points_block(found: Comparison, color: bool, width: int | None) -> list[str]:
    header = point_header(found)
    rows = [point_row(found, arm) for arm in found.arms]
    lines = layout.columns([header, *rows])
    if not layout.fits(lines, width):
        return [line for row in rows for line in layout.stacked(header, row, width)]
    tops = [False, *(is_top(found, arm) for arm in found.arms)]
    return [wording.bold(line, color=color and top) for line, top in zip(lines, tops, strict=True)]


# -- runs -------------------------------------------------------------------------------------


def needs_a_word(run: Outcome) -> bool:
    """Whether something of it stands behind no number, or a repair stands behind one."""
    return run.state != FINISHED or bool(run.repairs) or run.age_s is not None


def runs_block(runs: Sequence[Outcome], width: int | None) -> list[str]:
    rows = [run_row(run) for run in runs]
    lines = layout.columns([RUN_HEADER[:-1], *(row[:-1] for row in rows)])
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
    if not layout.fits(lines, width):
        return [line for row in rows for line in layout.stacked(RUN_HEADER, row, width)]
    return shown_lines


def run_row(run: Outcome) -> tuple[str, ...]:
    best, last = run.told.get("best") or {}, run.told.get("last") or {}
    so_far = f"{wording.number(run.so_far)} so far" if run.so_far is not None else "-"
    cells = (
        run.run,
        "-" if run.seed is None else str(run.seed),
        run.server,
        run.said,
        value(best) if run.has_ended else so_far,
        (wording.place_told(best) if run.has_ended else "") or "-",
        value(last) if run.has_ended else "-",
        took(run.duration_s),
        note(run),
    )
    return tuple(text.printable(cell) for cell in cells)


def value(told: Mapping[str, Any]) -> str:
    found = told.get("value")
    return wording.number(found) if isinstance(found, (int, float)) else "-"


def took(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def note(run: Outcome) -> str:
    """Not counted and why, what was repaired, how old this is."""
    told = []
    if run.is_altered:
        told.append("changed by a repair, so not in the mean")
    told += [wording.repair(each) for each in run.repairs]
    if run.state not in (FINISHED, "running") and run.reason:
        told.append(textwrap.shorten(run.reason, REASON_LENGTH, placeholder=" …"))
    if run.age_s is not None:
        told.append(f"as it was {run.age_s / 60:.0f} min ago")
    return "; ".join(told)
