"""One night: what is going to happen, made from a seed, and how it went."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tests.simulation import faults, kernel, laws, processes, seams, trainings
from tests.simulation.faults import Fault
from tests.simulation.laptops import Laptop, Launch, Wish

NIGHT_S = 8 * 3600.0
FAULTS_UNTIL_S = 6 * 3600.0
MORNING_S = 40 * 3600.0
CRON_S = 300.0
HANG_PATIENCE_S = 3 * 3600.0


@dataclass
class Plan:
    """All that is chosen before a night. Without any one of its faults it is a night as well."""

    seed: str
    gpus: int
    launches: list[Launch]
    scripts: dict[str, trainings.Script]
    wishes: list[tuple[int, Wish]]  # (laptop, wish)
    faults: list[Fault] = field(default_factory=list)


class Result(NamedTuple):
    seed: str
    violations: list[laws.Violation]
    counts: Counter[str]
    story: list[str]


class Night:
    def __init__(self, plan: Plan, folder: str) -> None:
        self.plan = plan
        root = os.path.join(folder, "root")
        os.makedirs(os.path.join(root, "projects"))
        self.story: list[str] = []
        self.seen: Counter[str] = Counter()
        self.ours: dict[int, kernel.Proc] = {}
        self.laws = laws.Laws(root, self.heard)
        self.kernel = kernel.Kernel(root, plan.seed, self.laws, gpu_count=plan.gpus)
        self.kernel.outside = folder
        self.laws.machine = self.kernel
        self.kernel.scripts = dict(plan.scripts)
        launches = {each.key: each for each in plan.launches}
        self.laptops = [
            Laptop(
                self.kernel, self.laws, name, [w for n, w in plan.wishes if n == number], launches
            )
            for number, name in enumerate(("A", "B"))
        ]
        self.is_morning = False
        self.hung_since: dict[kernel.Proc, float] = {}
        self.armed = [fault for fault in plan.faults if fault.event]

    # -- the course of it -------------------------------------------------------------------

    def live(self) -> Result:
        seams.world.kernel = self.kernel
        seams.forget_boot()
        try:
            self.begin()
            self.kernel.run(MORNING_S, self.is_over)
            self.is_morning = True
            if not self.laws.violations:
                self.kernel.run(self.kernel.now + 900.0, lambda: bool(self.laws.violations))
            if not self.laws.violations:
                self.laws.morning()
        finally:
            self.kernel.close()
            seams.world.kernel = None
        return Result(self.plan.seed, self.laws.violations, self.kernel.counts, self.story)

    def begin(self) -> None:
        for laptop in self.laptops:
            laptop.open()
        for fault in self.plan.faults:
            if not fault.event:
                self.kernel.at(fault.at, lambda fault=fault: self.strike(fault))
        self.kernel.at(CRON_S, self.cron)
        self.kernel.at(FAULTS_UNTIL_S, self.calm)

    def is_over(self) -> bool:
        if self.laws.violations:
            return True
        if self.kernel.now < FAULTS_UNTIL_S or any(laptop.wishes for laptop in self.laptops):
            return False
        if not self.kernel.is_on or self.kernel.now < self.kernel.booted_at + CRON_S:
            return False
        return not any(program.on_server for program in self.kernel.programs)

    def say(self, text: str) -> None:
        self.story.append(f"{faults.clock(self.kernel.now)}  {text}")

    def heard(self, run: str, kind: str) -> None:
        """An event was appended; faults may wait for it."""
        self.say(f"{run}: {kind}")
        self.seen[kind] += 1
        for fault in [f for f in self.armed if (f.event, f.nth) == (kind, self.seen[kind])]:
            self.armed.remove(fault)
            self.strike(fault)

    def strike(self, fault: Fault) -> None:
        if self.kernel.now > FAULTS_UNTIL_S:
            return
        self.know_ours()
        if faults.KINDS[fault.kind](self, fault):
            self.kernel.counts[f"fault {fault.kind}"] += 1
            self.say(f"FAULT {fault.told()}")

    def know_ours(self) -> None:
        """Remembers the processes of ours that live now."""
        for proc in self.kernel.procs.values():
            if proc.run or proc.name == "watch":
                self.ours[proc.pid] = proc

    # -- the machine's own habits -----------------------------------------------------------

    def cron(self) -> None:
        """Every five minutes the user's crontab sees to the watch."""
        if self.kernel.is_on and not self.is_morning:
            self.start_watch()
            self.end_hung()
        self.kernel.after(CRON_S, self.cron)

    def start_watch(self) -> None:
        if self.kernel.is_on and not faults.programs(self, "watch"):
            processes.start_verb(self.kernel, "watch", [self.kernel.root], None)

    def end_hung(self) -> None:
        """A person who comes by ends what has hung for hours, where the node did not."""
        for proc in faults.living(self, trainings.Training):
            if proc.truth.is_ill:
                since = self.hung_since.setdefault(proc, self.kernel.now)
                if self.kernel.now - since > HANG_PATIENCE_S:
                    self.kernel.counts["hangs ended by a person"] += 1
                    self.kernel.send(proc, 9)

    def power_off(self, *, clean: bool, down_s: float) -> None:
        if not self.kernel.is_on:
            return
        self.say(f"the server goes down for {down_s:.0f} s" + ("" if clean else ", power lost"))
        self.know_ours()
        self.kernel.power_off(clean=clean)
        for laptop in self.laptops:
            for each in laptop.link.pipes:
                each.break_off()
            laptop.link.pipes.clear()
        if not clean:
            self.laws.power_lost()
        self.kernel.after(down_s, self.power_on)

    def power_on(self) -> None:
        self.kernel.boot_up()
        seams.forget_boot()
        if self.kernel.rng.random() < 0.5:
            faults.strangers_take_over(self)
        self.say("the server is up")
        self.kernel.after(30.0, self.start_watch)

    def note_full_disk(self) -> None:
        for book in self.laws.books.values():
            book.disk_was_full = True

    def calm(self) -> None:
        """From now on nothing more goes wrong."""
        self.armed.clear()
        for laptop in self.laptops:
            laptop.link.heal()


