"""Simulated trainings and the shim above them: they write the files that the real ones write.

A `Script` says how a training behaves; what truly became of each attempt is kept in its `Truth`,
which the node never sees.
"""

from __future__ import annotations

import os
import pickle
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from overnight.node import shim
from tests.simulation import failures, kernel

CHECKPOINTS = "outputs"
EVER = 1000
HELD_MIB = 30_000


@dataclass
class Slip:
    """On its way to `epoch` the training fails with `kind`, in the first `times` attempts."""

    kind: str
    epoch: int
    times: int = 1


@dataclass
class Script:
    """How a training behaves. `fits` is the largest micro-batch that the memory holds."""

    epochs: int = 8
    epoch_s: float = 900.0
    setup_s: float = 60.0
    checkpoint_every: int = 1
    fits: int = 64
    on_term: str = "dies"  # or "saves", "ignores"
    workers: int = 0
    slips: list[Slip] = field(default_factory=list)


@dataclass
class Truth:
    """What truly happened to one start of a command."""

    run: str
    n: int
    began: float
    argv: list[str]
    first_epoch: int
    gpus: list[str]
    epoch: int = 0  # the last that it has completed
    over: float | None = None
    how: str = ""  # "finished", a class of failure, "signal N", "power"
    code: int | None = None
    is_ill: str = ""  # hangs, prints NaN, …: whoever ends it does right
    foreign: bool = False  # somebody else held memory on its GPU when it failed
    spoke: bool = True  # its last words are on the disk
    overruled: bool = False  # when it was diagnosed the driver was silent, which says more
    put_down: str = ""  # what it was ill with when the node ended it
    shim_died: bool = False

    @property
    def batch(self) -> tuple[int, int]:
        return int(word_after(self.argv, "--batch", "1")), int(
            word_after(self.argv, "--accum", "1")
        )


def batch_of(argv: list[str]) -> tuple[int, int]:
    return int(word_after(argv, "--batch", "1")), int(word_after(argv, "--accum", "1"))


def word_after(argv: list[str], flag: str, otherwise: str) -> str:
    return argv[argv.index(flag) + 1] if flag in argv[:-1] else otherwise


class Shim(kernel.Proc):
    """node/shim.py's script, step by step. It survives the signals that end the command."""

    def __init__(
        self,
        machine: kernel.Kernel,
        parent: kernel.Program,
        folder: str,
        command: list[str],
        environ: dict[str, str],
    ) -> None:
        self.variables = environ
        self.is_forked_only = False
        super().__init__(machine, "sh", parent=parent)
        self.folder = folder
        self.command = command
        self.run = os.path.basename(os.path.dirname(os.path.dirname(folder)))
        self.attempt = int(os.path.basename(folder))
        self.rng = random.Random(f"{machine.seed} shim {self.run} {self.attempt}")
        self.training: Training | None = None
        slow_s, machine.slow_start_s = machine.slow_start_s, 0.0
        self.is_forked_only = slow_s > 0 and self.rng.random() < 0.5
        self.soon(self.rng.uniform(0.001, 0.02) + slow_s, self.claim)

    def soon(self, delay_s: float, action: Callable[[], None]) -> None:
        self.kernel.after(delay_s, lambda: action() if self.alive else None)

    def on_signal(self, number: int) -> None:
        """Trapped, every one that can be."""

    @property
    def environ(self) -> dict[str, str]:
        """Before `exec` it has what its parent has, and no marker."""
        return {} if self.is_forked_only else self.variables

    def claim(self) -> None:
        self.is_forked_only = False
        try:
            os.mkdir(f"{self.folder}/claim", 0o700)
        except FileExistsError:
            self.leave(shim.NOT_STARTED)
            return
        self.soon(self.rng.uniform(0.0002, 0.01), self.sign)

    def sign(self) -> None:
        disk = self.kernel.disk
        try:
            disk.put(f"{self.folder}/exit.tmp", b"   \n")
            text = f"{self.kernel.boot_id()}\n{self.stat()}"
            disk.put(f"{self.folder}/shim.tmp", text.encode())
        except OSError:
            self.leave(shim.NOT_STARTED)
            return
        self.rename("shim")
        self.soon(self.rng.uniform(0.0002, 0.01), self.begin)

    def rename(self, name: str) -> None:
        path = f"{self.folder}/{name}"
        self.kernel.disk.replaces(f"{path}.tmp", path)
        os.replace(f"{path}.tmp", path)
        self.kernel.disk.touch(path)
        self.kernel.changed(self.run)

    def begin(self) -> None:
        self.training = Training(self)

    def child_ended(self, code: int) -> None:
        self.soon(self.rng.uniform(0.0002, 0.01), lambda: self.write_down(code))

    def write_down(self, code: int) -> None:
        with open(f"{self.folder}/exit.tmp", "r+b") as file:
            file.write(b"%-3d\n" % code)
        self.kernel.disk.truncated(f"{self.folder}/exit.tmp")
        self.rename("exit")
        self.soon(self.rng.uniform(0.0002, 0.005), lambda: self.leave(code))

    def leave(self, code: int) -> None:
        self.kernel.end(self, 0, status=code << 8)

    def ended(self) -> None:
        if self.training is not None and not os.path.exists(f"{self.folder}/exit"):
            self.training.truth.shim_died = True


