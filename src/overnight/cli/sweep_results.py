"""overnight sweep results"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from overnight.cli import common, terminal, written

if TYPE_CHECKING:
    from overnight.app import Overnight
    from overnight.results.comparison.arms import Comparison


@common.verb(
    name="results",
    short_help="its table: each point with its mean and the difference to the base",
    example="overnight sweep results lr-ablation --markdown",
)
@click.argument("name", required=False)
@click.option("--markdown", is_flag=True, help="As a Markdown table.")
@click.option("--runs", "every_run", is_flag=True, help="A line for every run.")
@common.json_option
def results(name: str | None, markdown: bool, every_run: bool, as_json: bool) -> None:
    """The table of a sweep: each point with its mean over the seeds and the difference to the base.

    Without NAME the sweep that was begun last; names of the others are listed below. Runs whose
    experiment was changed by a repair are listed apart and are in no mean.
    """
    with common.project(as_json) as o:
        from overnight.app import sweep_results
        from overnight.results import sweep_text
        from overnight.results.comparison import sweeps

        chosen = name or newest(o)
        found = sweep_results.compared(o, chosen)
        text = sweep_text.markdown(found) if markdown else table(found, every_run=every_run)
        others = [each for each in sweep_results.named(o) if each != chosen]
        if name is None and others and not markdown:
            text += f"\nother sweeps: {terminal.safe_text(' '.join(others))}"
        common.emit(sweeps.to_json(found), text.rstrip("\n"), as_json)


def table(found: Comparison, *, every_run: bool = False) -> str:
    from overnight.results import sweep_text

    color, width = written.terminal(None)
    return sweep_text.table(found, color=color, width=width, every_run=every_run)


def newest(o: Overnight) -> str:
    """The sweep that was begun last, as far as this laptop has seen."""
    from overnight.app import sweep_results, sweep_views

    names = sweep_results.named(o)
    return names[0] if names else sweep_views.newest(o, cached=False)
