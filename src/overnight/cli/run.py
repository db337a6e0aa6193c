"""overnight run"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from overnight.cli import common

if TYPE_CHECKING:
    from overnight.app.preparing import Prepared


@common.verb(example="overnight run train01 --gpus 2 -- python train.py --lr 0.1")
@click.argument("name", required=False)
@common.server_option
@common.gpus_option
@click.option("--no-smoke", is_flag=True, help="Launch without a smoke test.")
@click.option("--dry-run", is_flag=True, help="Show what would run, and every precomputed repair.")
@common.json_option
@common.with_command
def command(
    name: str | None,
    server: str | None,
    gpus: int | None,
    no_smoke: bool,
    dry_run: bool,
    as_json: bool,
    argv: list[str],
) -> None:
    """sync + smoke + launch; returns when the run has shown life on the server.

    Typed again with the same name and content after it was cut short, it goes on where it
    stopped: one run, never two. Without NAME the run is called train01, train02, …
    """
    with common.project(as_json) as o:
        if not dry_run:
            common.opened(o, server)
        from overnight.app import launching

        if dry_run:
            plan = launching.prepared(o, server, argv, gpus)
            common.emit(plan.to_json(), dry(plan), as_json)
            return
        done = launching.run(o, name, server, argv, gpus, with_smoke=not no_smoke)
        text = f"{done.run} on {done.server}: {done.state}, {done.sign}"
        if done.existed:
            text += "  (this run was there already; nothing was started twice)"
        text += f"\n  next: overnight logs {done.run} -f   |   overnight status"
        common.emit(done.to_json(), text, as_json)


def dry(plan: Prepared) -> str:
    from overnight.core import command as commands

    lines = ["would run, in this order after each CUDA out of memory:"]
    for number, variant in enumerate(plan.spec.variants):
        asked = "  (changes the effective batch: only with consent)" * variant["changes_science"]
        lines.append(f"  {number + 1}. {variant['label']}{asked}")
        lines.append(f"     {commands.show(variant['argv'])}")
    if plan.note:
        lines.append(f"note: {plan.note}")
    lines.append(f"after a signal, a reboot or a lost process: {resumed(plan)}")
    return "\n".join(lines)


def resumed(plan: Prepared) -> str:
    from overnight.core import command as commands

    words = plan.spec.resume
    if words is None:
        return "from the beginning (no resume flag is known)"
    return "the script resumes itself" if words == "auto" else f"with {commands.show(words)}"
