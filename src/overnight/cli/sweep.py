"""overnight sweep, and what is done with one: status, stop, resume, retry-failed, add, list"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from overnight.cli import common, sweep_results, sweep_search
from overnight.core import command as commands
from overnight.core import errors

if TYPE_CHECKING:
    from overnight.app.sweep_plan import Plan, Wish

HELP = {"help_option_names": ["-h", "--help"]}
START = "start"
yes_option = click.option("--yes", is_flag=True, help="Do not ask; for agents and scripts.")
smoke_option = click.option("--no-smoke", is_flag=True, help="Launch without smoke tests.")
dry_option = click.option("--dry-run", is_flag=True, help="Show the runs; start nothing.")
cached_option = click.option("--cached", is_flag=True, help="Ask no server; what was seen last.")


class Sweep(click.Group):
    """What is typed without a verb of its own starts a sweep: `overnight sweep lr=1e-3,3e-4`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and args[:1] not in [[name] for name in ("-h", "--help")]:
            is_verb = bool(args) and args[0] in self.commands
            args = args if is_verb else [START, *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=Sweep,
    epilog="Example:  overnight sweep configs/base.yaml lr=1e-3,3e-4 warmup=500,2000 --seeds 3",
    context_settings=HELP,
    subcommand_metavar="[CONFIG] KEY=V1,V2… | VERB",
)
def command() -> None:
    """Runs that belong together: an ablation, a grid, seeds; spread over free GPUs.

    `overnight sweep lr=1e-3,3e-4 warmup=500,2000` is short for `overnight sweep start …`.
    """


@command.command(
    START,
    short_help="show the runs, ask, test and launch them",
    epilog="Example:  overnight sweep configs/base.yaml lr=1e-3,3e-4 --seeds 3 --max-concurrent 4",
    context_settings=HELP,
)
@click.argument("words", nargs=-1, metavar="[CONFIG] KEY=V1,V2…")
@click.option("--ablate", "mode", flag_value="ablate", help="One change at a time (the default).")
@click.option("--grid", "mode", flag_value="grid", help="Every combination.")
@click.option("--name", metavar="NAME", help="What the sweep is called.")
@click.option("--seeds", metavar="N|A,B,…", help="Each point with so many seeds, or with these.")
@click.option("--file", "path", metavar="FILE", help="A sweep that is written down (sweep.toml).")
@common.gpus_option
@click.option("--server", "servers", multiple=True, metavar="NAME", help="Only there; repeatable.")
@click.option(
    "--max-concurrent", type=click.IntRange(min=1), metavar="N", help="So many at once at most."
)
@click.option("--priority", type=int, metavar="N", help="A higher one starts before a lower one.")
@click.option("--after", multiple=True, metavar="RUN", help="Only once RUN has finished.")
@sweep_search.options
@smoke_option
@yes_option
@dry_option
@common.json_option
@common.with_command
def start(
    search: bool,
    trials: int | None,
    at_once: int | None,
    no_prune: bool,
    no_smoke: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **typed: Any,
) -> int:
    """Each KEY is looked for in this order: in a Hydra configuration; in the YAML, JSON or TOML
    file that the command names, or in CONFIG in its place; among the flags of the script.

    First the base as it is, then one change at a time. The table of runs is shown before anything
    starts. The same sweep typed again after a cut goes on with the same runs.
    """
    if search:
        wish, axes = search_wish(dry_run, **typed)
        return sweep_search.carried_out(
            wish,
            axes,
            trials=trials,
            at_once=at_once,
            no_prune=no_prune,
            no_smoke=no_smoke,
            as_json=as_json,
        )
    sweep_search.refuse_without_search(trials, at_once, no_prune)
    with common.project(as_json) as o:
        from overnight.app import sweep_making

        wish = wished(**typed)
        check_count(wish, yes or dry_run, as_json)
        plan = sweep_making.make(o, wish)
        return carried_out(o, plan, no_smoke=no_smoke, yes=yes, dry_run=dry_run, as_json=as_json)


def search_wish(dry_run: bool, words: tuple[str, ...], **typed: Any) -> tuple[Wish, list[str]]:
    """What a search takes over from how a sweep is typed, and its axes as they were written."""
    unfit = {"--dry-run": dry_run, **{f"--{name}": typed[name] for name in ("mode", "seeds")}}
    unfit |= {"--file": typed["path"], "--max-concurrent": typed["max_concurrent"]}
    wrong = next((name for name, value in unfit.items() if value), None)
    if wrong is not None:
        wrong = f"--{typed['mode']}" if wrong == "--mode" else wrong
        raise errors.UsageError(
            f"{wrong} does not go with --search", hint="overnight sweep start --help"
        )
    base, axes = split(words)
    left_out = dict.fromkeys(("mode", "seeds", "path", "max_concurrent"))
    words = (base,) if base else ()
    return wished(words=words, **{**typed, **left_out}), axes


