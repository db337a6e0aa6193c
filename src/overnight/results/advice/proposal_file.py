"""A proposal as a sweep file, for `overnight sweep --file`. Pure."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from overnight.core import command, sweep, text
from overnight.results.advice.proposal import Proposal
from overnight.results.comparison.arms import Outcome

WIDTH = 96
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def written(proposal: Proposal, lead: Outcome, name: str) -> str:
    """`lead`: the run that the proposal is based on. `name`: of the new sweep."""
    lines = [*comment(f"{proposal.what}: {proposal.why}"), f"name = {value(name)}"]
    lines += [f"{key} = {value(told)}" for key, told in start(lead).items()]
    if proposal.seeds:
        lines.append(f"seeds = [{', '.join(map(str, proposal.seeds))}]")
    for point in proposal.points:
        lines += ["", "[[runs]]", *(f"{key_of(k)} = {value(v)}" for k, v in point.items())]
    return "\n".join(lines) + "\n"


def comment(words: str) -> list[str]:
    """Names of runs and metrics come from files: nothing in them may end the comment."""
    return [f"# {line}" for line in textwrap.wrap(text.printable(words), WIDTH)]


def start(lead: Outcome) -> dict[str, Any]:
    """The command that is changed, as the sweep of the run had it, else as the run was typed.

    Nothing where that is the project's own command.
    """
    known = lead.provenance.get("sweep")
    if not isinstance(known, Mapping):
        typed = lead.provenance.get("command")
        shown = command.show([str(each) for each in typed]) if isinstance(typed, list) else typed
        return {"command": str(shown)} if shown else {}
    argv = known.get("argv")
    told = {
        "base": known.get("base"),
        "command": command.show([str(each) for each in argv]) if isinstance(argv, list) else None,
        "gpus": known.get("gpus"),
        "max_concurrent": known.get("max_concurrent"),
    }
    return {key: each for key, each in told.items() if each}


def name_of(proposal: Proposal, stem: str, taken: tuple[str, ...] = ()) -> str:
    """`lr-ablation-seeds`: a name for the new sweep, not one of `taken`."""
    kind = proposal.kind.replace(" ", "-")
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_") or "next"
    for ending in endings(kind):
        found = f"{plain[: sweep.MAX_NAME - len(ending)].rstrip('-_')}{ending}"
        if found not in taken:
            return sweep.checked_name(found)
    raise AssertionError("there are infinitely many names")


def endings(kind: str) -> Iterator[str]:
    yield f"-{kind}"
    number = 2
    while True:
        yield f"-{kind}-{number}"
        number += 1


def key_of(key: str) -> str:
    return key if _BARE.fullmatch(key) else value(key)


def value(told: Any) -> str:
    """As TOML has it; null, which it does not know, as the text that the sweep takes for it."""
    if isinstance(told, bool):
        return str(told).lower()
    if isinstance(told, int | float):
        return repr(told)
    return json.dumps("null" if told is None else str(told), ensure_ascii=False).replace(
        "\x7f", "\\u007f"
    )
