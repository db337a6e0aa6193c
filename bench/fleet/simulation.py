"""A lab in virtual time: runs arrive, a decider starts them, they end. Checks what it is told."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial

from bench.fleet.workloads import Job, Lab, Outage
from overnight.node.queueing import Decision, Gpu, Host, Running, Start, Waiting

CHECKPOINT_S = 1800.0
SOON_S = 1e-6
PUNCTUAL_S = 1e-3
Decider = Callable[
    [Sequence[Waiting], Sequence[Running], Sequence[Host], float, Hashable | None], Decision
]


@dataclass
class Outcome:
    """What one decider made of one lab. Times in seconds.

    `busy_s` and `offered_s`: GPU seconds in use and to be had while anything waited.
    `wrong`: starts that break a rule of the lab: a GPU twice, one that is not to be had, a gang
    of the wrong size. `delayed`: runs that started later than was once reserved for them, with
    no labmate, failure or resumed run in between.
    """

    waits_s: dict[int, float] = field(default_factory=dict)
    busy_s: float = 0.0
    offered_s: float = 0.0
    makespan_s: float = 0.0
    unfinished: int = 0
    wrong: list[str] = field(default_factory=list)
    reserved: int = 0
    delayed: int = 0
    decisions: int = 0
    deciding_s: float = 0.0

    @property
    def busy_share(self) -> float:
        return self.busy_s / self.offered_s if self.offered_s else 1.0


@dataclass
class Active:
    run: Running
    job: Job
    began: float
    left_s: float


class Simulation:
    def __init__(self, lab: Lab, decide: Decider) -> None:
        self.lab, self.decide = lab, decide
        self.now = 0.0
        self.serials = itertools.count()
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.waiting: dict[Hashable, Waiting] = {}
        self.left_s: dict[Hashable, float] = {job.key: job.lasts_s for job in lab.jobs}
        self.jobs: dict[Hashable, Job] = {job.key: job for job in lab.jobs}
        self.active: dict[Hashable, Active] = {}
        self.away: list[Outage] = []
        self.hosts: tuple[Host, ...] = lab.hosts
        self.cards = {(h.name, g.uuid): g for h in lab.hosts for g in h.gpus}
        self.offered = set(self.cards)
        self.users: dict[tuple[str, str], list[Running]] = {}  # who is on each card in use
        self.next_key: Hashable | None = None
        self.promised: dict[Hashable, float] = {}
        self.outcome = Outcome()

    def play(self) -> Outcome:
        for job in self.lab.jobs:
            self.later(job.arrives, partial(self.arrive, job))
        for outage in self.lab.outages:
            self.later(outage.begins, partial(self.trouble, outage))
            self.later(outage.ends, partial(self.mended, outage))
        while self.events:
            self.advance(self.events[0][0])
            while self.events and self.events[0][0] <= self.now + SOON_S:
                heapq.heappop(self.events)[2]()
            if self.waiting:
                self.start_some()
        self.outcome.unfinished = len(self.left_s)
        return self.outcome

    def later(self, at: float, do: Callable[[], None]) -> None:
        heapq.heappush(self.events, (at, next(self.serials), do))

    def advance(self, to: float) -> None:
        """The clock goes on; what is in use meanwhile is counted."""
        if self.waiting:
            lasts_s = to - self.now
            self.outcome.busy_s += len(self.users) * lasts_s
            self.outcome.offered_s += len(self.users.keys() | self.offered) * lasts_s
        self.now = to

    # -- what happens ---------------------------------------------------------------------------

    def arrive(self, job: Job) -> None:
        self.waiting[job.key] = job.waiting(job.lasts_s)

    def end(self, active: Active) -> None:
        if self.active.get(active.job.key) is not active:
            return  # its server failed meanwhile
        self.leave(active)
        del self.left_s[active.job.key]
        self.outcome.makespan_s = self.now

    def leave(self, active: Active) -> None:
        del self.active[active.job.key]
        for uuid in active.run.gpus:
            users = self.users[active.run.host, uuid]
            users.remove(active.run)
            if not users:
                del self.users[active.run.host, uuid]

    def trouble(self, outage: Outage) -> None:
        self.away.append(outage)
        self.offer()
        if outage.fails:
            for active in [a for a in self.active.values() if a.run.host == outage.host]:
                self.resume_later(active)

    def resume_later(self, active: Active) -> None:
        """It goes on from its last checkpoint, at its old place in the line."""
        self.leave(active)
        done_s = (self.now - active.began) // CHECKPOINT_S * CHECKPOINT_S
        job = active.job
        self.left_s[job.key] = active.left_s - done_s
        self.waiting[job.key] = job.waiting(self.left_s[job.key])
        self.waiting = dict(sorted(self.waiting.items(), key=lambda each: each[1].queued_at))

    def mended(self, outage: Outage) -> None:
        self.away.remove(outage)
        self.offer()

    def offer(self) -> None:
        gone = {(each.host, uuid) for each in self.away for uuid in each.cards}
        self.hosts = tuple(
            host._replace(gpus=tuple(g for g in host.gpus if (host.name, g.uuid) not in gone))
            for host in self.lab.hosts
        )
        self.offered = {(host.name, gpu.uuid) for host in self.hosts for gpu in host.gpus}
        self.promised.clear()

    # -- what is decided ------------------------------------------------------------------------

    def start_some(self) -> None:
        running = [active.run for active in self.active.values()]
        waiting = list(self.waiting.values())
        began = time.perf_counter()
        decision = self.decide(waiting, running, self.hosts, self.now, self.next_key)
        self.outcome.deciding_s += time.perf_counter() - began
        self.outcome.decisions += 1
        self.next_key = decision.reserved.key if decision.reserved else None
        for start in decision.starts:
            self.start(start)
        if decision.reserved is not None:
            self.outcome.reserved += decision.reserved.key not in self.promised
            self.promised.setdefault(decision.reserved.key, decision.reserved.at)

    def start(self, start: Start) -> None:
        run, job = self.waiting.pop(start.key), self.jobs[start.key]
        assert run.expected_s is not None
        running = Running(
            job.key,
            start.host,
            start.gpus,
            min(1.0, run.gpus),
            run.memory_mib,
            ends_at=self.now + run.expected_s,
            began_at=self.now,
        )
        active = Active(running, job, self.now, self.left_s[job.key])
        self.active[job.key] = active
        self.check(running, run)
        for uuid in start.gpus:
            self.users.setdefault((start.host, uuid), []).append(running)
        self.outcome.waits_s.setdefault(job.key, self.now - job.arrives)
        self.outcome.delayed += self.now > self.promised.pop(job.key, self.now) + PUNCTUAL_S
        self.later(self.now + active.left_s, partial(self.end, active))

    def check(self, running: Running, run: Waiting) -> None:
        """What holds for every decider, seen by nothing but the lab itself."""
        if len(set(running.gpus)) != max(1, run.gpus):
            self.outcome.wrong.append(f"run {run.key} wants {run.gpus} GPUs, got {running.gpus}")
        for uuid in running.gpus:
            card = running.host, uuid
            if card not in self.offered:
                self.outcome.wrong.append(f"run {run.key} got {card}, which is not to be had")
            elif not fit(self.cards[card], [*self.users.get(card, ()), running]):
                self.outcome.wrong.append(f"run {run.key} got {card}, which is full")


def fit(card: Gpu, runs: Sequence[Running]) -> bool:
    """Whether these runs may be on one card together, in shares and in memory."""
    known = [run.memory_mib for run in runs if run.memory_mib is not None]
    in_memory = card.memory_mib is None or sum(known) <= card.memory_mib
    alone = len(runs) == 1
    return in_memory and (alone or (len(known) == len(runs) and sum(r.share for r in runs) <= 1))