# -- making a plan ----------------------------------------------------------------------------

EVENTS = (
    *("created", "supervised", "attempt_started", "attempt_ended", "diagnosed", "repaired"),
    *("waiting", "granted", "resumed", "stop_requested"),
)
SLIPS = (
    *("cuda_oom", "host_oom", "shm", "disk_full", "nan", "bad_sample", "missing_file", "nccl"),
    *("missing_module", "cuda_fault", "driver", "shape", "checkpoint", "network", "auth", "hang"),
    *("port_in_use", "config", "permission", "code", "unknown", "preempted", "preempted", "hang"),
    *("unknown", "host_oom", "interrupted", "preempted"),
)
AT_ONCE = ("config", "missing_module")


def plan(seed: str) -> Plan:
    rng = random.Random(f"{seed} plan")
    gpus = rng.choice((0, 0, 1, 2, 2))
    launches = [made_launch(rng, f"k{n}", gpus) for n in range(rng.choice((1, 1, 2, 2, 3, 5)))]
    follow_each_other(rng, launches)
    return Plan(
        seed=seed,
        gpus=gpus,
        launches=launches,
        scripts={each.key: made_script(rng) for each in launches},
        wishes=list(made_wishes(rng, launches)),
        faults=list(made_faults(rng, rng.choice((0, 1, 2, 3, 4, 6, 8)), gpus)),
    )


def made_launch(rng: random.Random, key: str, gpus: int) -> Launch:
    return Launch(
        key=key,
        name=rng.choice((None, f"named-{key}")),
        gpus=rng.choice((None, 0, 1, 1, gpus, 0.5, 0.5)) if gpus else rng.choice((None, 0)),
        version=rng.randint(1, 3),
        policy={"grace_s": 20.0, **rng.choice(({}, {}, {"cuda_oom": "shrink"}))},
        science=rng.random() < 0.3,
        queue={
            "priority": rng.choice((0, 0, 0, 5)),
            "memory_mib": trainings.HELD_MIB,
            "expected_s": rng.choice((None, 1800.0, 7200.0)),
            "max_concurrent": rng.choice((None, None, None, 1)),
        },
    )


def follow_each_other(rng: random.Random, launches: list[Launch]) -> None:
    """Some runs wait for the end of another one, which may never be good."""
    for first, second in itertools.pairwise(launches):
        if first.name is not None and rng.random() < 0.2:
            second.queue["after"] = [first.name]


