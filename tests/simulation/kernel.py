"""One machine in virtual time: a clock, a scheduler, processes and signals.

A `Program` runs real code of ours as a greenlet. Whatever it asks of the operating system passes
through `Kernel.step`: there a little time goes by, others may run, and it can be killed. A killed
program is unwound by an exception, and nothing that it does meanwhile has any effect.
"""

from __future__ import annotations

import heapq
import itertools
import os
import random
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import greenlet

from tests.simulation import disk as disks
from tests.simulation import gpus

START_OF_TIME_S = 1_790_000_000.0
TICKS_PER_S = 100
USER, LABMATE = 1000, 1001
LONGEST_WAIT_S = 600.0
STRETCH = 3.0
DIES_OF = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2})


class Killed(BaseException):
    """SIGKILL: no code of ours catches it."""


class Proc:
    """A process as the rest of the machine sees it. `state` is as in /proc: S, T, Z or X (gone).

    `run` and `attempt` say whose it is, whatever the node believes.
    """

    def __init__(self, kernel: Kernel, name: str, *, uid: int = USER, parent: Proc | None = None):
        self.kernel = kernel
        self.name = name
        self.uid = uid
        self.pid = kernel.fresh_pid()
        self.ppid = parent.pid if parent else 1
        self.session = self.pid
        self.group = self.pid
        self.start_ticks = kernel.ticks()
        self.state = "S"
        self.status = 0
        self.run = ""
        self.attempt = 0
        kernel.procs[self.pid] = self

    @property
    def environ(self) -> dict[str, str]:
        """As far as anybody asks for it: the marker of an attempt."""
        return {}

    @property
    def alive(self) -> bool:
        return self.state in "ST"

    def stat(self) -> str:
        fields = [self.state, self.ppid, self.group, self.session, *[0] * 15, self.start_ticks]
        return f"{self.pid} ({self.name}) {' '.join(map(str, fields))} 0 0\n"

    def on_signal(self, number: int) -> None:
        if number in DIES_OF or number == signal.SIGKILL:
            self.kernel.end(self, number)

    def ended(self) -> None:
        """Called once when it has become a zombie."""

    def continued(self) -> None:
        """Called after SIGCONT."""


class Program(Proc):
    """Our own code. `body` is what it runs; its waits end early when one of `scopes` changes."""

    def __init__(
        self,
        kernel: Kernel,
        name: str,
        body: Callable[[], object],
        *,
        scopes: Iterable[str] = (),
        parent: Proc | None = None,
        on_server: bool = True,
    ) -> None:
        super().__init__(kernel, name, parent=parent)
        self.body = body
        self.variables: dict[str, str] = {}
        self.on_server = on_server
        if not on_server:
            del kernel.procs[self.pid]
        self.rng = random.Random(f"{kernel.seed} {name} {self.pid}")
        self.scopes = frozenset(scopes)
        self.handled: set[int] = set()
        self.started: list[int] = []  # the global of node.server, one per process
        self.fds: dict[int, str] = {}
        self.locks: dict[int, str] = {}
        self.waits_for_lock = ""
        self.is_pending = False
        self.token = 0
        self.is_waiting = False
        self.is_deferred = False
        self.quiet = 0
        self.steps_left: int | None = None
        self.doom: Callable[[], None] | None = None
        self.gpus_asked_at = 0.0
        self.greenlet = greenlet.greenlet(self._main, parent=kernel.main)
        kernel.programs.append(self)

    @property
    def environ(self) -> dict[str, str]:
        return self.variables

    def _main(self) -> None:
        try:
            self.body()
        except Killed:
            return
        except SystemExit:
            pass
        except Exception:
            self.kernel.crashed(self, traceback.format_exc())
            self.status = 1 << 8

    def on_signal(self, number: int) -> None:
        if number in self.handled:
            self.is_pending = True
            self.kernel.hasten(self)
        else:
            super().on_signal(number)


