"""Writes docs/cli.md and docs/config.md from the program itself (`make docs`)."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from overnight import cli
from overnight.core import config, errors

DOCS = Path(__file__).resolve().parent.parent / "docs"
GENERATED = "<!-- written by `make docs`; a test fails when it is out of date -->"


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {"cli.md": cli_page(), "config.md": config_page()}


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
        "# overnight.toml\n\nThe project's file; `[servers.*]`, `[notify]` and, as `[defaults]`, "
        "the keys of `[recovery]` may also stand in the user-wide file (`overnight/config.toml` in "
        "the platform's configuration folder, or where `OVERNIGHT_CONFIG` points). The project "
        "wins."
    )
    return f"{GENERATED}\n\n{head}\n\n{config.reference().strip()}\n"


def main() -> None:
    for name, text in pages().items():
        (DOCS / name).write_text(text)
        print(f"docs/{name}", file=sys.stderr)


if __name__ == "__main__":
    main()
