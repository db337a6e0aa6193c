"""overnight query"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from overnight.cli import common

if TYPE_CHECKING:
    from overnight.app import querying


@common.verb(
    example="overnight query \"select run, best, best_step from metrics where metric = 'val_acc' "
    'order by best desc"'
)
@click.argument("statement", required=False)
@click.option("--run", "runs", multiple=True, metavar="RUN", help="Single values of this run only.")
@click.option(
    "--metric", "metrics", metavar="NAME", multiple=True, help="Single values of this metric only."
)
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, with every digit.")
@click.option("--tables", is_flag=True, help="What can be asked: the tables and their columns.")
@common.json_option
def command(
    statement: str | None,
    runs: Sequence[str],
    metrics: Sequence[str],
    as_csv: bool,
    tables: bool,
    as_json: bool,
) -> None:
    """Ask the results of all pulled runs in SQL; nothing can be changed.

    STATEMENT is one select over the tables that --tables shows (docs/results-store.md tells more).
    --run and --metric limit what the table `points` holds.
    """
    with common.project(as_json) as o:
        from overnight.app import querying
        from overnight.core import errors

        if tables:
            known = querying.tables(o)
            text = "\n".join(f"{name}({', '.join(columns)})" for name, columns in known.items())
            common.emit(known, text, as_json)
            return
        if not statement:
            raise errors.UsageError("what is the question?", hint="overnight query --tables")
        wanted = querying.Wanted(statement=statement, runs=runs, metrics=metrics)
        with querying.ask(o, wanted) as answer:
            show(answer, as_csv, as_json)


def show(answer: querying.Answer, as_csv: bool, as_json: bool) -> None:
    from overnight.results import table_text

    if as_json:
        lines = table_text.as_json(answer.columns, answer.rows)
    elif as_csv:
        lines = table_text.as_csv(answer.columns, answer.rows)
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        lines = table_text.lines(answer.columns, answer.rows, width)
    for line in lines:
        print(line)
    sys.stdout.flush()
