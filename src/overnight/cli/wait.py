"""overnight wait"""

from __future__ import annotations

import click

from overnight.cli import common, terminal
from overnight.core import views


@common.verb(example="overnight wait train01 train02 --timeout 3600")
@click.argument("runs", nargs=-1, required=True)
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up after this (exit code 7).")
@common.json_option
def command(runs: tuple[str, ...], timeout: float | None, as_json: bool) -> None:
    """Wait until all RUNS have ended; says each change of state as it comes.

    Exit code: 0 all finished, 3 one failed or was stopped, 5 one needs a decision, 7 timed out.
    """
    with common.project(as_json) as o:
        from overnight.app import following

        def changed(view: views.RunView) -> None:
            if not view.ended or len(runs) > 1:  # the end of the only one is the result
                o.talk.say(line(view))

        ended = following.wait(o, runs, timeout_s=timeout, changed=changed)
        text = "\n".join(map(line, ended))
        common.emit({"runs": [view.to_json() for view in ended]}, text, as_json)
        raise click.exceptions.Exit(exit_code({view.state for view in ended}))


def line(view: views.RunView) -> str:
    return terminal.safe_text(f"{view.name}  {view.state}  {view.reason}".rstrip())


def exit_code(states: set[str]) -> int:
    if "needs-decision" in states:
        return 5
    return 0 if states <= {"finished"} else 3
