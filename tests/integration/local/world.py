"""A laptop's project and a server's root below one folder, and what happens between them.

The server is `local`: real pipe, supervise and watch processes, and no root needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.app import Overnight, following, launching
from overnight.app.talk import Silent
from overnight.core import errors, views
from overnight.node import identity, journal, layout, processes, shim, states
from tests.waiting import wait_until

TRAINING = Path(__file__).with_name("training.py")
SETTINGS = """\
[project]
name = "local"
train = "python3 train.py"
checkpoints = ["checkpoint-*.npz"]
{project}

[knobs]
micro_batch = "--batch-size {{}}"
accumulation = "--accum {{}}"
resume = "--resume {{checkpoint}}"

[servers.local]
root = "{root}"
python = "{python}"
rest_s = 1
cpu_slots = 64
{more}
"""


@dataclass(frozen=True, kw_only=True)
class World:
    """`root` is the server's; `diary` is the folder in which the training says what it did."""

    folder: Path
    root: Path

    @property
    def project(self) -> Path:
        return self.folder / "laptop"

    @property
    def diary(self) -> Path:
        return self.folder / "diary"

    # -- the laptop ---------------------------------------------------------------------------

    def set_up(self, *, project: str = "", more: str = "") -> None:
        """Writes the project; `project` and `more` are further lines of overnight.toml."""
        self.project.mkdir(exist_ok=True)
        self.diary.mkdir(exist_ok=True)
        shutil.copyfile(TRAINING, self.project / "train.py")
        python = os.environ.get("OVERNIGHT_TEST_NODE_PYTHON", sys.executable)
        settings = SETTINGS.format(project=project, root=self.root, python=python, more=more)
        (self.project / "overnight.toml").write_text(settings)

    def laptop(self) -> Overnight:
        return Overnight(self.project, Silent())

    def training(self, *words: str) -> list[str]:
        return [sys.executable, "train.py", "--diary", str(self.diary), *words]

    def launch(self, name: str, *words: str, argv: Sequence[str] = ()) -> None:
        """Launches a training with these words, by a laptop that goes away at once."""
        with self.laptop() as o:
            command = list(argv) or self.training(*words)
            launching.run(o, name, "local", command, 0, with_smoke=False)

    def launch_expecting_failure(self, name: str, argv: Sequence[str]) -> None:
        """A training that may end before the laptop has seen it live, or after."""
        with contextlib.suppress(errors.RunFailed):
            self.launch(name, argv=argv)
        assert self.wait(name).state == states.FAILED

    def wait(self, name: str, timeout_s: float = 30.0) -> views.RunView:
        """Until the run has ended, as `overnight wait` does."""
        with self.laptop() as o:
            (view,) = following.wait(o, [name], timeout_s=timeout_s, changed=lambda _: None)
            return view

    def cli(self, *words: str, **settings: Any) -> subprocess.Popen[str]:
        """The command line as a process of its own: the laptop that can be killed."""
        return subprocess.Popen(
            [sys.executable, "-m", "overnight", *words],
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **settings,
        )

    def typed(self, *words: str) -> str:
        """What the command line answers; it must end well."""
        with self.cli(*words) as process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out

    def refused(self, *words: str, code: int) -> str:
        """What the command line says when it ends with this code."""
        with self.cli(*words) as process:
            _, err = process.communicate(timeout=60)
        assert process.returncode == code, err
        return err

    # -- the training -------------------------------------------------------------------------

    def open_gate(self, epoch: int) -> None:
        (self.diary / f"go-{epoch}").touch()

    def lines(self) -> list[str]:
        """What the training's processes wrote, without their pids."""
        return [line.partition(" ")[2] for line in self._diary()]

    def starts(self) -> list[str]:
        return [line for line in self.lines() if line.startswith("starts")]

    def _diary(self) -> list[str]:
        try:
            return (self.diary / "diary").read_text().splitlines()
        except FileNotFoundError:
            return []

    def wait_for_line(self, line: str, count: int = 1) -> None:
        wait_until(lambda: self.lines().count(line) >= count, what=f"{line!r} in the diary")

    # -- the server ---------------------------------------------------------------------------

    def run(self, name: str) -> layout.Run:
        return layout.run(str(self.root), "local", name)

    def state(self, name: str) -> states.State:
        return journal.state(self.run(name))

    def events(self, name: str, kind: str | None = None) -> list[dict[str, Any]]:
        listed = journal.read(self.run(name))
        return [event for event in listed if kind in (None, event["type"])]

    def wait_for_state(self, name: str, condition: Callable[[states.State], bool]) -> states.State:
        def holds() -> states.State | None:
            state = self.state(name)
            return state if condition(state) else None

        found = wait_until(holds, what=f"{name} to get there: {self.state(name)}")
        assert found is not None
        return found

    def wait_for_beat(
        self, name: str, condition: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """The newest attempt's heartbeat, once it says so."""

        def holds() -> dict[str, Any] | None:
            path = Path(self.run(name).attempt(len(self.state(name).attempts), "heartbeat"))
            beat = json.loads(path.read_bytes()) if path.exists() else {}
            return beat if beat and condition(beat) else None

        found = wait_until(holds, what="the heartbeat")
        assert found is not None
        return found

    def output(self, name: str) -> bytes:
        return Path(self.run(name).file("output.log")).read_bytes()

    def supervisor(self, name: str) -> identity.Identity:
        """The living supervisor of a run."""
        return wait_until(lambda: self._supervisor(name), what=f"a supervisor of {name}")

    def _supervisor(self, name: str) -> identity.Identity | None:
        record = Path(self.run(name).file("supervisor.json"))
        found = identity.from_json(json.loads(record.read_text())) if record.exists() else None
        return found if found is not None and identity.alive(found) else None

    def kill_node(self, name: str) -> None:
        """The watch and the run's supervisor, also those that wait for the lock of another."""
        wait_until(lambda: self.processes(["watch", str(self.root)]), what="the watch")
        self.supervisor(name)
        kill_and_wait(*self.processes(["watch", str(self.root)]))
        kill_and_wait(*self.supervisors(name))

    def supervisors(self, name: str) -> list[identity.Identity]:
        return self.processes(["supervise", str(self.root), "local", name])

    def shim(self, name: str, attempt: int = 1) -> identity.Identity:
        return wait_until(lambda: shim.leader(self.run(name).attempt(attempt)), what="the shim")

    def command(self, name: str, attempt: int = 1) -> identity.Identity:
        folder = self.run(name).attempt(attempt)
        return wait_until(lambda: shim.command(folder), what="the command")

    def processes(self, words: Sequence[str] = ()) -> list[identity.Identity]:
        """The living processes of this world (those whose command line ends with `words`)."""
        ending = b"".join(os.fsencode(word) + b"\0" for word in words)
        return [
            identity.Identity(identity.boot_id(), each.pid, each.start_ticks)
            for each in identity.every()
            if each.state not in "ZX" and each.pid != os.getpid()
            if self._is_ours(each.pid) and read(each.pid, "cmdline").endswith(ending)
        ]

    def _is_ours(self, pid: int) -> bool:
        """The root's path is in the command line of our programs and in the trainings' marker."""
        path = os.fsencode(self.root) + b"/"
        marked = f"{layout.MARKER}=".encode() + path in read(pid, "environ")
        command = read(pid, "cmdline") + b"/"
        return marked or path in command.replace(b"\0", b"/")

    def tear_down(self) -> None:
        """Ends all that is left, whoever started it."""
        wait_until(lambda: not self._kill_all(), what="the end of all processes")

    def _kill_all(self) -> list[identity.Identity]:
        left = self.processes()
        for each in left:
            kill(each)
        return left


def read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def kill(target: identity.Identity, number: int = signal.SIGKILL) -> None:
    processes.send(target, number)


def kill_and_wait(*targets: identity.Identity) -> None:
    """SIGKILL to all, in this order, and their end."""
    for target in targets:
        kill(target)
    wait_until(lambda: not any(map(identity.alive, targets)), what="the killed to be gone")


@contextlib.contextmanager
def world(folder: Path, root: Path | None = None) -> Iterator[World]:
    made = World(folder=folder, root=root or folder / "server")
    made.set_up()
    try:
        yield made
    finally:
        made.tear_down()
