"""overnight run"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from overnight.cli import common, terminal

if TYPE_CHECKING:
    from overnight.app.preparing import Prepared


@common.verb(example="overnight run train01 --gpus 2 -- python train.py --lr 0.1")
@click.argument("name", required=False)
@common.server_option
@common.gpus_option
@click.option(
    "--priority", type=int, metavar="N", help="Starts before runs of a lower one; 0 by default."
)
@click.option(
    "--after", multiple=True, metavar="RUN", help="Starts when RUN has finished. Repeatable."
)
@click.option("--no-smoke", is_flag=True, help="Launch without a smoke test.")
@click.option("--dry-run", is_flag=True, help="Show what would run, and every precomputed repair.")
@common.json_option
@common.with_command
def command(
    name: str | None,
    server: str | None,
    gpus: float | None,
    priority: int | None,
    after: tuple[str, ...],
    no_smoke: bool,
    dry_run: bool,
    as_json: bool,
    argv: list[str],
) -> None:
    """sync + smoke + launch; returns when the run has shown life on the server.

    The smoke test is `smoke` of overnight.toml, or the command itself within a time box of
    [smoke] time_box_s (180 s). It is needed once for the same code and command.

    Where several servers are configured and none is chosen, it goes to the one where it would
    end first. Where there is no room it waits there, and starts with the laptop closed.

    Typed again with the same name and content after it was cut short, it goes on where it
    stopped: one run, never two. Without NAME the run is called train01, train02, …
    """
    with common.project(as_json) as o:
        if not dry_run:
            common.opened(o, server)
        from overnight.app import launching

        if dry_run:
            plan = launching.placed(o, name, server, argv, gpus)
            common.emit(plan.to_json(), dry(plan), as_json)
            return
        turn = launching.Turn(priority=priority, after=after)
        done = launching.run(o, name, server, argv, gpus, with_smoke=not no_smoke, turn=turn)
        text = f"{done.run} on {done.server}: {done.state}, {done.sign}"
        if done.existed:
            text += "  (this run was there already; nothing was started twice)"
        text += f"\n  next: overnight logs {done.run} -f   |   overnight status"
        common.emit(done.to_json(), text, as_json)


AT_START = {
    "port": "rendezvous port: a free one at each start",
    "gpu_numbers": "GPUs: those of the run, told to DeepSpeed by number",
    "rank_logs": "logs: one of each rank too, in the attempt's folder",
}


def dry(plan: Prepared) -> str:
    """Everything that may happen in the night, to read before going to bed."""
    value = plan.to_json()
    return terminal.safe_text("\n".join([*batches(value), *after(plan, value), *notes(value)]))


def batches(value: dict[str, Any]) -> list[str]:
    """The command as typed, then what is tried after each CUDA out of memory."""
    from overnight.core import command as commands

    lines = ["would run, in this order after each CUDA out of memory:"]
    for number, variant in enumerate(value["variants"], 1):
        total = variant["effective_batch"]
        size = f"  effective batch {total}" if total is not None else ""
        asked = "  (changes the effective batch: only with consent)" * variant["changes_science"]
        lines.append(f"  {number}. {variant['label']}{size}{asked}")
        lines.append(f"     {commands.show(variant['argv'])}")
        lines += [f"     {changed(each)}" for each in variant["changes"]]
    return lines


def changed(change: dict[str, Any]) -> str:
    """`configs/exp1.yaml: train.batch_size 64 -> 32`, and `--accum 1 -> 2 (added)`."""
    added = "  (added)" * change["added"]
    return f"{change['where']} {change['old']} -> {change['new']}{added}"


def after(plan: Prepared, value: dict[str, Any]) -> list[str]:
    lines = [f"to go on after an end: {resumed(plan)}"]
    lines += [f"can be turned: {setting(each)}" for each in value["settings"]]
    lines += [AT_START[name] for name in value["at_start"]]
    lines.append("what is done about a failure ([recovery] changes it):")
    by_action: dict[str, list[str]] = {}
    for kind, rule in value["policy"].items():
        limit = f" (at most {rule['limit']}x)" if rule["limit"] else ""
        own = " (overnight.toml)" if rule["own"] else ""
        by_action.setdefault(rule["action"], []).append(f"{kind}{limit}{own}")
    return [*lines, *(f"  {action}: {', '.join(kinds)}" for action, kinds in by_action.items())]


def setting(each: dict[str, Any]) -> str:
    if each["name"] == "exclude":
        return f"exclude, by {each['where']}"
    value = "not given" if each["value"] is None else each["value"]
    return f"{each['name']} ({value}) at {each['where']}"


def notes(value: dict[str, Any]) -> list[str]:
    found = [value["note"], *(f"{name}: {why}" for name, why in value["refused"].items())]
    told = [f"note: {each}" for each in dict.fromkeys(found) if each]
    return [*(f"assumed: {each}" for each in value["assumed"]), *told]


def resumed(plan: Prepared) -> str:
    from overnight.core import command as commands

    words = plan.spec.resume
    if words is None:
        return "from the beginning (no resume flag is known)"
    return "the script resumes itself" if words == "auto" else f"with {commands.show(words)}"
