"""The command line: one file per verb; each parses, calls one function of `app`, renders one value.

Verbs are imported when they are typed, so that `--help` and quick verbs start quickly.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from overnight import __version__

# verb -> the line in `overnight --help`; the file has the verb's name
VERBS = {
    "init": "write overnight.toml for an existing project, detecting what it can",
    "servers": "the known servers; their crontab lines; leaving one; a test message",
    "doctor": "check a server and say how to mend it",
    "login": "open the connection to a server that asks for a password or second factor",
    "sync": "bring the code to a server; seconds",
    "smoke": "foreground test on the server; must pass",
    "run": "sync + smoke + launch; returns when it truly runs",
    "sweep": "ablation, grid, seeds; spread over free GPUs",
    "status": "one glance at all runs on all servers",
    "queue": "what waits on the servers, in order, and when it starts",
    "logs": "the output of a run",
    "attach": "the run's window in tmux",
    "stop": "end a run: SIGTERM, grace, SIGKILL",
    "resume": "go on with a run that has ended, from its newest valid checkpoint",
    "wait": "wait until runs have ended",
    "events": "what happened, as it happens",
    "explain": "what failed, why, what was tried, what to do",
    "incidents": "all failures of all runs, what was done and how each ended",
    "diagnose": "what a log says: class, evidence, what would be done",
    "pull": "fetch the results of a run",
    "results": "best and last values of a run, with where they come from",
    "compare": "several runs side by side",
    "plot": "curves of runs: in the terminal, a figure for a paper, a page for the phone",
    "next": "is it good, and what to run next, from which evidence",
    "report": "the morning page: what needs you, what failed, what came out, what was mended",
    "inspect": "what any file of metrics holds, and how its curves do",
    "import": "make runs of a folder of old ones",
    "query": "ask the results of all runs in SQL",
    "export": "write runs in the form of W&B, Trackio, TensorBoard or MLflow",
    "gpus": "the GPUs of the servers and who uses them",
    "demo": "the whole pipeline on this machine, in about a minute",
}


class Verbs(click.Group):
    """Knows the verbs by name and imports one only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module = importlib.import_module(f"overnight.cli.{name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from overnight.core import errors

            near = errors.nearest(args[0], VERBS)
            raise errors.UsageError(
                f"there is no verb {args[0]!r}",
                hint=f"overnight {near}" if near else "overnight --help",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example:  overnight init && overnight run train01",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def overnight() -> None:
    """Takes an ML experiment from an idea to trained, compared results, through the night."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point. Exit codes: see docs/cli.md."""
    from overnight.cli import endings

    argv = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(endings.run(overnight, argv))
