"""What the laws know of one run: its events on the disk, and what truly happened to it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from overnight.node import journal, layout, states
from tests.simulation import ends, projects, trainings

if TYPE_CHECKING:
    from tests.simulation import kernel

PROJECT = "p"
SWEEP = "night"  # to which every run belongs
END_OF = {
    "finished": "finished",
    "failed": "failed",
    "stopped": "stopped",
    "decision_needed": "needs-decision",
}


class Book:
    def __init__(self, machine: kernel.Kernel, name: str) -> None:
        self.kernel = machine
        self.name = name
        self.run = layout.run(machine.root, PROJECT, name)
        self.events: list[dict[str, Any]] = []
        self.offset = 0
        self.truths: list[trainings.Truth] = []
        self.disk_was_full = False
        self.gpus_asked_at = 0.0
        self._spec: dict[str, Any] = {}

    def file(self, name: str) -> str:
        return self.run.file(name)

    @property
    def spec(self) -> dict[str, Any]:
        if not self._spec:
            with open(self.file("spec.json"), encoding="utf-8") as file:
                self._spec = json.load(file)
        return self._spec

    @property
    def consents(self) -> bool:
        return (self.spec.get("policy") or {}).get("cuda_oom") == "shrink"

    def other(self, name: str) -> Book:
        """Another run, as its events on the disk are now."""
        found = Book(self.kernel, name)
        found.reread()
        return found

    # -- events -----------------------------------------------------------------------------

    def read(self) -> list[dict[str, Any]]:
        """The events that are new on the disk. A line that is torn off, or nonsense, is none."""
        new = []
        with open(self.file("events.jsonl"), "rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self.offset += len(line)
                event = parsed(line)
                if event is not None:
                    new.append(event)
        self.events += new
        return new

    def reread(self) -> None:
        self.events, self.offset = [], 0
        if os.path.exists(self.file("events.jsonl")):
            self.read()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    def event(self, seq: int) -> dict[str, Any] | None:
        return next((event for event in self.events if event["seq"] == seq), None)

    def has_started(self, n: int) -> bool:
        return len(self.of("attempt_started")) >= n

    def is_beginning(self) -> bool:
        """An attempt was started, and its command has not begun yet."""
        started = len(self.of("attempt_started"))
        return started > len(self.of("attempt_ended")) and self.truth(started) is None

    def since_resumed(self) -> list[dict[str, Any]]:
        """The events since a person last resumed the run."""
        last = max((n for n, e in enumerate(self.events) if e["type"] == "resumed"), default=-1)
        return self.events[last + 1 :]

    def states_so_far(self) -> set[str]:
        found = {"starting", "queued", "running", "repairing"}
        return found | {END_OF[e["type"]] for e in self.events if e["type"] in END_OF}

    def state(self) -> str:
        return states.fold(self.events).state

    def place(self) -> dict[str, Any]:
        """What it may use of the server now; no cards where it has ended or waits."""
        folded = states.fold(self.events)
        none = {"gpus": [], "share": 0.0}
        return folded.place or none if folded.state in states.ACTIVE else none

    # -- truths -----------------------------------------------------------------------------

    def truth(self, n: int) -> trainings.Truth | None:
        return next((each for each in self.truths if each.n == n), None)

    def recent(self) -> list[trainings.Truth]:
        """The truths since a person last resumed the run."""
        before = len(self.of("attempt_started")) - sum(
            event["type"] == "attempt_started" for event in self.since_resumed()
        )
        return [truth for truth in self.truths if truth.n > before]

    def lose_ends(self) -> None:
        """A power cut came. Ends that were not recorded yet are known to nobody."""
        for truth in self.truths:
            if not os.path.exists(self.file(f"attempts/{truth.n}/exit.json")):
                truth.shim_died = True

    def too_many(self) -> str:
        return ends.too_many(self)

    def code_problem(self) -> str:
        """Whether the work copy is no longer the run's snapshot."""
        for path, text in projects.files_of(self.spec["snapshot"]).items():
            try:
                with open(os.path.join(self.run.work, path), encoding="utf-8") as file:
                    same = file.read() == text
            except OSError:
                same = False
            if not same:
                return f"{path} in the work copy is not as it was launched"
        return ""

    # -- the morning ------------------------------------------------------------------------

    def is_there(self) -> bool:
        """False where the power took the run's first event, which nobody was told of."""
        self.reread()
        return bool(self.events)

    def morning_problems(self) -> Iterator[tuple[int, str]]:
        folded = states.fold(self.events)
        if folded.state not in states.ENDED:
            yield 5, f"is {folded.state or 'unknown'} in the morning: {kinds(self.events[-6:])}"
            return
        if journal.published(self.run) != journal.shown(self.run, folded):
            yield 2, "what is shown of it is not what the events say"
        if folded.misfits:
            yield 2, f"{folded.misfits} events do not fit: {kinds(self.events)}"
        if [event["seq"] for event in self.events] != list(range(1, len(self.events) + 1)):
            yield 2, "the events are not numbered one by one"


def parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("seq"), int) else None


def kinds(events: list[dict[str, Any]]) -> str:
    return " ".join(str(event["type"]) for event in events)
