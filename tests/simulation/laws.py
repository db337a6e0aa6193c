"""The laws of the design as invariants. Each method is told of something that has just happened.

They judge by what truly happened (`trainings.Truth`) and by what lies on the disk, never by what
the node believes. Law 0: no process of ours dies of an exception, or is left behind.
"""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any, NamedTuple

from overnight.node import fs, states
from tests.simulation import book, ends, kernel, seams, trainings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

NEW_S = 90.0
ENDING = frozenset({signal.SIGTERM, signal.SIGKILL, signal.SIGINT})


class Violation(NamedTuple):
    law: int
    text: str
    at: float


class Laws:
    """`heard` is called with each new event, as (run, type)."""

    def __init__(self, root: str, heard: Callable[[str, str], None]) -> None:
        self.root = root
        self.heard = heard
        self.violations: list[Violation] = []
        self.books: dict[str, book.Book] = {}
        self.stops: set[str] = set()
        self.told_events: dict[tuple[str, int], dict[str, Any]] = {}
        self.intents: set[str] = set()
        self.promised: set[str] = set()
        self.machine: kernel.Kernel
        self.making_room: list[trainings.Training] = []

    def broken(self, law: int, text: str) -> None:
        self.violations.append(Violation(law, text, self.machine.now))

    def require(self, law: int, holds: object, text: str) -> None:
        if not holds:
            self.broken(law, text)

    def book(self, run: str) -> book.Book:
        if run not in self.books:
            self.books[run] = book.Book(self.machine, run)
        return self.books[run]

    # -- programs ---------------------------------------------------------------------------

    def enter(self, program: kernel.Program) -> None:
        seams.enter(program)

    def crashed(self, program: kernel.Program, text: str) -> None:
        lines = text.strip().splitlines()
        where = " < ".join(
            line.split("/node/")[1] for line in reversed(lines) if "overnight/node/" in line
        )
        if "No space left" not in lines[-1]:
            self.broken(0, f"{program.name} {program.run} died: {lines[-1]} ({where})")

    # -- signals ----------------------------------------------------------------------------

    def signalled(self, sender: kernel.Proc, target: kernel.Proc, number: int) -> None:
        if not isinstance(sender, kernel.Program) or not sender.on_server:
            return
        what = f"{sender.name} {sender.run} sent {signal.Signals(number).name} to"
        self.require(6, is_ours(target), f"{what} {target.name}, which is not ours")
        if isinstance(target, kernel.Program):
            wakes = number in (signal.SIGUSR1, signal.SIGCONT)
            fine = wakes and target.name in ("supervise", "watch")
            fine = fine or target.name == "describe"
            self.require(6, fine, f"{what} {target.name}")
        elif sender.name == "supervise":
            self.require(6, target.run == sender.run, f"{what} a process of {target.run}")
        if number in ENDING and isinstance(target, trainings.Training):
            self.ends_training(target, what)

    def ends_training(self, target: trainings.Training, what: str) -> None:
        ill = not target.alive or target.state == "T" or target.truth.is_ill
        wanted = target.run in self.stops
        if target.truth.is_ill == "hang":
            target.truth.put_down = "hang"
            self.machine.counts["hangs ended by the node"] += 1
        room = target in self.making_room or self.makes_room(target)
        if room and target not in self.making_room:
            self.making_room.append(target)
            self.machine.counts["made room for a labmate"] += 1
        self.require(
            1, ill or wanted or room, f"{what} a healthy training, attempt {target.attempt}"
        )

    def makes_room(self, target: trainings.Training) -> bool:
        """It has only begun, and a labmate came onto its GPUs in the same moment."""
        truth = target.truth
        is_new = self.machine.now - truth.began < NEW_S and truth.epoch == truth.first_epoch
        others = [held for uuid in truth.gpus for held in self.machine.gpus.on(uuid)]
        return is_new and any(held.proc.uid != target.uid for held in others)

    # -- files ------------------------------------------------------------------------------

    def writes(self, program: kernel.Program, path: str) -> None:
        """A program of ours is about to change `path`."""
        if not program.on_server:
            return
        if not path.startswith(self.root + "/") and path != self.root:
            self.broken(6, f"{program.name} writes outside of the root: {path}")
            return
        parts = path[len(self.root) + 1 :].split("/")
        if len(parts) > 4 and parts[2] == "snapshots":
            self.broken(4, f"{program.name} changes the snapshot {parts[3]}: {'/'.join(parts[4:])}")
        if len(parts) > 4 and parts[2] == "runs" and parts[4] == "work":
            living = self.living(parts[3])
            self.require(
                4, not living, f"{program.name} changes the work copy of {parts[3]}, which runs"
            )

    def living(self, run: str) -> list[trainings.Training]:
        each = self.machine.procs.values()
        return [p for p in each if isinstance(p, trainings.Training) and p.alive and p.run == run]

    def written(self, path: str) -> None:
        if path.endswith("/events.jsonl"):
            run = os.path.basename(os.path.dirname(path))
            for event in self.book(run).read():
                self.event(self.book(run), event)

    def flushed(self, path: str) -> None:
        pass

    def power_lost(self) -> None:
        """What was not on the disk never happened."""
        for each in self.books.values():
            each.reread()
            each.lose_ends()

    # -- events -----------------------------------------------------------------------------

    def event(self, run: book.Book, event: dict[str, Any]) -> None:
        kind = event["type"]
        self.machine.counts[f"event {kind}"] += 1
        check = getattr(self, f"on_{kind}", None)
        if check is not None:
            check(run, event)
        self.heard(run.name, kind)

    def on_created(self, run: book.Book, event: dict[str, Any]) -> None:
        self.require(3, len(run.of("created")) == 1, f"{run.name} was created twice")
        self.require(
            3, len(self.books) <= len(self.intents), f"{run.name} exists, and nobody launched it"
        )

    def on_granted(self, run: book.Book, event: dict[str, Any]) -> None:
        for uuid in event["gpus"]:
            held = [each for each in self.books.values() if uuid in each.place()["gpus"]]
            shares = sum(each.place()["share"] for each in held)
            names = " and ".join(each.name for each in held)
            self.require(6, shares <= 1, f"{names} have been given {uuid} at the same time")

    def on_attempt_started(self, run: book.Book, event: dict[str, Any]) -> None:
        if self.machine.current is not None:
            run.gpus_asked_at = self.machine.current.gpus_asked_at
        reason = run.too_many()
        self.require(8, not reason, f"{run.name} starts another attempt: {reason}")

    def on_attempt_ended(self, run: book.Book, event: dict[str, Any]) -> None:
        n = int(event["attempt"])
        path = run.file(f"attempts/{n}/exit.json")
        self.require(
            2,
            os.path.exists(path) and self.machine.disk.lasts(path),
            f"the end of {run.name}'s attempt {n} is told before its record is on the disk",
        )
        truth = run.truth(n)
        code = event.get("exit_code")
        if truth is None:
            self.require(
                2, not code or code == 125, f"attempt {n} never began, and has code {code}"
            )
            return
        if truth.over is None:
            self.broken(1, f"{run.name}'s attempt {n} is declared over while it lives")
        elif code is not None:
            text = f"attempt {n} of {run.name} ended with {truth.code}, recorded is {code}"
            self.require(2, code == truth.code, text)
        else:
            text = f"attempt {n} of {run.name} ended with {truth.code}, recorded is nothing"
            self.require(2, truth.shim_died or self.machine.disk.is_full, text)

    def on_diagnosed(self, run: book.Book, event: dict[str, Any]) -> None:
        truth = run.truth(int(event["attempt"]))
        if truth is not None:
            truth.overruled = bool(self.machine.gpus.problem)

    def on_finished(self, run: book.Book, event: dict[str, Any]) -> None:
        last = run.truths[-1] if run.truths else None
        fine = last is not None and last.how == "finished"
        self.require(2, fine, f"{run.name} is called finished, its last attempt: {last}")

    def on_stopped(self, run: book.Book, event: dict[str, Any]) -> None:
        meant = bool(run.truths) and run.truths[-1].how == "interrupted"
        asked = run.name in self.stops or meant
        self.require(1, asked, f"{run.name} is stopped, and nobody asked for it")

    def on_failed(self, run: book.Book, event: dict[str, Any]) -> None:
        if self.living(run.name):
            self.broken(1, f"{run.name} is called failed ({event.get('reason')}), and lives")
            return
        excuse = ends.excuse(run)
        self.require(
            5, excuse, f"{run.name} failed ({event.get('reason')}), although it can be mended"
        )

    def on_decision_needed(self, run: book.Book, event: dict[str, Any]) -> None:
        excuse = ends.excuse(run)
        self.require(5, excuse, f"{run.name} asks ({event.get('reason')}) what needs no person")

    def on_repaired(self, run: book.Book, event: dict[str, Any]) -> None:
        text = f"{run.name}: a repair says nothing of itself: {event}"
        self.require(7, event.get("change") and event.get("class"), text)
        if event.get("changes_science"):
            self.require(7, run.consents, f"{run.name}: {event.get('change')} without consent")

    # -- commands ---------------------------------------------------------------------------

    def command_started(self, training: trainings.Training) -> None:
        run = self.book(training.run)
        truth = training.truth
        self.machine.counts["attempts"] += 1
        what = f"attempt {training.attempt} of {training.run}"
        others = [
            proc
            for proc in self.machine.procs.values()
            if isinstance(proc, (trainings.Training, trainings.Worker))
            and (proc.run, proc.alive) == (training.run, True)
            and proc is not training
            and proc.ppid != training.pid
        ]
        self.require(3, not others, f"{what} starts while {[p.name for p in others]} lives")
        self.require(3, run.truth(training.attempt) is None, f"{what} starts twice")
        self.require(2, run.has_started(training.attempt), f"{what} starts without an event")
        self.check_code(training, what)
        self.check_gpus(training, what)
        self.check_resume(truth, what)
        run.truths.append(truth)
        for law, text in ends.settings_problems(run):
            self.broken(law, f"{what}: {text}")

    def check_code(self, training: trainings.Training, what: str) -> None:
        problem = self.book(training.run).code_problem()
        self.require(4, not problem, f"{what}: {problem}")

    def check_gpus(self, training: trainings.Training, what: str) -> None:
        asked = self.book(training.run).gpus_asked_at
        for uuid in training.truth.gpus:
            for held in self.machine.gpus.on(uuid):
                if held.proc.uid != training.uid:
                    self.require(6, held.since > asked, f"{what} is given a labmate's GPU")
                elif held.proc.run != training.run and held.proc.alive:
                    if self.may_share(training.run, held.proc.run):
                        continue
                    self.broken(6, f"{what} is given the GPU of {held.proc.run}")

    def may_share(self, *runs: str) -> bool:
        """Both were launched for a part of a GPU, and none of them was given a whole one since."""
        shares = [(self.book(run).of("granted") or [{}])[-1].get("share") for run in runs]
        return all(share is not None and share < 1 for share in shares)

    def check_resume(self, truth: trainings.Truth, what: str) -> None:
        path = trainings.word_after(truth.argv, "--resume", "")
        if path:
            whole = trainings.read_checkpoint(path) is not None
            self.require(5, whole, f"{what} resumes from a damaged checkpoint, {path}")

    def command_ended(self, training: trainings.Training) -> None:
        self.check_code(training, f"attempt {training.attempt} of {training.run}")

    # -- laptops ----------------------------------------------------------------------------

    def told(self, laptop: str, data: Mapping[str, Any]) -> None:
        """A laptop has received an answer."""
        for run, events in (data.get("events") or {}).items():
            for event in events:
                self.told_events[run, event["seq"]] = event
                if event["type"] == "attempt_ended":
                    path = self.book(run).file(f"attempts/{event['attempt']}/exit.json")
                    text = f"{laptop} hears of an end that is not on the disk: {run}"
                    self.require(2, self.machine.disk.lasts(path), text)
        for row in data.get("runs") or []:
            self.shown(laptop, row["run"], row["state"])

    def shown(self, laptop: str, run: str, state: str) -> None:
        """What a laptop says of a run."""
        known = self.book(run).states_so_far()
        self.require(1, state in known, f"{laptop} calls {run} {state}; the server never did")

    # -- the morning ------------------------------------------------------------------------

    def morning(self) -> None:
        """All faults are long over."""
        runs = [each for each in self.books.values() if each.is_there()]
        for each in runs:
            for law, text in each.morning_problems():
                self.broken(law, f"{each.name}: {text}")
        for name in self.promised - {each.name for each in runs}:
            self.broken(3, f"{name} was launched, and there is no such run")
        for (run, seq), event in self.told_events.items():
            known = self.book(run).event(seq)
            text = f"a laptop heard {event}, the server says {known}"
            self.require(2, known == event, text)
        for proc in list(self.leftovers()):
            self.broken(0, f"{proc.name} of {proc.run} is left behind")
        self.results([each for each in runs if each.state() in states.ENDED])

    def results(self, runs: list[book.Book]) -> None:
        """All runs of a night are one sweep: its table has each of them, as it ended."""
        folder = os.path.join(self.root, "projects", book.PROJECT, "sweeps", book.SWEEP)
        listed = (fs.read_json(f"{folder}/table.json") or {}).get("runs", [])
        known = {each["run"]: each["state"] for each in listed}
        for each in runs:
            kept = (fs.read_json(f"{folder}/{each.name}.json") or {}).get("state")
            in_table = known.get(each.name)
            text = f"{each.name} is {each.state()}, its result {kept}, in the table {in_table}"
            self.require(2, kept == in_table == each.state(), text)

    def leftovers(self) -> Iterator[kernel.Proc]:
        for proc in self.machine.procs.values():
            if proc.alive and (proc.run or proc.name == "watch"):
                yield proc


def is_ours(target: kernel.Proc) -> bool:
    return target.uid == kernel.USER and (bool(target.run) or isinstance(target, kernel.Program))


def dumped(value: object) -> str:
    return json.dumps(value, sort_keys=True)