class Kernel:
    """`laws` is told of everything that matters; see `laws.Laws`."""

    def __init__(self, root: str, seed: object, laws: Any, *, gpu_count: int = 0) -> None:
        self.root = root
        self.seed = seed
        self.laws = laws
        self.rng = random.Random(f"{seed} kernel")
        self.now = 0.0
        self.skew_s = START_OF_TIME_S
        self.boot = 1
        self.booted_at = -5000.0
        self.heap: list[tuple[float, int, Callable[[], None]]] = []
        self.number = itertools.count()
        self.procs: dict[int, Proc] = {}
        self.programs: list[Program] = []
        self.graves: list[Program] = []
        self.current: Program | None = None
        self.main = greenlet.getcurrent()
        self.last_pid = 2000
        self.disk = disks.Disk(self, root)
        self.gpus = gpus.Gpus(self, gpu_count)
        self.scripts: dict[str, Any] = {}
        self.counts: Counter[str] = Counter()
        self.oom_kills = 0
        self.slow_start_s = 0.0
        self.is_on = True
        self.outside = root

    # -- time -------------------------------------------------------------------------------

    def wall(self) -> float:
        return self.now + self.skew_s

    def uptime(self) -> float:
        return self.now - self.booted_at

    def ticks(self) -> int:
        return int(self.uptime() * TICKS_PER_S)

    def boot_id(self) -> str:
        return f"00000000-0000-4000-8000-{self.boot:012d}"

    def at(self, moment: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.heap, (max(moment, self.now), next(self.number), action))

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        self.at(self.now + delay_s, action)

    def run(self, until: float, is_over: Callable[[], bool]) -> None:
        """Lets the world go on until `is_over()`, asked after every event, or that time."""
        while self.heap and self.heap[0][0] <= until and not is_over():
            moment, _, action = heapq.heappop(self.heap)
            self.now = max(self.now, moment)
            action()
            self.bury()

    def close(self) -> None:
        """Ends whatever still runs."""
        for program in self.programs:
            if program.alive:
                self.end(program, signal.SIGKILL)
        self.bury()

    # -- programs ---------------------------------------------------------------------------

    def start(self, program: Program, delay_s: float) -> Program:
        program.token += 1
        token = program.token
        self.after(delay_s, lambda: self.resume(program, token))
        return program

    def resume(self, program: Program, token: int) -> None:
        """Switches into it, if it still waits for this."""
        if not program.alive or program.token != token:
            return
        if program.state == "T":
            program.is_deferred = True
            return
        program.is_waiting = False
        self.current = program
        self.laws.enter(program)
        program.greenlet.switch()
        self.current = None
        if program.greenlet.dead and program.alive:
            self.end(program, 0, status=program.status)

    def step(self) -> None:
        """A program asks something of the system: time passes, and it may be its last."""
        program = self.current
        if program is None:
            return
        self.still_alive(program)
        if program.steps_left is not None:
            program.steps_left -= 1
            if program.steps_left <= 0 and program.doom is not None:
                program.steps_left = None
                program.doom()
                self.still_alive(program)
        self.elapse(program, cost_s(program.rng))

    def elapse(self, program: Program, cost: float) -> None:
        if program.state == "S" and not (self.heap and self.heap[0][0] <= self.now + cost):
            self.now += cost
            return
        program.token += 1
        token = program.token
        self.after(cost, lambda: self.resume(program, token))
        self.switch_out(program)

    def switch_out(self, program: Program) -> None:
        self.main.switch()
        self.still_alive(program)

    def still_alive(self, program: Program) -> None:
        if not program.alive:
            raise Killed

    def wait(self, timeout_s: float) -> None:
        """Waits, at most `timeout_s`; longer where nothing has happened for a while."""
        program = self.current
        assert program is not None, "only programs wait"
        self.step()
        if program.is_pending:
            program.is_pending = False
            return
        stretched = max(timeout_s, min(timeout_s * STRETCH**program.quiet, LONGEST_WAIT_S))
        program.quiet += 1
        program.token += 1
        program.is_waiting = True
        token = program.token
        self.after(stretched, lambda: self.resume(program, token))
        self.switch_out(program)
        program.waits_for_lock = ""
        program.is_pending = False

    def pause(self, delay_s: float) -> None:
        """Waits for exactly this long."""
        program = self.current
        assert program is not None, "only programs wait"
        self.still_alive(program)
        self.elapse(program, delay_s)

    def hasten(self, program: Program) -> None:
        """Something it waits for has happened: it notices within a moment."""
        program.quiet = 0
        if program.is_waiting:
            token = program.token
            self.after(program.rng.uniform(0.0, 0.5), lambda: self.resume(program, token))

    def changed(self, *scopes: str) -> None:
        for program in self.programs:
            if program.alive and not program.scopes.isdisjoint(scopes):
                self.hasten(program)

    def unlocked(self, path: str) -> None:
        for program in self.programs:
            if program.waits_for_lock == path and program.alive:
                self.hasten(program)

    def crashed(self, program: Program, text: str) -> None:
        self.laws.crashed(program, text)

    # -- processes --------------------------------------------------------------------------

    def fresh_pid(self) -> int:
        self.last_pid += self.rng.randint(1, 4)
        while self.last_pid in self.procs:
            self.last_pid += 1
        return self.last_pid

    def send(self, target: Proc, number: int, sender: Proc | None = None) -> None:
        if sender is not None:
            self.laws.signalled(sender, target, number)
        if not target.alive:
            return
        if number == signal.SIGKILL:
            self.end(target, number)
        elif number == signal.SIGSTOP:
            target.state = "T"
        elif number == signal.SIGCONT:
            self.cont(target)
        else:
            target.on_signal(number)

    def cont(self, target: Proc) -> None:
        if target.state != "T":
            return
        target.state = "S"
        target.continued()
        if isinstance(target, Program) and target.is_deferred:
            target.is_deferred = False
            token = target.token
            self.after(0.001, lambda: self.resume(target, token))

    def end(self, proc: Proc, number: int, *, status: int | None = None) -> None:
        """It has ended, by signal `number` or with the wait status `status`."""
        if not proc.alive:
            return
        proc.state = "Z"
        proc.status = number if status is None else status
        if isinstance(proc, Program):
            self.graves.append(proc)
        for child in list(self.procs.values()):
            if child.ppid == proc.pid:
                child.ppid = 1
                self.forget(child)
        parent = self.procs.get(proc.ppid)
        proc.ended()
        self.forget(proc)
        if isinstance(parent, Program) and parent.alive:
            parent.is_pending = parent.is_pending or signal.SIGCHLD in parent.handled
            self.hasten(parent)
        self.changed("server", *([proc.run] if proc.run else []))

    def forget(self, proc: Proc) -> None:
        """A zombie that nobody waits for is gone."""
        parent = self.procs.get(proc.ppid)
        if proc.state == "Z" and not (isinstance(parent, Program) and parent.alive):
            self.reap(proc)

    def reap(self, proc: Proc) -> None:
        proc.state = "X"
        if self.procs.get(proc.pid) is proc:
            del self.procs[proc.pid]

    def bury(self) -> None:
        """Unwinds the programs that have ended, and closes what they had open."""
        while self.graves:
            program = self.graves.pop()
            if program.greenlet:  # it has begun, and has not ended
                self.current = program
                program.greenlet.throw(Killed)
                self.current = None
            for fd in list(program.fds):
                self.close_fd(program, fd)
            if program in self.programs:
                self.programs.remove(program)

    def close_fd(self, program: Program, fd: int) -> None:
        path = program.locks.pop(fd, "")
        program.fds.pop(fd, None)
        os.close(fd)
        if path:
            self.unlocked(path)

    def power_off(self, *, clean: bool) -> None:
        """Every process is gone. Unless it is clean, so is what was not yet on the disk."""
        for proc in list(self.procs.values()):
            proc.ppid = 1
        for proc in list(self.procs.values()):
            if proc.alive:
                proc.state = "X"
                if isinstance(proc, Program):
                    self.graves.append(proc)
                proc.ended()
        self.procs.clear()
        self.is_on = False
        self.gpus.holdings.clear()
        if not clean:
            self.disk.lose_power()

    def boot_up(self) -> None:
        self.is_on = True
        self.boot += 1
        self.booted_at = self.now
        self.last_pid = 400 + self.rng.randint(0, 300)


def cost_s(rng: random.Random) -> float:
    """How long one call takes: some microseconds, and at times the machine is busy."""
    chance = rng.random()
    if chance < 0.003:
        return float(10 ** rng.uniform(-3, 0.5))
    return 20e-6 + 100e-6 * chance