def wished(
    words: tuple[str, ...],
    mode: str | None,
    name: str | None,
    seeds: str | None,
    path: str | None,
    gpus: float | None,
    servers: tuple[str, ...],
    max_concurrent: int | None,
    priority: int | None,
    after: tuple[str, ...],
    argv: list[str],
) -> Wish:
    """What is typed wins over what the file says."""
    from overnight.app.sweep_plan import Wish
    from overnight.core import sweep

    base, axes = split(words)
    typed = {
        "name": name,
        "mode": mode,
        "base": base,
        "axes": sweep.parse_axes(axes),
        "seeds": sweep.parse_seeds(seeds),
        "gpus": gpus,
        "servers": servers,
        "max_concurrent": max_concurrent,
        "priority": priority,
        "after": after,
        "argv": tuple(argv),
    }
    written = {} if path is None else from_file(path, typed)
    said = {key: value for key, value in typed.items() if value not in (None, ())}
    found = Wish(**{**written, **said})
    if found.name is not None:
        sweep.checked_name(found.name)
    return found


def split(words: tuple[str, ...]) -> tuple[str | None, list[str]]:
    """The configuration to start from, and the axes."""
    from overnight.core import config_text, sweep

    axes = [word for word in words if sweep.is_axis(word)]
    others = [word for word in words if not sweep.is_axis(word)]
    wrong = next((word for word in others if not config_text.is_config(word)), None)
    if wrong is not None:
        near = errors.nearest(wrong, command.commands)
        raise errors.UsageError(
            f"{commands.visible(wrong)!r} is neither KEY=V1,V2 nor a YAML, JSON or TOML file",
            hint=f"did you mean overnight sweep {near}?" if near else sweep.EXAMPLE,
        )
    if len(others) > 1:
        raise errors.UsageError(
            f"several files to start from: {', '.join(map(commands.visible, others))}",
            hint="give one; a file as the value of a key is varied: config=a.yaml,b.yaml",
        )
    return (others[0] if others else None), axes


def from_file(path: str, typed: dict[str, Any]) -> dict[str, Any]:
    import dataclasses
    from pathlib import Path

    from overnight.core import sweep, sweep_file

    written = sweep_file.load(Path(path), commands.visible(path))
    if typed["axes"]:
        raise errors.UsageError(
            f"{commands.visible(path)} says what is varied; no KEY=… beside it",
            hint=f"write them into {commands.visible(path)}",
        )
    said = {name.name: getattr(written, name.name) for name in dataclasses.fields(written)}
    train = said.pop("command")
    said["argv"] = tuple(commands.parse(train)) if train else ()
    said["mode"] = sweep.FILE if written.points else said["mode"]
    return {key: value for key, value in said.items() if value not in (None, ())}


def check_count(wish: Wish, yes: bool, as_json: bool) -> None:
    """Before minutes are spent on working out far too many."""
    from overnight.core import sweep

    points = len(wish.points) * max(1, len(wish.seeds))
    number = points or sweep.count(wish.axes, wish.mode, len(wish.seeds))
    if number > sweep.ASK_ABOVE:
        confirm_number(number, yes, as_json)


def confirm_number(number: int, yes: bool, as_json: bool) -> None:
    """So many runs are started by nobody's slip: the number itself is asked for."""
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise errors.UsageError(
            f"this sweep has {number} runs, and nobody is here to agree",
            hint="look at them with --dry-run, then type the same with --yes",
        )
    answer = click.prompt(f"{number} runs. Type the number to go on", default="", err=True)
    if answer.strip() != str(number):
        raise click.Abort


def carried_out(
    o: Any, plan: Plan, *, no_smoke: bool, yes: bool, dry_run: bool, as_json: bool
) -> int:
    """The table, the question, the launch. The exit code."""
    from overnight.app import sweeping
    from overnight.cli import sweep_tables

    if dry_run:
        common.emit(plan.to_json(), sweep_tables.plan(plan), as_json)
        return 0
    o.talk.say(sweep_tables.plan(plan))
    if not agreed(plan, yes, as_json):
        o.talk.say("nothing was started")
        return 0
    done = sweeping.start(o, plan, with_smoke=not no_smoke)
    common.emit(done.to_json(), sweep_tables.started(done), as_json)
    return done.refused[0].error.exit_code if done.refused and done.refused[0].error else 0


