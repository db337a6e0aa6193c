"""overnight wait"""

from __future__ import annotations

import click

from overnight.cli import common


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

        ended = following.wait(
            o,
            runs,
            timeout_s=timeout,
            changed=lambda view: o.talk.say(f"{view.name}  {view.state}  {view.reason}".rstrip()),
        )
        text = "\n".join(f"{view.name}  {view.state}  {view.reason}".rstrip() for view in ended)
        common.emit({"runs": [view.to_json() for view in ended]}, text, as_json)
        raise click.exceptions.Exit(exit_code({view.state for view in ended}))


def exit_code(states: set[str]) -> int:
    if "needs-decision" in states:
        return 5
    return 0 if states <= {"finished"} else 3
