"""The laptops of a night: they sync, launch, look, stop and resume through the real laptop code."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from overnight.app import launching
from overnight.core import errors, spec
from overnight.ports import Request
from overnight.servers import piped
from overnight.sync import transfer
from overnight.train import follow, launch
from tests.simulation import book, kernel, links, projects

NOTHING_HERE = Path("/nowhere")  # the laptops keep no results

if TYPE_CHECKING:
    from tests.simulation.laws import Laws

AGAIN_S = 400.0
TRIES = 40
REFUSALS = ("disk_full", "no_such_run", "NameTaken", "RunFailed", "NeedsDecision")


@dataclass
class Wish:
    """Something a person types. `key` names the launch that it is about."""

    verb: str
    key: str = ""
    at: float = 0.0
    for_s: float = 0.0


@dataclass
class Launch:
    """What a person wants to run: command, variants, code."""

    key: str
    name: str | None
    gpus: float | None
    version: int
    policy: dict[str, Any] = field(default_factory=dict)
    science: bool = False  # the last variant changes the effective batch
    queue: dict[str, Any] = field(default_factory=dict)  # when it may start
    run: str = ""  # the name that it got

    def wanted(self) -> spec.RunSpec:
        base = ["python3", "train.py", "--script", self.key]
        sizes = [(64, 1), (32, 2), (16, 4)] + ([(8, 4)] if self.science else [])
        variants = [
            {
                "argv": [*base, "--batch", str(micro), "--accum", str(accumulated)],
                "label": f"batch {micro} x {accumulated}",
                "micro_batch": micro,
                "accumulation": accumulated,
                "changes_science": micro * accumulated != 64,
                "files": {},
                "places": {},
            }
            for micro, accumulated in sizes
        ]
        return spec.RunSpec(
            project=book.PROJECT,
            run=self.name or "",
            snapshot=projects.made(self.version).id,
            variants=variants,
            resume=["--resume", "{checkpoint}"],
            gpus=self.gpus,
            outputs=["outputs"],
            policy=self.policy,
            queue=self.queue,
            sweep={"name": book.SWEEP, "index": 0, "total": 0, "point": {"gpus": self.gpus}},
            metrics={"primary": "loss", "goal": "min"},
        )


class Mirror:
    """What the laptop remembers on its own disk: names, and launches that it has begun."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.begun: dict[tuple[str, str], tuple[str, str]] = {}

    def run_names(self) -> set[str]:
        return set(self.names)

    def intend(self, key: str, server: str, fresh: tuple[str, str]) -> tuple[str, str]:
        return self.begun.setdefault((key, server), fresh)

    def intended(self, key: str, server: str) -> None:
        self.begun.pop((key, server), None)


