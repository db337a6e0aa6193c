"""Which server a run goes to: the one where it would end first. Pure.

Greedy list scheduling in the order given: each run goes to the server where it would end first,
and counts there as load before the next one is placed. What makes a server suitable is memory,
links and what the user says; among the suitable ones time decides, so a faster card may be worth
waiting for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overnight.core import durations, server_load
from overnight.core.server_load import Moment, Room, ServerLoad, Shape

TRANSFER_S = 5.0  # what a server that has the code already is ahead of one that has not
CLUSTER = Room(Moment(3600.0, False), ())  # a wait in Slurm's queue is anybody's guess
MOVE_S = 60.0  # what a run must gain by leaving the queue that it stands in


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A run that wants a server.

    `gpus`: None is one for each of `processes` where a server has any; 0 a CPU slot; below 1 a
    share of one. `memory_mib`: its peak on each GPU. `expected_s`: how long it takes on a server
    of speed 1. `links`: as in the run spec. `servers`: names that the user allows, None for all.
    `waits_at`: the server in whose queue it stands already, which it leaves only for a gain of
    MOVE_S.
    """

    key: str
    gpus: float | None
    processes: int = 1
    memory_mib: int | None = None
    expected_s: float | None = None
    snapshot: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    servers: frozenset[str] | None = None
    waits_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A server as it is now.

    `cards`, `slots`, `waiting` and `running` are as the node's `queue` answers, so their times are
    by the server's clock, which is `clock_offset_s` ahead of ours. `speed`: 2 takes half the time.
    `snapshots`: ids known to be there. `missing_links`: targets of links that are not there.
    `is_cluster`: a Slurm cluster, which takes every run and tells nobody when it will start.
    """

    server: str
    cards: Sequence[Mapping[str, Any]] = ()
    slots: int = 0
    waiting: Sequence[Mapping[str, Any]] = ()
    running: Sequence[Mapping[str, Any]] = ()
    clock_offset_s: float = 0.0
    speed: float = 1.0
    snapshots: frozenset[str] = frozenset()
    missing_links: frozenset[str] = frozenset()
    reachable: bool = True
    problem: str = ""
    is_cluster: bool = False


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a run goes: `server` None where nothing suits, and `why` says what is missing.

    `starts_at`, `ends_at`: Unix time by our clock; None where they cannot be known.
    """

    key: str
    server: str | None
    starts_at: float | None = None
    ends_at: float | None = None
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One server for one run. Times are seconds from now."""

    site: Site
    shape: Shape
    room: Room
    lasts_s: float | None
    has_code: bool
    is_move: bool
    is_makeshift: bool  # no GPU there, although the run would use one

    @property
    def rank(self) -> tuple[bool, float, bool, int, str]:
        lasts_s = self.lasts_s
        if lasts_s is None:
            lasts_s = server_load.UNKNOWN_S / self.site.offer.speed
        end = self.room.start.at + lasts_s + TRANSFER_S * (not self.has_code)
        end += MOVE_S * self.is_move
        sure = self.room.start.sure
        return (self.is_makeshift, end, not sure, -self.site.load.free, self.site.offer.server)


class Site:
    """An offer and the load that grows while runs are placed."""

    def __init__(self, offer: Offer, now: float) -> None:
        self.offer = offer
        self.load: ServerLoad = server_load.loaded(
            offer.cards, offer.slots, offer.running, offer.waiting, now + offer.clock_offset_s
        )

    def shape(self, wanted: Wanted) -> Shape:
        if wanted.gpus is None:
            # where they cannot be seen there may be some
            has_gpus = bool(self.offer.cards or self.offer.problem or self.offer.is_cluster)
            return Shape(float(wanted.processes) if has_gpus else 0.0, wanted.memory_mib)
        return Shape(float(wanted.gpus), wanted.memory_mib)

    def choice(self, wanted: Wanted) -> Choice | None:
        shape = self.shape(wanted)
        room = CLUSTER if self.offer.is_cluster else self.load.room(shape)
        if room is None or self.refusal(wanted):
            return None
        speed = self.offer.speed
        return Choice(
            site=self,
            shape=shape,
            room=room,
            lasts_s=None if wanted.expected_s is None else wanted.expected_s / speed,
            has_code=wanted.snapshot is None or wanted.snapshot in self.offer.snapshots,
            is_move=wanted.waits_at not in (None, self.offer.server),
            is_makeshift=wanted.gpus is None and shape.gpus == 0,
        )

    def refusal(self, wanted: Wanted) -> str:
        """Why it cannot run here whatever is free; "" where it can, as far as cards allow."""
        offer = self.offer
        if wanted.servers is not None and offer.server not in wanted.servers:
            return "not allowed"
        if not offer.reachable:
            return "cannot be reached"
        missing = [
            f"{name} ({target})"
            for name, target in wanted.links.items()
            if target in offer.missing_links
        ]
        return f"lacks {', '.join(missing)}" if missing else ""

    def why_not(self, wanted: Wanted) -> str:
        refusal = self.refusal(wanted)
        if refusal:
            return refusal
        if self.offer.problem:
            return self.offer.problem
        shape = self.shape(wanted)
        if shape.gpus == 0:
            return "takes no runs without a GPU"
        usable = len(self.load.cards)
        if usable < shape.number:
            return f"has {gpus(usable) if usable else 'no GPU'} that we may use"
        return f"has {gpus(len(self.load.suitable(shape.memory_mib)))} with {shape.memory_mib} MiB"


def place(wanted: Sequence[Wanted], offers: Sequence[Offer], now: float) -> list[Placement]:
    """A placement for each run, in the order given. `now` is Unix time by our clock."""
    sites = [Site(offer, now) for offer in offers]
    return [placed(each, sites, now) for each in wanted]


def placed(wanted: Wanted, sites: Sequence[Site], now: float) -> Placement:
    """Chooses, and adds the run to the load of the server that it goes to."""
    choices = [choice for site in sites if (choice := site.choice(wanted)) is not None]
    if not choices:
        return Placement(key=wanted.key, server=None, why=nothing_suits(wanted, sites))
    best = min(choices, key=lambda each: each.rank)
    why = reason(best, [each for each in choices if each is not best])
    if not best.site.offer.is_cluster:
        best.site.load.take(best.shape, best.room, best.lasts_s)
    starts = now + best.room.start.at if best.room.start.sure else None
    ends = None if starts is None or best.lasts_s is None else starts + best.lasts_s
    name = best.site.offer.server
    return Placement(key=wanted.key, server=name, starts_at=starts, ends_at=ends, why=why)


def nothing_suits(wanted: Wanted, sites: Sequence[Site]) -> str:
    told = [f"{site.offer.server} {site.why_not(wanted)}" for site in sites]
    return f"no server suits: {'; '.join(told)}" if told else "no server is configured"


def reason(best: Choice, others: Sequence[Choice]) -> str:
    """`3 GPUs free; the code is there`, or `starts in 2 h 10 min, ends before gpu1`."""
    parts = [when(best)]
    if best.site.offer.speed != 1.0:
        parts.append(f"speed {best.site.offer.speed:.2g}")
    if others and best.room.start.at > 0:
        second = min(others, key=lambda each: each.rank)
        parts.append(f"{second.site.offer.server}: {when(second)}")
    elif best.has_code and any(not each.has_code for each in others):
        parts.append("the code is there")
    return "; ".join(parts)


def when(choice: Choice) -> str:
    if choice.site.offer.is_cluster:
        return "Slurm says when"
    start = choice.room.start
    if start.at == 0:
        free = choice.site.load.free
        if choice.shape.gpus == 0:
            return "a CPU slot free"
        return f"{gpus(free)} free" if free else "room on a shared GPU"
    if not start.sure:
        return "all suitable GPUs in use, nobody knows until when"
    return f"starts in {durations.text(start.at)}"


def gpus(number: int) -> str:
    return f"{number} GPU{'s' * (number != 1)}"