def made_script(rng: random.Random) -> trainings.Script:
    epochs = rng.randint(3, 9)
    return trainings.Script(
        epochs=epochs,
        epoch_s=rng.choice((240.0, 600.0, 1500.0)),
        setup_s=rng.choice((5.0, 60.0, 300.0)),
        checkpoint_every=rng.choice((1, 1, 1, 2)),
        fits=rng.choice((64, 64, 64, 64, 64, 64, 32, 16, 8)),
        on_term=rng.choice(("dies", "dies", "saves", "ignores")),
        workers=rng.choice((0, 0, 1)),
        slips=[made_slip(rng, epochs) for _ in range(rng.choice((0, 0, 1, 1, 2)))],
    )


def made_slip(rng: random.Random, epochs: int) -> trainings.Slip:
    kind = rng.choice(SLIPS)
    epoch = 1 if kind in AT_ONCE else rng.randint(1, epochs)
    return trainings.Slip(kind, epoch, rng.choice((1, 1, 1, 2, 99)))


def made_wishes(rng: random.Random, launches: list[Launch]) -> Iterator[tuple[int, Wish]]:
    for launch in launches:
        laptop = rng.randrange(2)
        at = rng.uniform(0.0, 1800.0)
        yield laptop, Wish("launch", launch.key, at)
        if rng.random() < 0.3:
            yield rng.randrange(2), Wish("launch again", launch.key, at + rng.uniform(0.0, 3000.0))
        if rng.random() < 0.15:
            yield rng.randrange(2), Wish("take the name", launch.key, at + rng.uniform(60, 9000))
        if rng.random() < 0.2:
            yield rng.randrange(2), Wish("stop", launch.key, at + rng.uniform(30.0, 12000.0))
        if rng.random() < 0.15:
            yield rng.randrange(2), Wish("resume", launch.key, at + rng.uniform(4000.0, 20000.0))
    for _ in range(rng.choice((0, 1, 2))):
        yield rng.randrange(2), Wish("look", "", rng.uniform(0.0, 15000.0), rng.uniform(60, 3000))
    if rng.random() < 0.4:
        yield rng.randrange(2), Wish("sync", "", rng.uniform(0.0, 15000.0))


# How often a fault is chosen, where that is not 1.
WEIGHTS = {
    "kill supervisor": 5,
    "kill supervisor at a slow start": 3,
    "frozen, then power cut": 3,
    "reused pid of a supervisor": 3,
    "power cut": 3,
    "reboot": 2,
    "pid reuse": 3,
    "half checkpoint": 2,
    "kill command": 2,
    "kill shim": 2,
    "foreign GPU user": 4,
}
AT_EVENTS = {
    "kill supervisor at a slow start": ("attempt_started",),
    "frozen, then power cut": (*EVENTS, "finished", "failed"),
}
NEEDS_GPUS = ("foreign GPU user", "silent driver")


def made_faults(rng: random.Random, count: int, gpus: int) -> Iterator[Fault]:
    """Some come alone, some together with the one before."""
    kinds = [kind for kind in sorted(faults.KINDS) if gpus or kind not in NEEDS_GPUS]
    weights = [WEIGHTS.get(kind, 1) for kind in kinds]
    before: Fault | None = None
    for _ in range(count):
        fault = made_fault(rng, rng.choices(kinds, weights)[0])
        if before is not None and rng.random() < 0.4:
            fault = replace(fault, at=before.at, event=before.event, nth=before.nth)
        before = fault
        yield fault


def made_fault(rng: random.Random, kind: str) -> Fault:
    by_event = kind in AT_EVENTS or rng.random() < 0.5
    return Fault(
        kind=kind,
        at=0.0 if by_event else round(rng.uniform(0.0, FAULTS_UNTIL_S * 0.8), 3),
        event=rng.choice(AT_EVENTS.get(kind, EVENTS)) if by_event else "",
        nth=rng.choice((1, 1, 2, 3)),
        steps=rng.choice((0, rng.randint(1, 20), rng.randint(1, 150))),
        for_s=rng.choice((5.0, 60.0, 600.0, 3600.0, 5400.0)),
        pick=rng.randrange(6),
    )


def live(plan: Plan) -> Result:
    """Lives through the night in a folder of its own, which is gone afterwards."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="overnight-night-", dir=place)
    try:
        return Night(plan, folder).live()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
