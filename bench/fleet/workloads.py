"""Made-up labs: which runs come when, and what goes wrong. A seed gives the same lab every time.

`lab`    gangs of 1, 2, 4 and 8 GPUs in 50, 20, 20 and 10 %; durations log-normal about a median
         of an hour, mean two hours, whatever the width.
`heavy`  the shape that is reported of large clusters: most runs are short tries on one GPU that
         end within minutes, few take days, and those hold most of the GPU time; wide runs are
         rarer and longer. No trace is used.
`rough`  `lab` with labmates who take cards for hours, and servers that fail for an hour or more.
`mixed`  `rough` with runs that share cards, and small cards in every second server. Only for the
         checks: the peers know neither.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from overnight.node import queueing

HOUR_S = 3600.0
CARDS = 8
LOAD = 1.1
KINDS = ("lab", "heavy", "rough")
MISJUDGED = (0.3, 3.0)
LARGE_MIB = 81_559
SMALL_MIB = 24_564
LONGEST_S = 14 * 24 * HOUR_S


@dataclass(frozen=True)
class Job:
    """One run: `lasts_s` in truth, `expected_s` by its estimate."""

    key: int
    arrives: float
    gpus: float
    lasts_s: float
    expected_s: float
    memory_mib: int | None = None

    def waiting(self, left_s: float) -> queueing.Waiting:
        """It waits, with so much left of it by the clock; the estimate is wrong by as much."""
        expected_s = self.expected_s * left_s / self.lasts_s
        return queueing.Waiting(
            self.key,
            self.gpus,
            self.arrives,
            expected_s=expected_s,
            memory_mib=self.memory_mib,
        )


@dataclass(frozen=True)
class Outage:
    """From `begins` to `ends`, a labmate has these cards of a host; all of it failed if `fails`."""

    begins: float
    ends: float
    host: str
    cards: frozenset[str]
    fails: bool


@dataclass(frozen=True)
class Lab:
    hosts: tuple[queueing.Host, ...]
    jobs: tuple[Job, ...]
    outages: tuple[Outage, ...] = ()

    @property
    def work_s(self) -> float:
        """GPU seconds."""
        return sum(job.gpus * job.lasts_s for job in self.jobs)

    @property
    def gpus(self) -> int:
        return sum(len(host.gpus) for host in self.hosts)


def make(kind: str, servers: int, runs: int, misjudged: bool, seed: int) -> Lab:
    """Arrivals are Poisson at LOAD times what the GPUs can do."""
    chance = random.Random(f"{kind} {servers} {runs} {seed}")
    small = kind == "mixed"
    hosts = tuple(host(n, SMALL_MIB if small and n % 2 else LARGE_MIB) for n in range(servers))
    shapes = [shape(kind, chance) for _ in range(runs)]
    span_s = sum(gpus * lasts_s for gpus, lasts_s in shapes) / (LOAD * servers * CARDS)
    arrivals = sorted(chance.uniform(0, span_s) for _ in range(runs))
    jobs = tuple(
        Job(
            key,
            arrives,
            gpus,
            lasts_s,
            lasts_s * wrong(misjudged, chance),
            chance.randint(4000, SMALL_MIB * 2) if small else None,
        )
        for key, (arrives, (gpus, lasts_s)) in enumerate(zip(arrivals, shapes, strict=True))
    )
    outages = tuple(troubles(hosts, span_s, chance)) if kind in ("rough", "mixed") else ()
    return Lab(hosts, jobs, outages)


def host(number: int, memory_mib: int) -> queueing.Host:
    cards = tuple(queueing.Gpu(f"GPU-{number}-{card}", memory_mib) for card in range(CARDS))
    return queueing.Host(f"gpu{number}", cards)


def shape(kind: str, chance: random.Random) -> tuple[float, float]:
    """GPUs and duration of one run."""
    gpus: float
    if kind != "heavy":
        gpus = chance.choices((1, 2, 4, 8), (50, 20, 20, 10))[0]
        if kind == "mixed" and gpus == 1:
            gpus = chance.choice((0.25, 0.5, 1))
        return gpus, min(LONGEST_S, chance.lognormvariate(math.log(HOUR_S), 1.2))
    gpus = chance.choices((1, 2, 4, 8), (70, 12, 10, 8))[0]
    median_s, sigma = chance.choices(
        ((300.0, 1.0), (2 * HOUR_S, 1.2), (30 * HOUR_S, 1.0)), (60, 34, 6)
    )[0]
    longer = 1 + 0.25 * math.log2(gpus)
    return gpus, min(LONGEST_S, longer * chance.lognormvariate(math.log(median_s), sigma))


def wrong(misjudged: bool, chance: random.Random) -> float:
    low, high = MISJUDGED
    factor = math.exp(chance.uniform(math.log(low), math.log(high)))
    return factor if misjudged else 1.0


def troubles(
    hosts: tuple[queueing.Host, ...], span_s: float, chance: random.Random
) -> list[Outage]:
    """Each host: a labmate every 12 hours or so for some cards, a failure every ten days."""
    found = []
    for each in hosts:
        uuids = [card.uuid for card in each.gpus]
        at = chance.expovariate(1 / (12 * HOUR_S))
        while at < span_s:
            cards = frozenset(chance.sample(uuids, chance.choice((1, 1, 2, 4))))
            lasts_s = chance.lognormvariate(math.log(2 * HOUR_S), 1.0)
            found.append(Outage(at, at + lasts_s, each.name, cards, False))
            at += lasts_s + chance.expovariate(1 / (12 * HOUR_S))
        at = chance.expovariate(1 / (240 * HOUR_S))
        while at < span_s:
            lasts_s = HOUR_S + chance.expovariate(1 / HOUR_S)
            found.append(Outage(at, at + lasts_s, each.name, frozenset(uuids), True))
            at += lasts_s + chance.expovariate(1 / (240 * HOUR_S))
    return found