class Training(kernel.Proc):
    """The command."""

    def __init__(self, parent: Shim) -> None:
        super().__init__(parent.kernel, "python3", parent=parent)
        self.shim = parent
        self.session = self.group = parent.session
        self.run, self.attempt, self.folder = parent.run, parent.attempt, parent.folder
        self.work = os.path.join(os.path.dirname(os.path.dirname(self.folder)), "work")
        self.rng = random.Random(f"{self.kernel.seed} training {self.run} {self.attempt}")
        self.script: Script = self.kernel.scripts[word_after(parent.command, "--script", "")]
        self.later: list[Callable[[], None]] = []
        self.workers = [Worker(self) for _ in range(self.script.workers)]
        gpus = [u for u in parent.variables.get("CUDA_VISIBLE_DEVICES", "").split(",") if u]
        self.truth = Truth(self.run, self.attempt, self.kernel.now, parent.command, 0, gpus)
        self.kernel.laws.command_started(self)
        for uuid in gpus:
            self.kernel.gpus.take(uuid, self, HELD_MIB)
        self.kernel.disk.put(
            f"{self.folder}/command", f"{self.kernel.boot_id()}\n{self.stat()}".encode()
        ) if not self.kernel.disk.is_full else None
        self.soon(self.script.setup_s * self.rng.uniform(0.8, 1.2), self.begin)

    @property
    def environ(self) -> dict[str, str]:
        return self.shim.environ

    # -- its life ---------------------------------------------------------------------------

    def soon(self, delay_s: float, action: Callable[[], None]) -> None:
        self.kernel.after(delay_s, lambda: self.go_on(action))

    def go_on(self, action: Callable[[], None]) -> None:
        if self.state == "T":
            self.later.append(action)
        elif self.alive:
            action()

    def continued(self) -> None:
        later, self.later = self.later, []
        for action in later:
            self.soon(0.01, action)

    def say(self, text: str) -> bool:
        try:
            self.kernel.disk.append(f"{self.folder}/output.log", text.encode())
        except OSError:
            return False
        self.kernel.changed(self.run)
        return True

    def begin(self) -> None:
        checkpoint = word_after(self.truth.argv, "--resume", "")
        if checkpoint:
            epoch = read_checkpoint(checkpoint)
            if epoch is None:
                self.fail("checkpoint")
                return
            self.truth.first_epoch = self.truth.epoch = epoch
            self.say(f"resumed from {checkpoint}\n")
        if self.truth.batch[0] > self.script.fits:
            self.fail("cuda_oom")
            return
        self.next_epoch()

    def next_epoch(self) -> None:
        if self.truth.epoch >= self.script.epochs:
            self.finish(0, "finished")
            return
        took_s = self.script.epoch_s * self.rng.uniform(0.9, 1.1)
        slip = self.slip_on(self.truth.epoch + 1)
        if slip is not None:
            self.soon(took_s * self.rng.uniform(0.1, 0.9), lambda: self.stumble(slip))
        else:
            self.soon(took_s, self.epoch_done)

    def slip_on(self, epoch: int) -> Slip | None:
        return next((s for s in self.script.slips if s.epoch == epoch and s.times > 0), None)

    def stumble(self, slip: Slip) -> None:
        slip.times -= 1
        if slip.kind == "hang":
            self.truth.is_ill = "hang"
            self.kernel.counts["hangs"] += 1
        elif slip.kind == "nan":
            self.fail("nan")
        else:
            self.fail(slip.kind)

    def epoch_done(self) -> None:
        epoch = self.truth.epoch + 1
        if not self.say(f"epoch {epoch}/{self.script.epochs} loss {2.0 / (epoch + 1):.4f}\n"):
            self.fail("disk_full")
            return
        self.truth.epoch = epoch
        self.truth.is_ill = ""
        every = self.script.checkpoint_every
        if every and epoch % every == 0:
            self.save_half()
        else:
            self.next_epoch()

    def save_half(self) -> None:
        """A checkpoint takes a while, and is not whole until then."""
        try:
            os.makedirs(os.path.join(self.work, CHECKPOINTS), exist_ok=True)
            self.kernel.disk.put(self.checkpoint(), checkpoint(self.truth.epoch)[:40])
        except OSError:
            self.fail("disk_full")
            return
        self.soon(self.rng.uniform(0.5, 20.0), self.save_rest)

    def save_rest(self) -> None:
        try:
            self.kernel.disk.put(self.checkpoint(), checkpoint(self.truth.epoch))
        except OSError:
            self.fail("disk_full")
            return
        self.next_epoch()

    def checkpoint(self) -> str:
        return os.path.join(self.work, CHECKPOINTS, f"epoch_{self.truth.epoch}.pt")

    # -- its end ----------------------------------------------------------------------------

    def fail(self, kind: str) -> None:
        """Prints what such a failure prints, and ends as it does."""
        self.kernel.counts[f"failure {kind}"] += 1
        end = failures.ENDS[kind]
        self.truth.foreign = any(
            each.proc.uid != self.uid for u in self.truth.gpus for each in self.kernel.gpus.on(u)
        )
        self.truth.spoke = self.say(end.text)
        if end.signal:
            if kind == "host_oom":
                self.kernel.oom_kills += 1
            self.truth.how = kind
            self.kernel.end(self, end.signal)
        else:
            self.finish(end.code, kind)

    def finish(self, code: int, how: str) -> None:
        self.truth.how = how
        self.kernel.end(self, 0, status=code << 8)

    def on_signal(self, number: int) -> None:
        if self.state == "T":
            self.later.append(lambda: self.on_signal(number))
        elif number == signal.SIGTERM and self.script.on_term == "ignores":
            pass
        elif number == signal.SIGTERM and self.script.on_term == "saves":
            self.soon(self.rng.uniform(0.1, 8.0), lambda: self.kernel.end(self, number))
        else:
            super().on_signal(number)

    def ended(self) -> None:
        power_cut = self.state == "X"
        number = self.status & 127
        self.truth.over = self.kernel.now
        self.truth.code = None if power_cut else 128 + number if number else self.status >> 8
        self.truth.how = (
            self.truth.how or self.truth.put_down or ("power" if power_cut else f"signal {number}")
        )
        self.kernel.gpus.drop(self)
        self.kernel.laws.command_ended(self)
        for worker in self.workers:
            worker.orphaned()
        if self.shim.alive and not power_cut:
            self.shim.child_ended(self.truth.code or 0)
        else:
            self.truth.shim_died = True


class Worker(kernel.Proc):
    """A loader worker: without its parent it ends by itself, or not."""

    def __init__(self, parent: Training) -> None:
        super().__init__(parent.kernel, "pt_data_worker", parent=parent)
        self.session, self.group = parent.session, parent.group
        self.training = parent
        self.run, self.attempt = parent.run, parent.attempt
        self.leaves = parent.rng.random() < 0.6

    @property
    def environ(self) -> dict[str, str]:
        return self.training.environ

    def orphaned(self) -> None:
        if self.leaves:
            self.kernel.after(5.0, lambda: self.kernel.end(self, signal.SIGTERM))


def checkpoint(epoch: int) -> bytes:
    """A file that is whole for whoever tests it: a pickle."""
    return pickle.dumps({"epoch": epoch, "weights": list(range(40))}, protocol=4)


def read_checkpoint(path: str) -> int | None:
    """What a training does at its start; None where that fails."""
    try:
        with open(path, "rb") as file:
            return int(pickle.load(file)["epoch"])
    except Exception:
        return None
