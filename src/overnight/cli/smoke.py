"""overnight smoke"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from overnight.cli import common, render

if TYPE_CHECKING:
    from overnight.train.smoke import Verdict


@common.verb(example="overnight smoke -- python train.py --epochs 1")
@common.server_option
@common.gpus_option
@click.option("--time-box", type=float, metavar="SECONDS", help="End a healthy test after this.")
@common.json_option
@common.with_command
def command(
    server: str | None, gpus: float | None, time_box: float | None, as_json: bool, argv: list[str]
) -> None:
    """Run the training briefly in the foreground on the server, and judge it.

    It passes with exit code 0 (or healthy at the end of the time box), a loss that is finite and
    does not rise, and outputs where overnight.toml declares them. Ctrl-C leaves nothing behind.
    Words after -- are the command; without them, `smoke` or `train` of overnight.toml.
    """
    with common.project(as_json) as o:
        common.opened(o, server)
        from overnight.app import launching
        from overnight.core import errors

        verdict = launching.smoke_test(o, server, argv, gpus, time_box)
        common.emit(verdict.to_json(), shown(verdict), as_json)
        if not verdict.passed:
            raise click.exceptions.Exit(errors.CheckFailed.exit_code)


def shown(verdict: Verdict) -> str:
    lines = ["smoke test passed" if verdict.passed else "smoke test did not pass"]
    lines += [f"  mend: {problem}" for problem in verdict.problems]
    lines += [f"  {finding}" for finding in verdict.findings]
    if verdict.step_time_s is not None:
        lines.append(f"  {verdict.step_time_s:.3g} s per step")
    if verdict.full_run_s is not None:
        lines.append(f"  the full run will take about {render.duration(verdict.full_run_s)}")
    return "\n".join(lines)
