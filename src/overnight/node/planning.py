"""What becomes of the runs that wait on this server. Pure: plan(all active runs, ...) -> actions.

Who starts on which cards is decided by `queueing`; here the runs of this server are put into its
words, and what can never start, or no longer, is told.
"""

from __future__ import annotations

import collections
import time
from typing import Any, Collection, Mapping, NamedTuple, Sequence, Union

from overnight.node import cards, decide, gpus, layout, queueing, sharing, states, waiting

HERE = "here"
FEWEST_SLOTS = 4


class Active(NamedTuple):
    """A run that has not ended. `state` as in state.json; `ends_at` by its progress, if it tells.

    `after`: the states of the runs that it follows.
    """

    run: layout.Run
    wish: waiting.Wish
    state: Mapping[str, Any]
    ends_at: float | None = None
    after: Mapping[str, str] = {}

    @property
    def is_idle(self) -> bool:
        return states.is_idle(self.state)


class Grant(NamedTuple):
    run: layout.Run
    gpus: tuple[str, ...]
    share: float
    indices: tuple[int, ...] = ()


class Wait(NamedTuple):
    """It has just come, or come back, and finds no place."""

    run: layout.Run
    reason: str


class Fail(NamedTuple):
    run: layout.Run
    reason: str


class Ask(NamedTuple):
    run: layout.Run
    reason: str
    answers: list[str]


class Stop(NamedTuple):
    run: layout.Run
    by: str


Action = Union[Grant, Wait, Fail, Ask, Stop]


class Server(NamedTuple):
    """What was seen of this server. `local` is its local time, `now` the same in Unix time.

    `promised`: the run for which cards are held since the last plan.
    """

    sight: cards.Sight
    cores: int
    now: float
    local: time.struct_time
    promised: layout.Run | None = None


class Plan(NamedTuple):
    """One action at most for each run that waits; none for those that go on waiting."""

    actions: list[Action]
    promised: layout.Run | None


def plan(active: Sequence[Active], server: Server) -> Plan:
    return Planning(active, server).plan()


