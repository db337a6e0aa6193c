"""overnight compare"""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, cast

import click

from overnight.cli import common, written
from overnight.core import errors

if TYPE_CHECKING:
    from overnight.app import Overnight
    from overnight.results.comparison.arms import Comparison, Which

ENDINGS = {
    "table": ".txt",
    "markdown": ".md",
    "csv": ".csv",
    "json": ".json",
    "html": ".html",
    "latex": ".tex",
}
WHICH = {"best": "best", "last": "last", "at-best": "at best validation"}


@common.verb(example="overnight compare --sweep lr-ablation --baseline lr=0.01 -o table.tex")
@click.argument("runs", nargs=-1)
@click.option("--sweep", metavar="NAME", help="All runs of this sweep.")
@click.option(
    "--baseline",
    metavar="B",
    help="What the others are measured against: a row (its label, or what its runs are called "
    "without the seed), a run, base for that of the sweep, or a number. By default the sweep's "
    "base, else the number in overnight.toml.",
)
@click.option(
    "--by",
    default="seed",
    show_default=True,
    metavar="KEY",
    help="What is pooled: runs that differ in nothing but their seed; none: each run by itself; a "
    "key of the configuration: a row for each of its values.",
)
@click.option("--metric", metavar="NAME", help="Another metric than the primary one.")
@click.option(
    "--which",
    type=click.Choice(tuple(WHICH)),
    help="Which value of each curve counts, the same for all: at-best is that at the best "
    "validation.",
)
@click.option("--best", "shortcut", flag_value="best", help="The same as --which best.")
@click.option("--last", "shortcut", flag_value="last", help="The same as --which last.")
@click.option("--format", "asked", type=click.Choice(tuple(ENDINGS)), help="How it is written.")
@click.option(
    "-o", "--output", metavar="FILE", help="Into a file: .txt, .md, .csv, .json, .html or .tex."
)
@click.option("--standalone", is_flag=True, help="LaTeX as a whole document, to look at.")
@click.option("--markdown", is_flag=True, help="The same as --format markdown.")
@common.server_option
@common.json_option
def command(
    runs: tuple[str, ...],
    sweep: str | None,
    baseline: str | None,
    by: str,
    metric: str | None,
    which: str | None,
    shortcut: str | None,
    asked: str | None,
    output: str | None,
    standalone: bool,
    markdown: bool,
    server: str | None,
    as_json: bool,
) -> None:
    """RUNS side by side, pooled over their seeds: what differed, and what is proven.

    Each row says its n, mean, spread and 95 % interval, the difference to the baseline, and p where
    a test is claimed. Runs that a repair has changed, and those that failed, are in no number and
    are told below. Results are fetched first.
    """
    if which and shortcut and which != shortcut:
        raise errors.UsageError(f"--{shortcut} and --which {which}: which one?", hint="leave one")
    asked = asked or ("markdown" if markdown else None)
    form = written.form(asked, output, as_json, ENDINGS, "table")
    with common.project(form == "json" and output is None) as o:
        from overnight.app import comparing

        wanted = which or shortcut
        found = comparing.compared(
            o,
            runs,
            sweep=sweep,
            baseline=baseline,
            by=by,
            metric=metric,
            which=cast("Which", WHICH[wanted]) if wanted else None,
            server=server,
        )
        written.out(rendered(o, found, form, output, standalone), output)
        if output is not None:
            o.talk.say(f"written to {output}")


def rendered(
    o: Overnight, found: Comparison, form: str, output: str | None, standalone: bool
) -> str:
    """Imports only what the format needs."""
    if form == "json":
        return json.dumps(found.to_json(), indent=2) + "\n"
    if form == "latex":
        from overnight.results.tables import latex

        return latex.table(found, standalone=standalone)
    if form == "table":
        from overnight.results.tables import terminal

        color, width = written.terminal(output)
        return terminal.table(found, color=color, width=width)
    if form == "html":
        from overnight.app import compared_curves
        from overnight.results.tables import html

        chart = compared_curves.chart(o, found)
        return html.table(found, [chart] if chart else [])
    module = importlib.import_module(f"overnight.results.tables.{form}")
    return str(module.table(found))
