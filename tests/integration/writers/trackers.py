"""Real files of trackers, each written once in a process of its own: the libraries are slow to
import, and none of them may reach beyond this machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

QUIET = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "WANDB_ERROR_REPORTING": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONWARNINGS": "ignore",
}

TENSORBOARD = """
import math, sys, torch
from torch.utils.tensorboard import SummaryWriter
from pathlib import Path

base = Path(sys.argv[1])
for name, new in (("old", False), ("new", True)):
    with SummaryWriter(base / name) as writer:
        for step in range(60):
            told = math.nan if step == 7 else 1 / (step + 1)
            writer.add_scalar("train/loss", told, step, new_style=new)
            writer.add_scalar("lr", 0.1 * step, step, new_style=new, double_precision=new)
        writer.add_scalar("val/acc", 0.5, 59, new_style=new)
        writer.add_text("words", "hello", 1)
        writer.add_histogram("weights", torch.arange(9.0), 1)
        writer.add_image("picture", torch.zeros(3, 2, 2), 1)
with SummaryWriter(base / "together") as writer:
    for step in range(9):
        writer.add_scalars("loss", {"train": step, "val": 2 * step}, step)
with SummaryWriter(base / "hparams") as writer:
    writer.add_hparams({"lr": 0.1, "opt": "adam"}, {"hparam/acc": 0.5}, run_name="one")
with SummaryWriter(base / "resumed", filename_suffix=".first") as writer:
    for step in range(50):
        writer.add_scalar("loss", step, step)
with SummaryWriter(base / "resumed", purge_step=30, filename_suffix=".second") as writer:
    for step in range(30, 60):
        writer.add_scalar("loss", 100 + step, step)
"""

WANDB = """
import math, os, signal, sys, time
import wandb

folder, way = sys.argv[1:]
run = wandb.init(dir=folder, project="p", name="one", config={"lr": 0.1, "model": {"depth": 2}})
for step in range(300):
    loss = math.nan if step == 7 else 1 / (step + 1)
    values = {"loss": loss, "val": {"acc": step / 300}, "inf": math.inf, "note": "x"}
    run.log({**values, "h": wandb.Histogram([1, 2])} if step == 5 else values)
if way == "killed":
    log = run.settings.sync_file
    while not os.path.exists(log) or os.path.getsize(log) < 60_000:
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)
run.finish()
"""

TRACKIO = """
import math, os, sys

os.environ["TRACKIO_DIR"] = sys.argv[1]
import trackio

for seed in range(2):
    trackio.init(project="p", name=f"run{seed}", config={"seed": seed}, auto_log_gpu=False)
    for step in range(50):
        loss = math.nan if step == 7 else 1 / (step + 1)
        trackio.log({"loss": loss, "val": {"acc": step + seed}, "inf": -math.inf, "note": "x"})
    trackio.finish()
"""

MLFLOW = """
import math, os, sys

os.chdir(sys.argv[1])
import mlflow

for uri in ("sqlite:///mlflow.db", "file:./mlruns"):
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("study")
    for seed in range(2):
        with mlflow.start_run(run_name=f"run{seed}"):
            mlflow.log_params({"seed": seed, "lr": 0.1, "opt": "adam"})
            for step in range(12):
                loss = {3: math.nan, 4: math.inf}.get(step, 1 / (step + 1))
                mlflow.log_metrics({"val/loss": loss, "acc": step + seed}, step=step)
"""


def write(program: str, folder: Path, *words: str, code: int = 0) -> Path:
    """Runs the program of a writer; its folder. The home is one that is thrown away."""
    folder.mkdir(parents=True, exist_ok=True)
    done = python(program, str(folder), *words, home=folder)
    assert done.returncode == code, done.stderr[-3000:]
    return folder


def python(program: str, *words: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        env={**os.environ, **QUIET, "HOME": str(home), "USER": "ada"},
        capture_output=True,
        text=True,
        timeout=120,
    )