class Planning:
    """One look at the queue. Rules of sharing may differ between the projects of a user."""

    def __init__(self, active: Sequence[Active], server: Server) -> None:
        self.active = active
        self.server = server
        self.table = server.sight.table
        self.held = held_by(active)
        self.going = collections.Counter(group_of(each) for each in active if not each.is_idle)
        self._uses: dict[str, dict[str, sharing.Use]] = {}

    def plan(self) -> Plan:
        ended, line = [], []
        for each in self.active:
            if each.is_idle:
                action = over(each, self.server.now) or self.never(each)
                ended.append(action) if action is not None else line.append(each)
        ready = [each for each in line if self.is_ready(each)]
        decision = self.decided(ready)
        starts = {start.key: start.gpus for start in decision.starts}
        taken = {uuid for uuids in starts.values() for uuid in uuids}
        found: list[Action] = list(ended)
        for each in line:
            if each.run in starts:
                found.append(self.grant(each, starts[each.run]))
            elif each.state.get("state") != states.QUEUED:
                found.append(Wait(each.run, self.why(each, taken)))
        reserved: Any = decision.reserved and decision.reserved.key
        return Plan(found, reserved)

    def grant(self, each: Active, uuids: tuple[str, ...]) -> Grant:
        number = {gpu.uuid: gpu.index for gpu in self.table.gpus}
        indices = tuple(number[uuid] for uuid in uuids)
        return Grant(each.run, uuids, share(self.number(each)), indices)

    def decided(self, ready: Sequence[Active]) -> queueing.Decision:
        return queueing.decide(
            [self.waiting(each) for each in ready],
            self.running(),
            [self.host()],
            self.server.now,
            self.server.promised,
        )

    def line(self) -> list[Active]:
        """The runs that wait, in the order in which they start; those that follow others last."""
        idle: dict[Any, Active] = {each.run: each for each in self.active if each.is_idle}
        ordered = queueing.in_order([self.waiting(each) for each in idle.values()], 1)
        ordered.sort(key=lambda run: bool(run.after))
        return [idle[run.key] for run in ordered]

    def forecast(self) -> dict[Any, float | None]:
        """The expected start of each run that waits (Unix time), where it can be known."""
        line = [each for each in self.active if each.is_idle and self.has_rested(each)]
        waits = [self.waiting(each) for each in line]
        return queueing.forecast(waits, self.running(), [self.host()], self.server.now)

    # -- in the words of the queue ------------------------------------------------------------

    def host(self) -> queueing.Host:
        """The cards that any waiting run may use, now or when another run of ours has ended."""
        usable = set().union(*(self.usable(each) for each in self.active if each.is_idle))
        found = [gpu for gpu in self.table.gpus if gpu.uuid in usable]
        listed = tuple(queueing.Gpu(gpu.uuid, gpu.memory_total_mib) for gpu in found)
        return queueing.Host(HERE, listed, self.slots())

    def slots(self) -> int:
        told = [each.wish.cpu_slots for each in self.active if each.wish.cpu_slots is not None]
        return told[-1] if told else max(FEWEST_SLOTS, self.server.cores)

    def running(self) -> list[queueing.Running]:
        return [
            queueing.Running(
                each.run,
                HERE,
                tuple(place_of(each.state)["gpus"]),
                float(place_of(each.state)["share"]),
                each.wish.memory_mib,
                each.ends_at,
                group_of(each),
                began_at(each.state),
            )
            for each in self.active
            if not each.is_idle
        ]

    def waiting(self, each: Active) -> queueing.Waiting:
        """A smoke test goes before all others: somebody sits and waits for it."""
        wish = each.wish
        return queueing.Waiting(
            each.run,
            self.number(each),
            float(each.state.get("created_at") or 0.0),
            priority=10**6 if wish.is_smoke else wish.priority,
            order=wish.order,
            expected_s=wish.expected_s,
            memory_mib=wish.memory_mib,
            allowed=frozenset(self.usable(each)),
            avoid=frozenset(each.state.get("avoid") or ()),
            group=group_of(each),
            limit=None if wish.is_smoke else wish.max_concurrent,
            after=frozenset(each.run._replace(name=name) for name in self.open_runs(each)),
        )

    def number(self, each: Active) -> float:
        wanted = each.wish.gpus
        if wanted is None:
            return each.wish.processes if self.table.gpus or self.table.problem else 0
        return 1 if 0 < wanted < 1 and each.state.get("alone") else wanted

    def uses_by(self, told: Any) -> dict[str, sharing.Use]:
        """By rules that somebody names, as `sharing.rules` reads them."""
        return self.server.sight.uses(self.held, sharing.rules(told), self.server.local)

    def common_uses(self) -> dict[str, sharing.Use]:
        """By the rules of the first run; where there is none, by those that hold by default."""
        if self.active:
            return self.uses(self.active[0])
        return self.uses_by(None)

    # -- the cards ----------------------------------------------------------------------------

    def uses(self, each: Active) -> dict[str, sharing.Use]:
        key = repr(sorted(each.wish.sharing.items()))
        if key not in self._uses:
            rules = sharing.rules(each.wish.sharing)
            self._uses[key] = self.server.sight.uses(self.held, rules, self.server.local)
        return self._uses[key]

    def named(self, each: Active) -> list[sharing.Use]:
        """The cards that overnight.toml allows."""
        allowed, excluded = each.wish.allowed, sharing.texts(each.wish.sharing.get("excluded"))
        uses = self.uses(each)
        return [
            uses[gpu.uuid]
            for gpu in self.table.gpus
            if (allowed is None or any(gpus.is_named(gpu, name) for name in allowed))
            and not any(gpus.is_named(gpu, name) for name in excluded)
        ]

    def usable(self, each: Active) -> set[str]:
        """Nothing but runs of ours keeps this run away from them."""
        return {use.uuid for use in self.named(each) if use.shareable}

    def is_ready(self, each: Active) -> bool:
        return not self.open_runs(each) and self.has_rested(each)

    def has_rested(self, each: Active) -> bool:
        return decide.pause_s(float(each.state.get("not_before") or 0), self.server.now) <= 0

    def open_runs(self, each: Active) -> list[str]:
        """The runs that it waits for; none where a person said that it need not."""
        if each.state.get("unbound"):
            return []
        return [run for run, state in each.after.items() if state != states.FINISHED]

    # -- in words for people ------------------------------------------------------------------

    def never(self, each: Active) -> Fail | None:
        """This server will never have so many cards. Where they cannot be seen, it may."""
        wanted = self.number(each)
        if wanted == 0 or (self.table.problem and not self.table.gpus):
            return None
        if not self.table.gpus and each.state.get("state") == states.QUEUED:
            return None  # there were some when it came; a driver that is exchanged shows none
        if not self.table.gpus:
            return Fail(each.run, f"{counted(wanted)} wanted, and this server has none")
        named = self.named(each)
        if len(named) >= wanted:
            return None
        chosen = each.wish.allowed is not None or each.wish.sharing.get("excluded")
        of = " that overnight.toml allows" if chosen else ""
        by_process = each.wish.gpus is None and wanted > 1
        why = "one for each process (--gpus N says otherwise): " * by_process
        return Fail(
            each.run, f"{why}{counted(wanted)} wanted, and this server has {len(named)}{of}"
        )

    def why(self, each: Active, taken: Collection[str] = ()) -> str:
        """What it waits for. `taken`: cards that were given to others just now."""
        open_runs = self.open_runs(each)
        if open_runs:
            return f"waiting until {' and '.join(open_runs)} has finished"
        if not self.is_ready(each):
            return "pausing before it is tried again"
        wanted = self.number(each)
        if wanted and self.table.problem:
            return cards.CANNOT_BE_SEEN + self.table.problem
        if wanted:
            return self.limit(each) or self.gpus_missing(each, wanted, taken)
        return self.limit(each) or self.no_slot()

    def limit(self, each: Active) -> str:
        limit = each.wish.max_concurrent
        group = group_of(each)
        if limit is None or each.wish.is_smoke or self.going[group] < limit:
            return ""
        return f"waiting: {limit} of {group} at once are the limit"

    def no_slot(self) -> str:
        return f"waiting for one of {self.slots()} CPU slots"

    def gpus_missing(self, each: Active, wanted: float, taken: Collection[str]) -> str:
        named = self.named(each)
        free = sum(use.state == sharing.FREE and use.uuid not in taken for use in named)
        what = f"{wanted:g} of a GPU" if wanted < 1 else f"{wanted:g} free of {len(named)} GPUs"
        if free >= wanted:
            return f"waiting for {what}: others are before it"
        closed = sorted({use.why for use in named if use.why and not use.shareable})
        return f"waiting for {what}" + (f" ({'; '.join(closed[:3])})" if closed else "")


