"""Faults of torch trainings: losses, samples, loader workers, ranks, checkpoints, memory."""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.chaos.case import Case
from tests.waiting import wait_until

CGROUP = Path("/sys/fs/cgroup/memory")
IMAGES = 24


def images(case: Case, *flags: str) -> None:
    """A training on small image files."""
    python = case.with_torch("images.py")
    case.declare("knobs", 'lr = { flag = "--lr {}", value = 0.05 }', 'exclude = "exclude.txt"')
    write_images(case.laptop.project / "data")
    case.launch(*python, "images.py", *flags)


def write_images(folder: Path) -> None:
    from PIL import Image

    folder.mkdir()
    rng = random.Random(0)
    for number in range(IMAGES):
        pixels = bytes(rng.randrange(256) for _ in range(64))
        Image.frombytes("L", (8, 8), pixels).save(folder / f"{number:04d}.png")


def loss_lost(case: Case) -> None:
    """A learning rate far too large: it asks, and goes on with what is answered."""
    images(case, "--lr", "40", "--epochs", "40", "--pause-s", "0.01")
    case.ends("needs-decision", [{"nan"}])
    answers = case.state()["answers"]
    assert any("--lr-scale" in each for each in answers), answers
    case.laptop.run("resume", case.name, "--lr-scale", "0.001")
    case.finishes([{"nan"}], epochs=40)


def bad_sample(case: Case) -> None:
    """A file that is no image is left out, and the result says so."""
    write_bad = case.laptop.project / "data" / "0013.png"
    python = case.with_torch("images.py")
    case.declare("knobs", 'exclude = "exclude.txt"')
    write_images(case.laptop.project / "data")
    write_bad.write_bytes(b"not an image" * 20)
    case.launch(*python, "images.py", "--epochs", "3")
    case.finishes([{"bad_sample"}], epochs=3)
    assert (case.folder / "work" / "exclude.txt").read_text().split() == ["data/0013.png"]


def loader_worker_killed(case: Case) -> None:
    """SIGKILL to a worker process of the loader."""
    images(case)
    case.wait_for_file("outputs/ckpt_2.pt")
    case.signal("worker.pid", "KILL")
    case.finishes([{"host_oom", "preempted"}], epochs=6)
    assert case.resumed(), case.story()


def memory_limit(case: Case) -> None:
    """The kernel kills it for memory: its own cgroup has a limit."""
    images(case, "--eat")
    pid = outer_pid(case, case.pid("main.pid"))
    group = CGROUP / f"chaos-{os.getpid()}-{case.name}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(500 << 20))
        (group / "cgroup.procs").write_text(str(pid))
        case.finishes([{"host_oom"}], epochs=6)
    finally:
        wait_until(lambda: not (group / "cgroup.procs").read_text(), what="an empty cgroup")
        group.rmdir()


def outer_pid(case: Case, pid: int) -> int:
    """A process of the host by the pid that it has outside: the one that says so itself."""
    for each in Path("/proc").iterdir():
        if not each.name.isdigit():
            continue
        try:
            status = (each / "status").read_text()
            words = (each / "cmdline").read_bytes()
        except OSError:
            continue
        inner = next((line for line in status.splitlines() if line.startswith("NSpid:")), "")
        if inner.split()[-1:] == [str(pid)] and b"images.py" in words:
            return int(each.name)
    raise AssertionError(f"no process {pid} of {case.name}")


def checkpoint_truncated(case: Case) -> None:
    """torch's own newest file ends early; the one before it is taken."""
    images(case, "--pause-s", "0.1")
    torn = case.wait_for_file("outputs/ckpt_3.pt")
    case.signal("main.pid", "STOP")
    torn.write_bytes(torn.read_bytes()[:-200])
    (torn.parent / "ckpt_4.pt").unlink(missing_ok=True)
    case.signal("main.pid", "KILL")
    case.finishes([{"preempted"}], epochs=6)
    assert case.resumed() == ["ckpt_2.pt"], case.story()


def ranks(case: Case, *flags: str) -> None:
    python = case.with_torch("ranks.py")
    torchrun = [*python, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    case.launch(*torchrun, "--master-port", "29541", "ranks.py", *flags)


def rank_killed(case: Case) -> None:
    """SIGKILL to one of two ranks under torchrun."""
    ranks(case)
    case.wait_for_file("outputs/e3.pt")
    case.signal("rank1.pid", "KILL")
    case.finishes([{"preempted", "nccl"}], epochs=12)
    assert case.resumed(), case.story()


def rank_hung(case: Case) -> None:
    """One of two ranks falls asleep; the other one's time-out is not the cause."""
    ranks(case, "--hang")
    case.finishes([{"nccl", "hang"}], epochs=12)
    assert case.resumed(), case.story()
