"""What a queue speaks of. Times are seconds of one clock, memory is MiB."""

from __future__ import annotations

from typing import Hashable, Mapping, NamedTuple

FAIR_STEP_S = 600.0  # a run counts as queued so much later for each run of its sweep before it


class Gpu(NamedTuple):
    """A card that we may use. What runs of ours hold of it follows from `Running`."""

    uuid: str
    memory_mib: int | None = None


class Host(NamedTuple):
    """A server. `slots`: how many runs without a GPU it takes at once."""

    name: str
    gpus: tuple[Gpu, ...]
    slots: int = 0


class Waiting(NamedTuple):
    """A run that wants to start.

    `gpus`: 0 is a CPU slot, less than 1 a share of one GPU, else whole GPUs of one host.
    `order`: its index within its sweep. `expected_s`: how long it will take; None: nobody knows.
    `memory_mib`: its peak on each GPU; a card with less is not for it, and without it a card is
    not shared. `allowed`, `avoid`: UUIDs; `avoid` holds where the host has enough others.
    `limit`: so many runs of `group` at once. `hosts`: names; None: any. `after`: keys of runs that
    end before it starts, of which only the forecast knows: who decides leaves such a run out.
    """

    key: Hashable
    gpus: float
    queued_at: float
    priority: int = 0
    order: int = 0
    expected_s: float | None = None
    memory_mib: int | None = None
    allowed: frozenset[str] | None = None
    avoid: frozenset[str] = frozenset()
    group: str = ""
    limit: int | None = None
    hosts: frozenset[str] | None = None
    after: frozenset[Hashable] = frozenset()


class Running(NamedTuple):
    """A run that holds GPUs, or a CPU slot where `gpus` is empty.

    `share`: of each of its GPUs; below 1 others may share the card. `ends_at`: by its estimate;
    None: nobody knows; in the past: the estimate was wrong, and `began_at` says by how much.
    """

    key: Hashable
    host: str
    gpus: tuple[str, ...]
    share: float = 1.0
    memory_mib: int | None = None
    ends_at: float | None = None
    group: str = ""
    began_at: float | None = None


class Start(NamedTuple):
    """Start this run now, there. `gpus` are UUIDs, none for a CPU slot."""

    key: Hashable
    host: str
    gpus: tuple[str, ...]


class Reservation(NamedTuple):
    """The first run that has to wait, and where and when it will start at the latest."""

    key: Hashable
    host: str
    at: float


class Decision(NamedTuple):
    """`why`: what a run waits for, of those that were asked about."""

    starts: tuple[Start, ...] = ()
    reserved: Reservation | None = None
    why: Mapping[Hashable, str] = {}
