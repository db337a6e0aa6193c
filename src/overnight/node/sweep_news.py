"""What is told of sweeps, and when. Pure: the ledger's part before, what there is now -> after.

One message when the last run of a sweep on this server has ended. Until then a run that failed is
no news: the sweep's message tells of it. Two things are told at once: a run that needs a decision,
and a sweep whose first runs all fail, because whoever sleeps would find nothing else in the
morning. What a sweep's message has told is not told again when the server falls idle.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from overnight.node import states

SETTLE_S = 5.0
INCOMPLETE_S = 60.0  # the other runs may still be on their way to this server
SEARCH_S = 600.0  # the laptop thinks between two trials, and may be away
ALL_FAIL = 3


class Sweep(NamedTuple):
    """A sweep on this server now: runs that have not ended, all runs, and how many there are
    everywhere.
    """

    active: int
    here: int
    total: int
    is_search: bool = False

    def settle_s(self) -> float:
        """How long nothing of it must be active before that is the end."""
        if self.here >= self.total:
            return SETTLE_S
        return SEARCH_S if self.is_search else INCOMPLETE_S


Part = Mapping[str, Mapping[str, Any]]  # sweep -> {"ended", "failed", "warned", "idle_since"}


def took(part: Part, sweep: str, run: str, state: str, event: Any) -> dict[str, dict[str, Any]]:
    """A run of the sweep has ended."""
    one = dict(part.get(sweep) or {})
    one["ended"] = {**(one.get("ended") or {}), run: state}
    if state == states.FAILED:
        one["failed"] = [*(one.get("failed") or []), event]
    return {**{name: dict(each) for name, each in part.items()}, sweep: one}


def at_once(part: Part) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """The part after, and the events of sweeps of which nothing but failures has come so far."""
    after, events = {}, []
    for name, each in part.items():
        one = dict(each)
        failed = list(one.get("failed") or [])
        if len(failed) >= ALL_FAIL and not one.get("warned") and is_all_failed(one):
            one["warned"] = True
            events += failed
        after[name] = one
    return after, events


def is_all_failed(one: Mapping[str, Any]) -> bool:
    return states.FINISHED not in (one.get("ended") or {}).values()


def timed(part: Part, sweeps: Mapping[str, Sweep], now: float) -> dict[str, dict[str, Any]]:
    """Each with the time since when nothing of it is active; None while something is."""
    after = {}
    for name, each in part.items():
        before = each.get("idle_since")
        is_idle = name not in sweeps or sweeps[name].active == 0
        started_anew = before is None or before > now
        after[name] = {**each, "idle_since": (now if started_anew else before) if is_idle else None}
    return after


def is_settling(part: Part, sweeps: Mapping[str, Sweep], now: float) -> bool:
    """Whether a complete sweep is about to be told, so that one message can hold all."""
    waiting = [name for name, each in part.items() if each.get("idle_since") is not None]
    return any(
        settle_s(sweeps, name) == SETTLE_S and now - part[name]["idle_since"] < SETTLE_S
        for name in waiting
    )


def settle_s(sweeps: Mapping[str, Sweep], name: str) -> float:
    return sweeps[name].settle_s() if name in sweeps else SETTLE_S


def over(part: Part, sweeps: Mapping[str, Sweep], now: float) -> list[str]:
    """The sweeps that have ended here and are not told of yet."""
    return [
        name
        for name, each in sorted(part.items())
        if each.get("idle_since") is not None and now - each["idle_since"] >= settle_s(sweeps, name)
    ]


def is_news(one: Mapping[str, Any]) -> bool:
    """Whoever stopped the runs by hand knows."""
    return any(state != states.STOPPED for state in (one.get("ended") or {}).values())


def without(part: Part, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    gone = set(names)
    return {name: dict(each) for name, each in part.items() if name not in gone}


def waits(part: Part) -> bool:
    return any(each.get("idle_since") is not None for each in part.values())


# -- the text ---------------------------------------------------------------------------------


def title(event: Mapping[str, Any]) -> str:
    """sweep lr-ablation on gpu1: done, 1 failed, 1 undecided"""
    runs, total = event["runs"], int(event.get("total") or 0)
    listed = list(runs.values())
    counts = {
        "failed": listed.count(states.FAILED),
        "undecided": listed.count(states.NEEDS_DECISION),
    }
    bad = "".join(f", {count} {word}" for word, count in counts.items() if count)
    if len(runs) >= total:
        return f"sweep {event['sweep']} on {event['server']}: done{bad}"
    return (
        f"sweep {event['sweep']}: {len(runs)} of {total} runs have ended on {event['server']}{bad}"
    )


def told(event: Mapping[str, Any]) -> str:
    return "\n".join([title(event), *event["lines"]])


def needs_a_person(event: Mapping[str, Any]) -> bool:
    return any(s in (states.FAILED, states.NEEDS_DECISION) for s in event["runs"].values())
