"""overnight report: what the night brought."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from overnight.cli import common
from overnight.core import errors

if TYPE_CHECKING:
    from overnight.app import Overnight
    from overnight.results.report.model import Report

FORMATS = {"text": ".txt", "markdown": ".md", "html": ".html", "json": ".json"}


@common.verb(example="overnight report --since yesterday -o night.html")
@click.option(
    "--since",
    metavar="TIME",
    help="yesterday, today, 12h, 2d, 18:00, 2026-11-28, '2026-11-28 22:00', or last. By default "
    "since the last report, else since yesterday 18:00.",
)
@click.option("--brief", is_flag=True, help="Two lines.")
@click.option("--format", "form", type=click.Choice(tuple(FORMATS)), help="How it is written.")
@click.option(
    "-o", "--output", metavar="FILE", help="Into a file: .txt, .md, .html (with curves) or .json."
)
@click.option("--no-pull", is_flag=True, help="Fetch no results for the curves of a .html page.")
@click.option("--cached", is_flag=True, help="Ask no server; tell what was seen last.")
@common.json_option
def command(
    since: str | None,
    brief: bool,
    form: str | None,
    output: str | None,
    no_pull: bool,
    cached: bool,
    as_json: bool,
) -> None:
    """The morning page: what needs you, what failed, what came out, what was mended, GPU hours.

    The most important first, and nothing of what is well. Read again within six hours it covers the
    same night. --brief and --json do not count as read.
    """
    chosen = the_format(form, output, as_json)
    with common.project(as_json) as o:
        from overnight.app import reporting

        wants_curves = chosen == "html" and not brief
        found = reporting.made(o, since, cached=cached, fetched=wants_curves and not no_pull)
        if brief:
            from overnight.results.report import text

            common.emit(found.to_json(), text.brief(found), as_json)
            return
        shown = rendered(o, found, chosen, is_file=output is not None)
        if output is not None:
            written(Path(output), shown)
            o.talk.say(f"written to {output}")
        else:
            print(shown, end="" if shown.endswith("\n") else "\n")
            sys.stdout.flush()
        if chosen != "json":
            reporting.note_shown(o, found)


def the_format(form: str | None, output: str | None, as_json: bool) -> str:
    """As asked for, or by the ending of the file."""
    if as_json:
        return "json"
    if form is not None:
        return form
    if output is None:
        return "text"
    ending = Path(output).suffix.lower()
    known = {suffix: name for name, suffix in FORMATS.items()}
    if ending not in known:
        raise errors.UsageError(
            f"{output}: no format has the ending {ending or '(none)'}",
            hint=f"one of {', '.join(known)}, or say --format {'|'.join(FORMATS)}",
        )
    return known[ending]


def rendered(o: Overnight, found: Report, chosen: str, *, is_file: bool) -> str:
    if chosen == "json":
        import json

        return json.dumps(found.to_json(), indent=2) + "\n"
    if chosen == "html":
        from overnight.results.report import web

        return web.document(found)
    if chosen == "markdown":
        from overnight.results.report import markdown

        return markdown.page(found)
    from overnight.results.report import text

    is_shown = sys.stdout.isatty() and not is_file
    width = shutil.get_terminal_size().columns if is_shown else None
    return text.page(found, color=is_shown, width=width)


def written(path: Path, shown: str) -> None:
    """Whole or not at all; an error that names the file."""
    from overnight.app import sweep_results

    try:
        sweep_results.publish(path, shown)
    except OSError as error:
        raise errors.UsageError(
            f"{path} cannot be written: {error.strerror or error}", hint="another -o FILE"
        ) from error
