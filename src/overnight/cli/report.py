"""overnight report: what the night brought."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from overnight.cli import common, written

if TYPE_CHECKING:
    from overnight.app.reporting import Made

ENDINGS = {"text": ".txt", "markdown": ".md", "html": ".html", "json": ".json"}


@common.verb(example="overnight report --since yesterday -o night.html")
@click.option(
    "--since",
    metavar="TIME",
    help="yesterday, today, 12h, 2d, 18:00, 2026-11-28, '2026-11-28 22:00', or last. By default "
    "since the last report, else since yesterday 18:00.",
)
@click.option("--brief", is_flag=True, help="Two lines.")
@click.option("--format", "asked", type=click.Choice(tuple(ENDINGS)), help="How it is written.")
@click.option(
    "-o", "--output", metavar="FILE", help="Into a file: .txt, .md, .html (with curves) or .json."
)
@click.option(
    "--pull/--no-pull",
    default=None,
    help="Whether the results of its runs are fetched first, for verdicts, findings about curves "
    "and the curves themselves. By default only for a .html page.",
)
@click.option("--cached", is_flag=True, help="Ask no server; tell what was seen last.")
@common.json_option
def command(
    since: str | None,
    brief: bool,
    asked: str | None,
    output: str | None,
    pull: bool | None,
    cached: bool,
    as_json: bool,
) -> None:
    """The morning page: what needs you, what failed, what came out, what was mended, GPU hours.

    The most important first, and nothing of what is well. Read again within six hours it covers the
    same night. --brief, --json and a later --since do not count as read.
    """
    form = written.form(asked, output, as_json, ENDINGS, "text")
    with common.project(form == "json" and output is None) as o:
        from overnight.app import reporting

        is_page = form == "html" and not brief
        fetched = is_page if pull is None else pull
        made = reporting.made(o, since, cached=cached, fetched=fetched, drawn=is_page)
        if brief and form != "json":
            from overnight.results.report import text

            written.out(text.brief(made.report), output)
            return
        written.out(rendered(made, form, output), output)
        if output is not None:
            o.talk.say(f"written to {output}")
        if form != "json":
            reporting.note_shown(o, made.report)


def rendered(made: Made, form: str, output: str | None) -> str:
    """Imports only what the format needs."""
    if form == "json":
        return json.dumps(made.report.to_json(), indent=2) + "\n"
    if form == "html":
        from overnight.results.report import web

        return web.document(made.report, made.charts, made.missing)
    if form == "markdown":
        from overnight.results.report import markdown

        return markdown.page(made.report)
    from overnight.results.report import text

    color, width = written.terminal(output)
    return text.page(made.report, color=color, width=width)
