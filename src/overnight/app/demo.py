"""The demo's project: a real small training, run three ways, two of which break on purpose."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources, util
from pathlib import Path

from overnight.app import Overnight, following, launching
from overnight.app.talk import Silent
from overnight.core import errors

NEEDS = ("numpy", "sklearn")
EPOCHS = 80
CONFIG = """\
[project]
name = "digits"
train = "{python} train.py --epochs {epochs} --hidden 4096"
smoke = "{python} train.py --epochs 6 --hidden 4096"
outputs = ["outputs"]
checkpoints = ["outputs/checkpoint-*.npz"]
variables = {{ OMP_NUM_THREADS = "1", OPENBLAS_NUM_THREADS = "1" }}

[metrics]
primary = "val_acc"
goal = "max"
baseline = {{ val_acc = 96.1, source = "logistic regression on raw pixels" }}

[knobs]
micro_batch = "--batch-size {{}}"
accumulation = "--accum {{}}"
resume = "--resume {{checkpoint}}"

[servers.local]
root = "{root}"
"""


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    name: str
    arguments: tuple[str, ...]
    what: str


RUNS = (
    DemoRun(
        name="plain", arguments=("--batch-size", "64", "--accum", "1"), what="nothing is done to it"
    ),
    DemoRun(
        name="oom",
        arguments=("--batch-size", "64", "--accum", "1", "--fault", "oom:25"),
        what="raises torch's CUDA out-of-memory message in epoch 25",
    ),
    DemoRun(
        name="killed",
        arguments=("--batch-size", "64", "--accum", "1", "--fault", "kill:40"),
        what="is ended by SIGKILL in epoch 40",
    ),
)


def check_needs() -> None:
    missing = [name for name in NEEDS if util.find_spec(name) is None]
    if missing:
        raise errors.UsageError(
            f"the demo trains with {' and '.join(NEEDS)}, and {missing[0]} is not installed",
            hint="pip install 'overnight[demo]'",
        )


def make_project(folder: Path) -> Path:
    """Writes the project into `folder`/digits; the local server's root lies beside it."""
    project = folder / "digits"
    source = resources.files("overnight") / "examples" / "digits" / "train.py"
    project.mkdir(parents=True)
    (project / "train.py").write_bytes(source.read_bytes())
    settings = CONFIG.format(python=sys.executable, epochs=EPOCHS, root=folder / "server")
    (project / "overnight.toml").write_text(settings)
    if shutil.which("git"):
        begin_history(project)
    return project


def begin_history(project: Path) -> None:
    """A first commit, so that the results can say which code they come from."""
    who = ["-c", "user.name=overnight demo", "-c", "user.email=demo@localhost"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "digits"]):
        subprocess.run(["git", *words], cwd=project, check=True, stdin=subprocess.DEVNULL)


def training(run: DemoRun) -> list[str]:
    return [sys.executable, "train.py", "--epochs", str(EPOCHS), "--hidden", "4096", *run.arguments]


def start_controller(project: Path) -> subprocess.Popen[bytes]:
    """A process of its own that launches the runs and follows them, as a laptop would."""
    return subprocess.Popen(
        [sys.executable, "-m", "overnight.app.demo", "control"],
        cwd=project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def control(project: Path) -> None:
    """What the controller does: launch each run, then wait for all."""
    with Overnight(project, Silent()) as o:
        for run in RUNS:
            launching.run(o, run.name, "local", training(run), 0, with_smoke=False)
        following.wait(o, [run.name for run in RUNS], timeout_s=None, changed=lambda _view: None)


def kill(controller: subprocess.Popen[bytes]) -> None:
    """SIGKILL: no chance to say goodbye."""
    controller.send_signal(signal.SIGKILL)
    controller.wait()


if __name__ == "__main__" and sys.argv[1:] == ["control"]:
    control(Path.cwd())
