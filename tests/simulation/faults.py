"""What may go wrong in a night, and how each of it is done to the simulated machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation import book, kernel, laptops, trainings

if TYPE_CHECKING:
    from tests.simulation import night


@dataclass(frozen=True)
class Fault:
    """At `at`, or when `event` has come for the `nth` time of any run; then `steps` calls later.

    `steps` counts calls of the process that is hit; `pick` chooses among several that could be.
    """

    kind: str
    at: float = 0.0
    event: str = ""
    nth: int = 1
    steps: int = 0
    for_s: float = 0.0
    pick: int = 0

    def told(self) -> str:
        when = f"after {self.event} no. {self.nth}" if self.event else f"at {clock(self.at)}"
        steps = f", {self.steps} calls later" if self.steps else ""
        lasts = f", for {self.for_s:.0f} s" if self.for_s else ""
        return f"{self.kind} {when}{steps}{lasts}"


def clock(moment: float) -> str:
    return f"{int(moment) // 3600:02d}:{int(moment) // 60 % 60:02d}:{moment % 60:06.3f}"


class Foreign(kernel.Proc):
    """Somebody else's process, or one of the user's own that is none of our business."""


# -- processes --------------------------------------------------------------------------------


def programs(night: night.Night, name: str) -> list[kernel.Program]:
    return [p for p in night.kernel.programs if p.name == name and p.alive]


def picked(found: list, fault: Fault):  # type: ignore[no-untyped-def,type-arg]
    return found[fault.pick % len(found)] if found else None


def doom(
    night: night.Night, program: kernel.Program, fault: Fault, act: Callable[[], None]
) -> None:
    """Does it when the program has made so many more calls."""
    if fault.steps <= 0:
        act()
    else:
        program.steps_left, program.doom = fault.steps, act


def kill_program(name: str) -> Callable[[night.Night, Fault], bool]:
    def strike(night: night.Night, fault: Fault) -> bool:
        program = picked(programs(night, name), fault)
        if program is None:
            return False
        doom(night, program, fault, lambda: night.kernel.end(program, signal.SIGKILL))
        return True

    return strike


def stop_program(name: str) -> Callable[[night.Night, Fault], bool]:
    def strike(night: night.Night, fault: Fault) -> bool:
        program = picked(programs(night, name), fault)
        if program is None:
            return False

        def act() -> None:
            night.kernel.send(program, signal.SIGSTOP)
            night.kernel.after(fault.for_s, lambda: night.kernel.send(program, signal.SIGCONT))

        doom(night, program, fault, act)
        return True

    return strike


def living(night: night.Night, kind: type[kernel.Proc]) -> list[kernel.Proc]:
    return [p for p in night.kernel.procs.values() if isinstance(p, kind) and p.alive]


def signal_to(kind: type[kernel.Proc], number: int) -> Callable[[night.Night, Fault], bool]:
    def strike(night: night.Night, fault: Fault) -> bool:
        target = picked(living(night, kind), fault)
        if target is None:
            return False
        night.kernel.send(target, number)
        return True

    return strike


def stop_command(night: night.Night, fault: Fault) -> bool:
    target = picked(living(night, trainings.Training), fault)
    if target is None:
        return False
    target.truth.is_ill = "stopped"
    night.kernel.send(target, signal.SIGSTOP)
    night.kernel.after(fault.for_s, lambda: night.kernel.send(target, signal.SIGCONT))
    return True


def reuse_pid(night: night.Night, fault: Fault) -> bool:
    """A stranger gets the number of a process of ours that has ended."""
    known = [pid for pid in night.ours if pid not in night.kernel.procs]
    pid = picked(sorted(known, reverse=True), fault)
    if pid is None:
        return False
    stranger(night, pid, kernel.LABMATE if fault.pick % 2 else kernel.USER)
    return True


def stranger(night: night.Night, pid: int, uid: int) -> Foreign:
    proc = Foreign(night.kernel, "jupyter", uid=uid)
    del night.kernel.procs[proc.pid]
    proc.pid = proc.session = proc.group = pid
    night.kernel.procs[pid] = proc
    return proc


def strangers_take_over(night: night.Night) -> None:
    """After a reboot others have the numbers, and even the start times, of ours."""
    for pid, before in sorted(night.ours.items()):
        if pid not in night.kernel.procs:
            uid = night.kernel.rng.choice((kernel.LABMATE, kernel.USER))
            stranger(night, pid, uid).start_ticks = before.start_ticks


def slow_start(night: night.Night, fault: Fault) -> bool:
    """The next shim needs long until it has begun."""
    night.kernel.slow_start_s = min(fault.for_s, 60.0)
    return True


def kill_at_slow_start(night: night.Night, fault: Fault) -> bool:
    """The supervisor dies while its shim has not begun yet."""
    return slow_start(night, fault) and kill_program("supervise")(night, fault)


def reuse_supervisor(night: night.Night, fault: Fault) -> bool:
    """A supervisor dies, a stranger gets its number, and a person stops the run."""
    program = picked(programs(night, "supervise"), fault)
    launch = next(
        (each for each in night.plan.launches if program and each.run == program.run), None
    )
    if program is None or launch is None:
        return False
    night.know_ours()
    night.kernel.end(program, signal.SIGKILL)
    night.kernel.reap(program)
    stranger(night, program.pid, kernel.USER)
    picked(night.laptops, fault).type_now(laptops.Wish("stop", launch.key))
    return True


def freeze_then_cut(night: night.Night, fault: Fault) -> bool:
    """Whoever has just written something is stopped; some seconds later the power goes."""
    program = night.kernel.current
    if program is None or not program.on_server:
        return False
    night.kernel.send(program, signal.SIGSTOP)
    night.kernel.after(5.0, lambda: night.power_off(clean=False, down_s=60.0))
    return True


# -- the machine ------------------------------------------------------------------------------


def reboot(night: night.Night, fault: Fault) -> bool:
    night.power_off(clean=True, down_s=30.0 + fault.for_s)
    return True


def power_cut(night: night.Night, fault: Fault) -> bool:
    if not night.kernel.is_on:
        return False
    victims = programs(night, ("supervise", "pipe", "watch")[fault.pick % 3])
    cut = lambda: night.power_off(clean=False, down_s=30.0 + fault.for_s)  # noqa: E731
    if victims:
        doom(night, picked(victims, fault), fault, cut)
    else:
        cut()
    return True


def fill_disk(night: night.Night, fault: Fault) -> bool:
    night.kernel.disk.fill()
    night.note_full_disk()
    night.kernel.after(fault.for_s, night.kernel.disk.empty)
    return True


def jump_clock(night: night.Night, fault: Fault) -> bool:
    night.kernel.skew_s += fault.for_s * (1 if fault.pick % 2 else -1)
    return True


def foreign_gpu(night: night.Night, fault: Fault) -> bool:
    uuid = picked(night.kernel.gpus.uuids, fault)
    if uuid is None or not night.kernel.is_on:
        return False
    proc = Foreign(night.kernel, "python", uid=kernel.LABMATE)
    night.kernel.gpus.take(uuid, proc, 30_000)

    def leave() -> None:
        night.kernel.end(proc, signal.SIGTERM)
        night.kernel.gpus.drop(proc)

    night.kernel.after(fault.for_s, leave)
    for victim in living(night, trainings.Training):
        if uuid in victim.truth.gpus and fault.pick % 2:
            night.kernel.after(10.0, lambda v=victim: v.go_on(lambda: v.fail("cuda_oom")))
    return True


def silent_driver(night: night.Night, fault: Fault) -> bool:
    night.kernel.gpus.problem = "Unable to determine the device handle for GPU"
    night.kernel.after(fault.for_s, lambda: setattr(night.kernel.gpus, "problem", ""))
    return True


# -- files ------------------------------------------------------------------------------------


def garble(name: str, data: bytes) -> Callable[[night.Night, Fault], bool]:
    def strike(night: night.Night, fault: Fault) -> bool:
        found = [b.file(name) for b in night.laws.books.values() if os.path.exists(b.file(name))]
        path = picked(sorted(found), fault)
        if path is None:
            return False
        with open(path, "wb") as file:
            file.write(data)
        night.kernel.changed("server")
        return True

    return strike


def garble_queue(night: night.Night, fault: Fault) -> bool:
    """A file of the queue is cut in half, or lost."""
    queue = os.path.join(night.kernel.root, "queue", book.PROJECT)
    found = sorted(os.listdir(queue)) if os.path.isdir(queue) else []
    name = picked(found, fault)
    if name is None:
        return False
    path = os.path.join(queue, name)
    if fault.steps % 2:
        os.unlink(path)
    else:
        os.truncate(path, os.path.getsize(path) // 2)
    night.kernel.changed("server")
    return True


def tear_events(night: night.Night, fault: Fault) -> bool:
    """Half a line, as a power cut leaves one that was being written."""
    run = picked(sorted(night.laws.books.values(), key=lambda book: book.name), fault)
    if run is None or not os.path.exists(run.file("events.jsonl")):
        return False
    with open(run.file("events.jsonl"), "ab") as file:
        file.write(b'{"seq":9999,"ti'[: 3 + fault.pick % 12])
    return True


def half_checkpoint(night: night.Night, fault: Fault) -> bool:
    """The newest checkpoint of a run loses its end; not while an attempt begins with it."""
    found = []
    for run in night.laws.books.values():
        if run.is_beginning():
            continue
        folder = os.path.join(run.run.work, trainings.CHECKPOINTS)
        if os.path.isdir(folder):
            found += [os.path.join(folder, name) for name in sorted(os.listdir(folder))[-1:]]
    path = picked(sorted(found), fault)
    if path is None:
        return False
    size = os.path.getsize(path)
    os.truncate(path, size // 2)
    night.kernel.disk.touch(path)
    return True


# -- links ------------------------------------------------------------------------------------


def cut_link(night: night.Night, fault: Fault) -> bool:
    link = picked(night.laptops, fault).link
    link.cut()
    night.kernel.after(fault.for_s, link.heal)
    return True


def flap_link(night: night.Night, fault: Fault) -> bool:
    for number in range(6):
        night.kernel.after(number * fault.for_s, lambda: cut_link(night, flapping(fault)))
    return True


def flapping(fault: Fault) -> Fault:
    return Fault("cut link", for_s=fault.for_s / 2, pick=fault.pick)


def requests_twice(night: night.Night, fault: Fault) -> bool:
    picked(night.laptops, fault).link.twice += 3
    return True


def request_held(night: night.Night, fault: Fault) -> bool:
    picked(night.laptops, fault).link.held_s = fault.for_s
    return True


def answers_lost(night: night.Night, fault: Fault) -> bool:
    picked(night.laptops, fault).link.deaf += 1 + fault.pick % 2
    return True


def close_laptop(night: night.Night, fault: Fault) -> bool:
    laptop = picked(night.laptops, fault)
    if laptop.program is None or not laptop.program.alive:
        return False
    laptop.close()
    return True


KINDS: dict[str, Callable[[night.Night, Fault], bool]] = {
    "kill supervisor": kill_program("supervise"),
    "stop supervisor": stop_program("supervise"),
    "kill watch": kill_program("watch"),
    "stop watch": stop_program("watch"),
    "kill pipe": kill_program("pipe"),
    "stop pipe": stop_program("pipe"),
    "kill shim": signal_to(trainings.Shim, signal.SIGKILL),
    "kill command": signal_to(trainings.Training, signal.SIGKILL),
    "terminate command": signal_to(trainings.Training, signal.SIGTERM),
    "kill worker": signal_to(trainings.Worker, signal.SIGKILL),
    "stop command": stop_command,
    "pid reuse": reuse_pid,
    "slow start": slow_start,
    "kill supervisor at a slow start": kill_at_slow_start,
    "reused pid of a supervisor": reuse_supervisor,
    "frozen, then power cut": freeze_then_cut,
    "reboot": reboot,
    "power cut": power_cut,
    "disk full": fill_disk,
    "clock jump": jump_clock,
    "foreign GPU user": foreign_gpu,
    "silent driver": silent_driver,
    "garbled state.json": garble("state.json", b'{"run": "tr'),
    "garbled queue": garble_queue,
    "garbled supervisor.json": garble("supervisor.json", b"\0" * 40),
    "torn events": tear_events,
    "half checkpoint": half_checkpoint,
    "cut link": cut_link,
    "flapping link": flap_link,
    "requests twice": requests_twice,
    "request held": request_held,
    "answers lost": answers_lost,
    "lid closed": close_laptop,
}