def over(each: Active, now: float) -> Stop | Fail | Ask | None:
    """What ends a run while it waits."""
    if each.state.get("stop") is not None:
        return Stop(each.run, str(each.state["stop"]))
    if decide.waited_too_long(each.state, now):
        hours = decide.LONGEST_GPU_WAIT_S / 3600
        return Fail(each.run, f"waiting for free GPUs, for {hours:.0f} h already")
    lost = [
        (run, state)
        for run, state in each.after.items()
        if state != states.FINISHED and state not in states.ACTIVE
    ]
    if not lost or each.state.get("unbound"):
        return None
    run, state = lost[0]
    told = f"it was to follow {run}, which {'does not exist' if not state else f'is {state}'}"
    answers = [f"overnight resume {run}"] if state else []
    answers.append(f"overnight resume {each.run.name}")
    return Ask(each.run, f"{told}; start it all the same?", answers)


def held_by(active: Sequence[Active]) -> dict[str, list[dict[str, Any]]]:
    """Card -> the runs of ours that may use it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in active:
        if each.is_idle:
            continue
        place = place_of(each.state)
        told = {"project": each.run.project, "run": each.run.name, "share": place["share"]}
        for uuid in place["gpus"]:
            found.setdefault(uuid, []).append({**told, "mib": each.wish.memory_mib})
    return found


def place_of(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where a run is that does not wait. One of before there were places has its last cards."""
    known = state.get("place")
    if isinstance(known, dict):
        return known
    attempts = state.get("attempts") or [{}]
    return {"gpus": attempts[-1].get("gpus") or [], "share": 1.0}


def began_at(state: Mapping[str, Any]) -> float | None:
    attempts = state.get("attempts") or [{}]
    found = attempts[0].get("started_at")
    return None if found is None else float(found)


def group_of(each: Active) -> str:
    """What is counted against a limit: the runs of a sweep, else those of the project."""
    return f"{each.run.project} {each.wish.group}".strip()


def share(number: float) -> float:
    return number if 0 < number < 1 else 1.0


def counted(number: float) -> str:
    return "1 GPU is" if number == 1 else f"{number:g} GPUs are"
