"""GPU hours in words: what was used, what of it was in vain, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator

from overnight.results import wording
from overnight.results.report.model import Hours
from overnight.results.report.parts import Section
from overnight.results.report.words import clock, hours, some


def spent(told: Hours) -> Section:
    notes = [used(told), *lost(told), *unused(told)]
    return Section(key="gpu_hours", title="GPU hours", notes=tuple(notes))


def used(told: Hours) -> str:
    runs = wording.count(len(told.runs), "run")
    return f"{hours(told.used)} used by {runs}" if told.used else "none used"


def lost(told: Hours) -> Iterator[str]:
    """Of those that were used."""
    if told.failed:
        names = some([each.run for each in told.runs if each.failed])
        yield f"{hours(told.failed)} of them in runs that failed: {names}"
    if told.repeated:
        names = some([each.run for each in told.runs if each.repeated and not each.failed])
        yield f"{hours(told.repeated)} of them done again after failures: {names}"
    if told.unknown:
        yield (
            f"{hours(told.unknown)} of them in attempts of which it is not known how much was "
            "done again"
        )


def unused(told: Hours) -> Iterator[str]:
    if told.idle:
        names = some([each.run for each in told.runs if each.idle])
        yield f"at least {hours(told.idle)} idle while a run held the GPUs: {names}"
    if told.capacity is not None:
        cards = sum(told.cards.values())
        free = max(0.0, told.capacity - told.held)
        yield (
            f"{hours(free)} of {hours(told.capacity)} ({wording.count(cards, 'GPU')}) not held by "
            "this project; how much of that others used was not measured"
        )
    if told.unseen and told.used:
        yield (f"not measured: how many GPUs {', '.join(told.unseen)} has (overnight gpus)")
    for server, at in told.until.items():
        yield f"of {server} only until {clock(at)}, when it was last heard of"
