"""Writes docs/cli.md, docs/config.md and docs/failures.md from the program itself (`make docs`)."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from overnight import cli
from overnight.core import config, errors, failures
from overnight.core import config_words as words
from overnight.node import policy

DOCS = Path(__file__).resolve().parent.parent / "docs"
GENERATED = "<!-- written by `make docs`; a test fails when it is out of date -->"


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {
        "cli.md": cli_page(),
        "config.md": config_page(),
        "failures.md": failures_page(),
    }


def cli_page() -> str:
    parts = [GENERATED, "# The command line", exit_codes()]
    parts += [section for name in cli.VERBS for section in verb_sections(name)]
    return "\n\n".join(parts) + "\n"


def exit_codes() -> str:
    rows = ["| exit code | code in `--json` | meaning |", "| --- | --- | --- |"]
    rows.append("| 0 | | done |")
    for kind in error_kinds():
        meaning = (kind.__doc__ or kind.__name__).strip().splitlines()[0]
        rows.append(f"| {kind.exit_code} | `{kind.code}` | {meaning} |")
    rows.append("| 130 | | Ctrl-C |")
    head = "Data goes to standard output, talk to standard error. Errors are one line and a hint."
    return head + "\n\n" + "\n".join(rows)


def error_kinds() -> list[type[errors.OvernightError]]:
    """The classes of core/errors.py; adapters may have finer ones of their own."""
    found = [errors.OvernightError]
    for kind in found:
        found += [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    return sorted(found, key=lambda kind: (kind.exit_code, kind.code))


def verb_sections(name: str) -> list[str]:
    """A verb, and what can be done below it."""
    command = cli.overnight.get_command(click.Context(cli.overnight), name)
    assert command is not None
    below = command.commands if isinstance(command, click.Group) else {}
    named = {name: command, **{f"{name} {each}": below[each] for each in below}}
    return [section(words, each) for words, each in named.items()]


def section(words: str, command: click.Command) -> str:
    context = command.make_context(
        f"overnight {words}", [], resilient_parsing=True, terminal_width=96, max_content_width=96
    )
    return f"## overnight {words}\n\n```\n{command.get_help(context)}\n```"


def config_page() -> str:
    head = (
        "# overnight.toml\n\nThe project's file; `[servers.*]`, `[watch]`, `[notify]` and, as "
        "`[defaults]`, the keys of `[recovery]` may also stand in the user-wide file "
        "(`overnight/config.toml` in the platform's configuration folder, or where "
        "`OVERNIGHT_CONFIG` points). The project wins."
    )
    return f"{GENERATED}\n\n{head}\n\n{config.reference().strip()}\n"


FAILURES_HEAD = """\
# Failures

Every class that the diagnosis knows: what it looks like, what is done about it without a person,
how to change that, and how to mend the cause. `overnight diagnose FILE` tells the class of any log,
`overnight explain RUN` that of a run. The healthy classes are `finished` and `running`.

A line of `[recovery]` in overnight.toml changes what is done, with one word or with a limit:

    [recovery]
    nccl = "ask"
    hang = { action = "resume", max = 1 }
    nan = { action = "rollback", lr_scale = 0.5 }   # consent given beforehand

Whatever the line says: three attempts on end without progress are the last ones, what changes the
experiment is never done without consent, and every repair stands beside the result. How patiently
a hang is waited for is set under `[watch]` ([config.md](config.md))."""


def failures_page() -> str:
    parts = [GENERATED, FAILURES_HEAD, *map(failure_section, failures.KINDS)]
    return "\n\n".join(parts) + "\n"


def failure_section(name: str) -> str:
    kind = failures.KINDS[name]
    choices = words.either([words.toml(each) for each in policy.DEFAULTS[name].choices])
    lines = [
        f"- looks like: {kind.looks}",
        f"- what is done: {failures.default_line(name)}.",
        f"- to change it: `{name} = …` with {choices}",
        f"- to mend it: {kind.mend}.",
    ]
    return "\n".join([f"## {name}", "", kind.meaning, "", *lines])


def main() -> None:
    for name, text in pages().items():
        (DOCS / name).write_text(text)
        print(f"docs/{name}", file=sys.stderr)


if __name__ == "__main__":
    main()