def agreed(plan: Plan, yes: bool, as_json: bool) -> bool:
    """A person at a terminal is asked; without one a sweep of moderate size goes on."""
    if yes or as_json or not sys.stdin.isatty() or not plan.fresh:
        return True
    return click.confirm(f"Start {len(plan.fresh)} runs?", err=True)


# -- a sweep that was begun ---------------------------------------------------------------------


@command.command(
    "status",
    short_help="its runs, how far they are, and when the last will be done",
    epilog="Example:  overnight sweep status lr-ablation",
    context_settings=HELP,
)
@click.argument("name", required=False)
@cached_option
@common.json_option
def status(name: str | None, cached: bool, as_json: bool) -> None:
    """Each run of the sweep NAME, or of the newest one, with its point."""
    with common.project(as_json) as o:
        from overnight.app import sweep_views

        shown(sweep_views.view(o, name, cached=cached), as_json)


def shown(seen: Any, as_json: bool) -> None:
    from overnight.cli import sweep_tables

    common.emit(seen.to_json(), sweep_tables.status(seen), as_json)


@command.command(
    "stop",
    short_help="end all its runs",
    epilog="Example:  overnight sweep stop lr-ablation",
    context_settings=HELP,
)
@click.argument("name")
@common.json_option
def stop(name: str, as_json: bool) -> None:
    """End all runs of the sweep NAME that wait or run; `overnight sweep resume` goes on."""
    with common.project(as_json) as o:
        from overnight.app import sweep_views

        shown(sweep_views.stop(o, name), as_json)


@command.command(
    "resume",
    short_help="go on with its runs that were stopped, failed or wait for a decision",
    epilog="Example:  overnight sweep resume lr-ablation",
    context_settings=HELP,
)
@click.argument("name")
@common.json_option
def resume(name: str, as_json: bool) -> None:
    """Go on with the runs of NAME that were stopped, failed or wait for a decision.

    Each gets a new attempt from its newest valid checkpoint.
    """
    with common.project(as_json) as o:
        from overnight.app import sweep_views

        shown(sweep_views.resume(o, name), as_json)


@command.command(
    "retry-failed",
    short_help="go on with its runs that have failed",
    epilog="Example:  overnight sweep retry-failed lr-ablation",
    context_settings=HELP,
)
@click.argument("name")
@common.json_option
def retry_failed(name: str, as_json: bool) -> None:
    """A new attempt of each run of NAME that has failed, from its newest valid checkpoint."""
    with common.project(as_json) as o:
        from overnight.app import sweep_views

        shown(sweep_views.resume(o, name, ("failed",)), as_json)


@command.command(
    "add",
    short_help="more points of the same sweep",
    epilog="Example:  overnight sweep add lr-ablation lr=1e-4",
    context_settings=HELP,
)
@click.argument("name")
@click.argument("words", nargs=-1, required=True, metavar="KEY=V1,V2…")
@smoke_option
@yes_option
@dry_option
@common.json_option
def add(
    name: str, words: tuple[str, ...], no_smoke: bool, yes: bool, dry_run: bool, as_json: bool
) -> int:
    """More points of the sweep NAME: command, seeds and servers are those that it was begun with.

    Points that it has already are left out.
    """
    with common.project(as_json) as o:
        from overnight.app import sweep_making
        from overnight.core import sweep

        wish = sweep_making.wish_to_add(o, name, sweep.parse_axes(words))
        check_count(wish, yes or dry_run, as_json)
        plan = sweep_making.make(o, wish, adding=True)
        return carried_out(o, plan, no_smoke=no_smoke, yes=yes, dry_run=dry_run, as_json=as_json)


@command.command(
    "list",
    short_help="the sweeps of this project",
    epilog="Example:  overnight sweep list",
    context_settings=HELP,
)
@cached_option
@common.json_option
def listed(cached: bool, as_json: bool) -> None:
    """All sweeps of this project, the newest last."""
    with common.project(as_json) as o:
        from overnight.app import sweep_views
        from overnight.cli import sweep_tables

        found = sweep_views.listed(o, cached=cached)
        brief = [{k: v for k, v in each.to_json().items() if k != "runs"} for each in found]
        common.emit({"sweeps": brief}, sweep_tables.listed(found), as_json)


command.add_command(sweep_results.results)