class Laptop:
    """A list of wishes; one that is cut short (the lid, Ctrl-C) is typed again later."""

    def __init__(
        self,
        machine: kernel.Kernel,
        laws: Laws,
        name: str,
        wishes: list[Wish],
        launches: dict[str, Launch],
    ) -> None:
        self.kernel = machine
        self.laws = laws
        self.name = name
        self.wishes = sorted(wishes, key=lambda wish: wish.at)
        self.launches = launches
        self.link = links.Link(machine, name, round_trip_s=0.08)
        self.mirror = Mirror()
        self.program: kernel.Program | None = None
        self.tries = 0
        self.morning = 0.0

    def open(self) -> None:
        """The person sits down (again)."""
        self.program = kernel.Program(
            self.kernel, f"laptop {self.name}", self.work, on_server=False
        )
        self.kernel.start(self.program, 0.0)

    def close(self) -> None:
        """The lid, in the middle of whatever it does."""
        if self.program is not None and self.program.alive:
            self.kernel.end(self.program, 9)
            self.link.cut()
            self.link.heal()
            self.kernel.after(120.0, self.open)

    def type_now(self, wish: Wish) -> None:
        """In another window."""

        def work() -> None:
            with contextlib.suppress(errors.OvernightError):
                self.fulfil(wish)

        window = kernel.Program(self.kernel, f"window {self.name}", work, on_server=False)
        self.kernel.start(window, 0.0)

    def work(self) -> None:
        while self.wishes:
            wish = self.wishes[0]
            self.kernel.pause(max(0.0, wish.at - self.kernel.now))
            try:
                self.fulfil(wish)
            except errors.OvernightError as error:
                if self.types_again(error):
                    wish.at = self.kernel.now + AGAIN_S
                    continue
            self.wishes.pop(0)

    def types_again(self, error: errors.OvernightError) -> bool:
        """After an error that passes: an unreachable server, a busy one."""
        code = error.code if isinstance(error, errors.ServerError) else type(error).__name__
        self.kernel.counts[f"refusal {code}"] += 1
        if isinstance(error, errors.Unreachable) or code == "busy":
            self.tries += 1
            return self.tries < TRIES
        if code not in REFUSALS:
            self.laws.broken(0, f"laptop {self.name} is refused: {code}: {error}")
        return False

    def fulfil(self, wish: Wish) -> None:
        server = piped.PipeServer(self.link)
        try:
            verbs: dict[str, Callable[[piped.PipeServer, Wish], None]] = {
                "launch": self.launch,
                "launch again": self.launch_again,
                "take the name": self.take_the_name,
                "sync": self.sync_other,
                "stop": self.stop,
                "resume": self.resume,
                "look": self.look,
            }
            verbs[wish.verb](server, wish)
        finally:
            if self.kernel.current is not None and self.kernel.current.alive:
                server.close()

    # -- verbs ------------------------------------------------------------------------------

    def sync(self, server: piped.PipeServer, version: int) -> None:
        with tempfile.TemporaryDirectory(dir=self.kernel.outside) as folder:
            projects.write(Path(folder), version)
            made = projects.made(version)
            transfer.push(
                server, book.PROJECT, Path(folder), made, nonce=self.name, known=lambda _: None
            )

    def sync_other(self, server: piped.PipeServer, wish: Wish) -> None:
        """New code, while what runs runs."""
        self.sync(server, 50 + int(wish.at) % 40)

    def launch(self, server: piped.PipeServer, wish: Wish) -> None:
        wanted = self.launches[wish.key]
        self.laws.intents.add(wish.key)
        self.sync(server, wanted.version)
        talk = SimpleNamespace(say=lambda text: None)
        o: Any = SimpleNamespace(mirror=self.mirror, talk=talk, root=NOTHING_HERE)
        content = wanted.wanted()
        name, _ = launching.launch_named(o, server, wanted.name, content, ({}, None))
        self.mirror.names.add(name)
        self.laws.promised.add(name)
        wanted.run = name
        try:
            launch.wait_for_life(self.follower(server, follow.Place(run=name)), name)
        except (errors.RunFailed, errors.NeedsDecision):
            self.mirror.intended(content.content_key, server.name)
            raise
        self.mirror.intended(content.content_key, server.name)

    def launch_again(self, server: piped.PipeServer, wish: Wish) -> None:
        """The same command with the same name: the same run."""
        wanted = self.launches[wish.key]
        if wanted.name:
            self.launch(server, wish)

    def take_the_name(self, server: piped.PipeServer, wish: Wish) -> None:
        """Another command with the same name is refused."""
        wanted = self.launches[wish.key]
        if wanted.run:
            other = replace(wanted.wanted(), run=wanted.run, snapshot=projects.made(99).id)
            launch.launch(server, other, {})
            self.laws.broken(3, f"{wanted.run} was launched anew with other content")

    def stop(self, server: piped.PipeServer, wish: Wish) -> None:
        run = self.launches[wish.key].run
        if run:
            self.laws.stops.add(run)
            self.ask(server, "stop", run, by=self.name)

    def resume(self, server: piped.PipeServer, wish: Wish) -> None:
        run = self.launches[wish.key].run
        if run:
            self.ask(server, "resume", run, by=self.name)

    def ask(self, server: piped.PipeServer, verb: str, run: str, **args: Any) -> None:
        server.call(Request(verb, {"project": book.PROJECT, "run": run, **args}))

    def look(self, server: piped.PipeServer, wish: Wish) -> None:
        """Follows for a while, through whatever the link does."""
        until = self.kernel.now + wish.for_s
        for found in self.follower(server, None).looks():
            for row in found.rows:
                self.laws.shown(self.name, str(row["run"]), str(row["state"]))
            if self.kernel.now > until:
                return

    def follower(self, server: piped.PipeServer, place: follow.Place | None) -> follow.Follower:
        return follow.Follower(
            server=server,
            project=book.PROJECT,
            record=lambda found: None,
            say=lambda text: None,
            cursors={},
            place=place,
            patience_s=600.0,
            look_s=300.0,
        )
