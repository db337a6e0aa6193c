"""overnight inspect"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from overnight.cli import common, screen, terminal

if TYPE_CHECKING:
    from overnight.app.inspecting import Tally
    from overnight.results.inspection import Inspected, Run
    from overnight.results.series import Series

NOTHING_READ = 2
MOST_SHOWN = 24  # series of a run
NAME_WIDTH, NUMBER_WIDTH = 24, 11
OTHERS_WIDTH = 70  # columns of a line without its curve
NARROW, WIDE = 10, 40
SENTENCES = 12


@common.verb(example="overnight inspect outputs/ events.out.tfevents.1700000000.gz")
@click.argument("paths", nargs=-1, metavar="PATH…")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line and file.")
def command(paths: tuple[str, ...], as_json: bool) -> int:
    """What a file of metrics holds, and how its curves do. Needs no project and no server.

    PATH is a file (also compressed by gzip) or a folder, of which every file is read that a reader
    knows. Exit code 2 where nothing could be read.
    """
    from overnight.app import inspecting
    from overnight.app.talk import Silent
    from overnight.core import errors

    if not paths:
        raise errors.UsageError("which file or folder?", hint="overnight inspect outputs/")
    tally = inspecting.Tally()
    talk = Silent() if as_json else screen.Screen()
    count = 0
    for found in inspecting.each(paths, talk, tally):
        count += found.reason is None
        told = json.dumps(found.to_json(), allow_nan=False) if as_json else text(found)
        print(told, flush=True)
    rest = closing(tally)
    if rest:
        click.echo(rest, err=True)
    return 0 if count else NOTHING_READ


def closing(tally: Tally) -> str:
    if not tally.files:
        return "there is no file"
    if not tally.unknown:
        return ""
    return f"{tally.unknown} of {tally.files} files are in no format that a reader knows"


def text(found: Inspected) -> str:
    return terminal.safe_text("\n".join(lines(found)))


def lines(found: Inspected) -> Iterator[str]:
    """A screen: what the file is, a line per series, what is to be said of its health."""
    if found.reason is not None:
        yield f"{one_line(found.file)}: {found.reason}"
        yield from skipped(found)
        yield ""
        return
    runs = f"{found.count} runs" if found.count != 1 else "1 run"
    yield f"{one_line(found.file)}   {found.format}   {runs}"
    for run in found.runs:
        yield from of_run(run)
    if found.left_out:
        yield f"  {found.left_out} more series are not shown"
    yield from skipped(found)
    yield ""


def of_run(run: Run) -> Iterator[str]:
    from overnight.results import health

    if run.name:
        yield f" run {one_line(run.name)}"
    width = max(NARROW, min(WIDE, shutil.get_terminal_size().columns - OTHERS_WIDTH))
    yield "  " + " ".join([" " * (NAME_WIDTH + 1 + width), *heads()])
    listed = run.series
    if len(listed) > MOST_SHOWN:  # the losses are not to be lost among ten thousand others
        listed = tuple(sorted(listed, key=lambda series: series.goal is None)[:MOST_SHOWN])
    for series in listed:
        yield row(series, width)
    if len(run.series) > MOST_SHOWN:
        yield f"  … {len(run.series) - MOST_SHOWN} more series: --json has them all"
    told = health.health_lines(run.health)
    for sentence in told[:SENTENCES]:
        yield f"  - {one_line(sentence)}"
    if len(told) > SENTENCES:
        yield f"  … {len(told) - SENTENCES} more: --json has them all"


def heads() -> list[str]:
    return [f"{'best':>{NUMBER_WIDTH}}", f"{'at':>9}", f"{'last':>{NUMBER_WIDTH}}", f"{'n':>7}"]


def row(series: Series, width: int) -> str:
    from overnight.results import inspection
    from overnight.results.draw.sparklines import sparkline

    best, last = series.best, inspection.last_finite(series)
    name = one_line(series.written)
    name = name if len(name) <= NAME_WIDTH else "…" + name[1 - NAME_WIDTH :]
    shown = [
        f"{name:{NAME_WIDTH}}",
        f"{sparkline(series.value[series.kept], width):{width}}",
        f"{number(series, best):>{NUMBER_WIDTH}}",
        f"{'' if best is None else f'{series.x[best]:g}':>9}",
        f"{number(series, last):>{NUMBER_WIDTH}}",
        f"{series.n:>7}",
    ]
    return "  " + " ".join(shown)


def number(series: Series, place: int | None) -> str:
    return "-" if place is None else f"{series.value[place]:.5g}"


def skipped(found: Inspected) -> Iterator[str]:
    total = len(found.skipped) + found.more_skipped
    if total:
        first = found.skipped[0]
        where = f"line {first['line']}: " if first["line"] is not None else ""
        yield f"  passed over: {total}; {where}{one_line(first['what'])} ({one_line(first['why'])})"


def one_line(shown: str) -> str:
    """Names and cells come from the file: nothing in them may act, or begin a line of its own."""
    from overnight.core import text as words

    return words.printable(shown)
