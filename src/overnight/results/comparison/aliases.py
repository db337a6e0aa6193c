"""One key for one setting: `lr` of a sweep and the `--lr` of a run that was typed by hand. Pure.

The sweep's key is kept. Where a sweep tells what its command has without that flag, a run of the
same code, script and files that does not set it either has the same.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from overnight.results.comparison.arms import Outcome
from overnight.results.comparison.plain import code_of, plain
from overnight.results.comparison.settings import SCRIPT


def unified(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The runs with the keys of their sweeps; as they are where none is of a sweep."""
    keys = list(dict.fromkeys(key for each in outcomes for key in each.point or {}))
    if not keys:
        return list(outcomes)
    other = aliases(outcomes, keys)
    known = {key: untouched(outcomes, key, other.get(key)) for key in keys}
    back = {alias: key for key, alias in other.items()}
    return [
        dataclasses.replace(each, config=config_of(each, keys, back, known)) for each in outcomes
    ]


def config_of(
    outcome: Outcome,
    keys: Sequence[str],
    back: Mapping[str, str],
    known: Mapping[str, Mapping[Any, Any]],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in outcome.config.items():
        found.setdefault(back.get(key, key), value)
    place = surroundings(outcome)
    for key in keys:
        if key not in found and place is not None and place in known[key]:
            found[key] = known[key][place]
    return found


def aliases(outcomes: Sequence[Outcome], keys: Sequence[str]) -> dict[str, str]:
    """By the sweep's key the one other key of that name which never contradicts it."""
    named: dict[str, list[str]] = {}
    for key in dict.fromkeys(key for each in outcomes for key in each.config):
        if key not in keys:
            named.setdefault(whole_name(key), []).append(key)
    found = {key: named.get(whole_name(key), []) for key in keys}
    return {
        key: others[0]
        for key, others in found.items()
        if len(others) == 1 and agree(outcomes, key, others[0])
    }


def agree(outcomes: Sequence[Outcome], key: str, other: str) -> bool:
    return all(
        plain(each.config[key]) == plain(each.config[other])
        for each in outcomes
        if key in each.config and other in each.config
    )


def untouched(outcomes: Sequence[Outcome], key: str, alias: str | None) -> dict[Any, Any]:
    """By code, script and files: the value that the sweep tells of a command without the flag.

    Nothing where it tells several, as where a variable sets it.
    """
    told: dict[Any, dict[str, Any]] = {}
    for each in outcomes:
        value = (each.point or {}).get(key)
        place = surroundings(each)
        if value is not None and place is not None and (alias is None or alias not in each.config):
            told.setdefault(place, {})[plain(value)] = value
    return {place: next(iter(seen.values())) for place, seen in told.items() if len(seen) == 1}


def surroundings(outcome: Outcome) -> tuple[Any, ...] | None:
    """What else decides on the value of a flag that is not given; None where it is not known."""
    code, script = code_of(outcome), outcome.config.get(SCRIPT)
    if not code or script is None:
        return None
    read = ((key, plain(value)) for key, value in outcome.config.items() if is_outside(key))
    return (code, plain(script), tuple(sorted(read)))


def is_outside(key: str) -> bool:
    """A variable, a key of a file, or what may name one."""
    return " " in key or whole_name(key) in ("config", "cfg", "configfile", "preset")


@functools.lru_cache(4096)
def whole_name(key: str) -> str:
    """`optim.batchsize` of `--optim.batch-size` and of `configs/base.yaml optim.batch_size`."""
    return re.sub(r"[^a-z0-9.]", "", key.replace(":", " ").rpartition(" ")[2].lower())
