"""overnight pull"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from overnight.cli import common, screen, terminal

if TYPE_CHECKING:
    from overnight.results.pulling.pull import Pulled


@common.verb(example="overnight pull train01 --include 'best.pt'")
@click.argument("runs", nargs=-1)
@click.option("--include", multiple=True, metavar="PATTERN", help="Fetch these although skipped.")
@click.option("--skip", multiple=True, metavar="PATTERN", help="Leave these out as well.")
@common.server_option
@common.json_option
def command(
    runs: tuple[str, ...],
    include: tuple[str, ...],
    skip: tuple[str, ...],
    server: str | None,
    as_json: bool,
) -> None:
    """Fetch what RUNS have written (all runs without RUNS), verified by size and hash.

    Checkpoints and weights stay on the server unless included. Cut short, it goes on where it
    stopped when typed again.
    """
    with common.project(as_json) as o:
        from overnight.app import evaluating, following
        from overnight.core import places

        names = runs or tuple(run.name for each in following.status(o) for run in each.runs)
        done = {run: evaluating.pull(o, run, server, skip=skip, include=include) for run in names}
        lines = [line for run, pulled in done.items() for line in shown(run, pulled)]
        one = next(iter(done)) if len(done) == 1 else "*"
        lines.append(f"in {places.results_folder(o.root, one)}" if done else "no runs to pull")
        common.emit(
            {run: to_json(pulled) for run, pulled in done.items()}, "\n".join(lines), as_json
        )


def shown(run: str, pulled: Pulled) -> list[str]:
    lines = [
        f"{run}  {len(pulled.files)} files fetched ({screen.size(pulled.bytes)}), "
        f"{pulled.unchanged} were here already"
    ]
    if pulled.skipped:
        total = sum(each.size for each in pulled.skipped)
        first = pulled.skipped[0].path.removeprefix("work/")
        lines.append(
            f"  left on the server: {len(pulled.skipped)} checkpoints, weights or links "
            f"({screen.size(total)}), such as {first}; --include PATTERN fetches them"
        )
    return [terminal.safe_text(line) for line in lines]


def to_json(pulled: Pulled) -> dict[str, object]:
    return {
        "files": list(pulled.files),
        "unchanged": pulled.unchanged,
        "bytes": pulled.bytes,
        "skipped": [
            {"path": each.path, "size": each.size, "reason": each.reason} for each in pulled.skipped
        ],
    }
