"""overnight next"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from overnight.cli import common, terminal, written
from overnight.core import errors

if TYPE_CHECKING:
    from overnight.app.advising import Advice
    from overnight.results.advice.proposals import Proposal
    from overnight.results.advice.verdict import Verdict

WIDTH = 96  # at most, and of what is no terminal


@common.verb(
    name="next",
    short_help="the verdict on what ran, and what to run next, from which evidence",
    example="overnight next --sweep lr-ablation --write sweep.toml",
)
@click.argument("runs", nargs=-1)
@click.option("--sweep", metavar="NAME", help="The runs of a sweep; without RUNS the last one.")
@click.option(
    "--baseline",
    metavar="B",
    help="A run, an arm or a number to measure against; else the sweep's base or overnight.toml's.",
)
@click.option(
    "--write", "path", metavar="FILE", help="Write a proposal as a sweep file; see --pick."
)
@click.option("--pick", type=int, metavar="N", help="With --write: which one, not the first.")
@common.json_option
def command(
    runs: tuple[str, ...],
    sweep: str | None,
    baseline: str | None,
    path: str | None,
    pick: int | None,
    as_json: bool,
) -> None:
    """Is what ran good, promising or bad by `[metrics]` of overnight.toml, and what would be worth
    running next: more seeds and how many, which knob in which direction, longer, a lower learning
    rate, what to repeat. The most useful first, each with its evidence.

    Fetches what is new first. A proposal becomes a sweep with --write FILE, which
    `overnight sweep --file FILE` starts.
    """
    if pick is not None and path is None:
        raise errors.UsageError(
            "--pick says which proposal to write, and nothing is to be written",
            hint=f"{command_line(runs, sweep, baseline)} --write sweep.toml --pick {pick}",
        )
    with common.project(as_json) as o:
        from overnight.app import advising

        found = advising.advised(o, runs, sweep=sweep, baseline=baseline)
        value = found.to_json()
        again = command_line(runs, sweep, baseline)
        text = shown(found, again)
        if path is not None:
            chosen = advising.written(o, found, Path(path), pick)
            value["written"] = {"file": path, "what": chosen.what, "runs": chosen.runs}
            text += f"\n\n{terminal.safe_text(done(chosen, path))}"
        common.emit(value, text, as_json)


def command_line(runs: tuple[str, ...], sweep: str | None, baseline: str | None) -> str:
    """The verb as it was typed, without what it writes."""
    words = ["overnight", "next", *runs]
    words += ["--sweep", sweep] if sweep else []
    words += ["--baseline", baseline] if baseline else []
    return shlex.join(words)


def shown(found: Advice, again: str = "overnight next") -> str:
    """Verdicts, then proposals with their numbers. `again`: what was typed for this."""
    from overnight.results.advice import proposals

    blocks = [*map(verdict, found.verdicts)]
    if knobs := proposals.ranked(found.effects):
        blocks.append(wrapped(knobs))
    if found.nothing:
        blocks.append(wrapped(found.nothing))
    blocks += [proposal(number, each, again) for number, each in enumerate(found.proposals, 1)]
    lines = "\n\n".join("\n".join(block) for block in blocks)
    return terminal.safe_text(lines)


def verdict(found: Verdict) -> list[str]:
    head = wrapped(f"{found.arm}: {found.grade}")
    return [*head, *(line for reason in found.reasons for line in wrapped(reason, "  "))]


def proposal(number: int, found: Proposal, again: str) -> list[str]:
    head = wrapped(f"{number}. {found.what}", hanging="   ")
    return [*head, *wrapped(found.why, "   "), *how(number, found, again)]


def how(number: int, found: Proposal, again: str) -> Iterator[str]:
    """What to type for it."""
    if found.command:
        yield f"   next: {found.command}"
    elif found.is_sweep:
        yield f"   next: {again} --write sweep.toml --pick {number}   ({found.runs} runs)"


def done(chosen: Proposal, path: str) -> str:
    return (
        f"{path}: {chosen.what}, {chosen.runs} runs\n"
        f"  next: overnight sweep --file {path} --dry-run   |   overnight sweep --file {path}"
    )


def wrapped(sentence: str, indent: str = "", hanging: str = "") -> list[str]:
    """Names and values come from files: a line end in one of them begins no line of ours."""
    _, columns = written.terminal(None)
    width = min(WIDTH, columns or WIDTH)
    return textwrap.wrap(
        sentence,
        width,
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
    )
