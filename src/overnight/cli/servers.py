"""overnight servers, and what is done to one: cron, forget, test-message"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from overnight.cli import common, render
from overnight.core import errors

if TYPE_CHECKING:
    from overnight.app.known_servers import Known, Left

HELP = {"help_option_names": ["-h", "--help"]}
yes_option = click.option("--yes", is_flag=True, help="Do not ask; for agents and scripts.")


@click.group(
    invoke_without_command=True,
    epilog="Example:  overnight servers",
    context_settings=HELP,
    subcommand_metavar="[cron|forget|test-message]",
)
@common.json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """The known servers: those of overnight.toml, those of the user-wide file, and `local`.

    Nobody is asked: how each answered last, how long ago, and whether cron starts its watch.
    """
    if ctx.invoked_subcommand is not None:
        return
    with common.project(as_json) as o:
        from overnight.app import known_servers

        known = known_servers.listed(o)
        value = {"servers": [each.to_json() for each in known]}
        common.emit(value, render.table([row(each) for each in known]), as_json)


def row(known: Known) -> list[str]:
    return [known.name, known.kind, known.host, known.root, reached(known), cron_words(known)]


def reached(known: Known) -> str:
    if known.reachable is None:
        return "never asked"
    if known.reachable:
        return f"answered {render.ago(known.age_s)}"
    return f"unreachable, last seen {render.ago(known.age_s)}"


def cron_words(known: Known) -> str:
    if known.cron is None:
        return "cron: not looked at"
    words = {"installed": "cron: installed", "absent": "cron: not installed"}
    state = words.get(known.cron, f"cron: {known.cron.replace('_', ' ')}")
    return f"{state} ({render.ago(known.cron_age_s)})"


@command.command(
    "cron",
    short_help="let cron start the watch of a server",
    epilog="Example:  overnight servers cron gpu1 --yes",
    context_settings=HELP,
)
@click.argument("server", required=False)
@yes_option
@common.json_option
def cron(server: str | None, yes: bool, as_json: bool) -> None:
    """Let cron start what watches the runs of SERVER, after a reboot and every five minutes.

    Two lines of your crontab there, marked as ours. `overnight servers forget` takes them out.
    """
    with common.project(as_json) as o:
        from overnight.app import known_servers

        done = known_servers.install_cron(o, server, lambda at, lines: agreed(at, lines, yes))
        common.emit(done, told(done), as_json)


def agreed(server: str, lines: Sequence[str], yes: bool) -> bool:
    """Whether a person says yes to the very lines; without a terminal nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise errors.UsageError(
            f"your crontab on {server} would get two lines, and nobody is here to agree",
            hint=f"overnight servers cron {server} --yes",
        )
    click.echo(f"Your crontab on {server} would get these lines:", err=True)
    for line in lines:
        click.echo(f"  {line}", err=True)
    return click.confirm("Put them in?", err=True)


def told(done: dict[str, object]) -> str:
    server = done["server"]
    if done["state"] != "installed":
        return f"the crontab on {server} is as it was"
    text = f"cron starts the watch of {server}" + ("" if done["changed"] else ", as before")
    if done["daemon"] is False:
        text += f"\nbut no cron daemon was seen running on {server}: ask its administrator"
    return text


@command.command(
    "forget",
    short_help="leave a server",
    epilog="Example:  overnight servers forget gpu1",
    context_settings=HELP,
)
@click.argument("server")
@yes_option
@common.json_option
def forget(server: str, yes: bool, as_json: bool) -> None:
    """Leave SERVER: takes out our crontab lines, ends the watch and forgets what was seen there.

    Runs, results and snapshots stay on its disk. Refuses while runs are active, unless --yes.
    """
    with common.project(as_json) as o:
        from overnight.app import known_servers

        left = known_servers.forget(o, server, yes=yes)
        common.emit(left.to_json(), farewell(left), as_json)


def farewell(left: Left) -> str:
    lines = [f"{left.server} is forgotten here"]
    if not left.reached:
        lines.append("it could not be reached: its crontab lines, if any, and its watch are there")
    elif left.cron_problem:
        lines.append(f"its crontab was not changed: {left.cron_problem}")
    if left.reached and not left.watch_stopped:
        lines.append("its watch did not end")
    if left.active:
        lines.append(f"these runs go on without a watch: {' '.join(left.active)}")
    if left.projects:
        runs = ", ".join(f"{n} of {name}" for name, n in left.projects.items())
        lines.append(f"on its disk stay the snapshots and runs ({runs}), with all they wrote")
    lines.append(f"to remove that too: {left.by_hand}")
    if left.server != "local":
        lines.append(f"a file of yours may still name it: [servers.{left.server}]")
    return "\n".join(lines)


@command.command(
    "test-message",
    short_help="send a message for trying",
    epilog="Example:  overnight servers test-message gpu1",
    context_settings=HELP,
)
@click.argument("server", required=False)
@common.json_option
def test_message(server: str | None, as_json: bool) -> None:
    """Send a message from SERVER for trying, with the settings of [notify] as they are now."""
    with common.project(as_json) as o:
        from overnight.app import notifying

        name = notifying.test_message(o, server)
        common.emit({"server": name, "sent": True}, f"a message has left {name}", as_json)
