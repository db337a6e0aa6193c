"""`overnight export`, read back with the trackers' own libraries and with our readers."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overnight.results import reading
from tests import waiting
from tests.integration.writers import trackers

TOML = """\
[project]
name = "study"
train = "python3 train.py"

[metrics]
primary = "val_acc"
goal = "max"
"""
STATE = {
    "run": "train01", "state": "finished",
    "attempts": [
        {"n": 1, "exit_code": 1, "started_at": 1.7e9},
        {"n": 2, "exit_code": 0, "started_at": 1.7e9 + 100, "ended_at": 1.7e9 + 200},
    ],
    "repairs": [
        {"class": "cuda_oom", "change": "batch 64 -> 32 x 2", "at": 1.7e9 + 90, "attempt": 1}
    ],
}  # fmt: skip
SPEC = {
    "project": "study", "run": "train01", "snapshot": "0123",
    "variants": [{"argv": ["python", "train.py", "--lr", "0.1"], "label": ""}], "env": {},
    "provenance": {"commit": "1a2b", "server": "gpu1", "created_at": 1.7e9},
    "sweep": {"point": {"lr": 0.1, "opt": {"name": "adam"}}},
}  # fmt: skip
# the first attempt came to step 59, the second one began again behind step 50
STEPS = [*range(1, 60), *range(51, 101)]
LOSS = np.array([math.nan if step == 7 else 1 / step for step in range(1, 101)])
READ_EVENTS = """
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

read = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
read.Reload()
print(sorted(read.Tags()["scalars"]), sorted(read.Tags()["tensors"]))
print([(each.step, each.value) for each in read.Scalars("loss")][:7])
content = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
told = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
print(told["lr"].number_value, told["opt.name"].string_value)
print(read.Tensors("overnight/notes")[0].tensor_proto.string_val[0].decode())
"""
READ_TRACKIO = """
import os, sys

os.environ["TRACKIO_DIR"] = sys.argv[1]
from trackio.sqlite_storage import SQLiteStorage

logs = SQLiteStorage.get_logs("study", "train01")
print(len(logs), logs[0]["loss"], logs[6]["loss"], logs[99]["step"])
print(SQLiteStorage.get_run_config("study", "train01")["lr"])
"""
READ_MLFLOW = """
import sys
import mlflow

client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{sys.argv[1]}/mlflow.db")
experiment = client.get_experiment_by_name("study")
(run,) = client.search_runs([experiment.experiment_id])
print(run.info.run_name, run.info.status, run.info.start_time, run.info.end_time)
print(run.data.params["lr"], run.data.params["opt.name"], sorted(run.data.metrics))
print(len(client.get_metric_history(run.info.run_id, "loss")), run.data.tags["mlflow.note.content"])
print(run.info.artifact_uri.startswith(sys.argv[1]))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    run = folder / ".overnight" / "results" / "train01"
    (run / "work").mkdir(parents=True)
    (run / "attempts" / "1").mkdir(parents=True)
    (folder / "overnight.toml").write_text(TOML)
    (run / "state.json").write_text(json.dumps(STATE))
    (run / "spec.json").write_text(json.dumps(SPEC))
    rows = ({"step": n, "loss": LOSS[n - 1], "val_acc": n / 100} for n in STEPS)
    (run / "work" / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def overnight(project: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "overnight", *words],
        cwd=project, env={**os.environ, **trackers.QUIET, **more},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def export(project: Path, tracker: str) -> dict[str, Any]:
    done = overnight(project, "export", "train01", "--to", tracker, "--out", "out", "--json")
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(project)) == [".overnight", "out", "overnight.toml"]
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["to"] == tracker and told["folder"] == str(project / "out")
    assert told["runs"] == {"train01": {"points": 200}}
    return told


def own(path: Path) -> dict[str, Any]:
    found = reading.read(path)
    assert found is not None
    return {each.name: each for each in found.curves}


def output(program: str, folder: Path) -> list[str]:
    done = trackers.python(program, str(folder), home=folder.parent)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_tensorboard_reads_what_was_exported(project: Path) -> None:
    """Scalars, NaN, hyperparameters, repairs; checked by its own reader, checksums included."""
    export(project, "tensorboard")
    lines = output(READ_EVENTS, project / "out" / "train01")
    assert lines[0].startswith("['loss', 'val_acc']") and "overnight/notes" in lines[0]
    assert lines[1].startswith("[(1, 1.0), (2, 0.5)") and lines[1].endswith("(7, nan)]")
    assert lines[2] == "0.1 adam"
    assert lines[3] == "state: finished" and "batch 64 -> 32 x 2" in lines[5]
    (path,) = (project / "out" / "train01").iterdir()
    curves = own(path)
    np.testing.assert_array_equal(curves["loss"].value, LOSS.astype(np.float32))
    assert curves["loss"].step.tolist() == list(range(1, 101))


def test_wandb_gets_an_offline_run_that_can_be_synced(project: Path) -> None:
    """Written by its own library; each step once."""
    told = export(project, "wandb")
    (path,) = (project / "out").glob("wandb/offline-run-*/*.wandb")
    assert told["then"].startswith("wandb sync ")
    found = reading.read(path)
    assert found is not None and found.ended is True
    assert found.settings[""]["lr"] == 0.1
    assert found.settings[""]["overnight"]["git_commit"] == "1a2b"
    np.testing.assert_array_equal(own(path)["loss"].value, LOSS)
    assert own(path)["loss"].step.tolist() == list(range(1, 101))


def test_trackio_reads_what_was_exported(project: Path) -> None:
    """Through its own storage."""
    export(project, "trackio")
    assert output(READ_TRACKIO, project / "out") == ["100 1.0 nan 100", "0.1"]
    np.testing.assert_array_equal(own(project / "out" / "study.db")["loss"].value, LOSS)


def test_mlflow_reads_what_was_exported(project: Path) -> None:
    """Through its own client: name, state, times, parameters, history, notes."""
    export(project, "mlflow")
    lines = output(READ_MLFLOW, project / "out")
    assert lines[0] == "train01 FINISHED 1700000000000 1700000200000"
    assert lines[1] == "0.1 adam ['loss', 'val_acc']"
    assert lines[2] == "100 repair after attempt 1: cuda_oom, batch 64 -> 32 x 2"
    assert lines[-1] == "True"


def test_nothing_is_overwritten(project: Path) -> None:
    """What is there stays as it is."""
    (project / "out").mkdir()
    done = overnight(project, "export", "train01", "--to", "tensorboard", "--out", "out")
    assert done.returncode == 2
    assert "is there already" in done.stderr and "--out" in done.stderr
    assert os.listdir(project / "out") == []


def test_a_missing_library_is_named_with_what_to_type(project: Path, tmp_path: Path) -> None:
    """Neither our Python nor that of the PATH has it."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    source = Path(__file__).parents[3] / "src"
    packages = [path for path in sys.path if "site-packages" in path]
    only = tmp_path / "only"
    only.mkdir()
    wanted = ("click", "numpy", "rich", "tomlkit", "pathspec", "platformdirs", "ruamel")
    for name in wanted:
        for folder in packages:
            if (found := Path(folder, name)).exists():
                (only / name).symlink_to(found)
                break
    done = subprocess.run(
        [bare / "bin" / "python", "-m", "overnight", "export", "train01", "--to", "wandb"],
        cwd=project, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": f"{source}:{only}", "PATH": str(bare / "bin")},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "wandb is not installed" in done.stderr and "pip install wandb" in done.stderr
    assert sorted(os.listdir(project)) == [".overnight", "overnight.toml"]


def test_a_failure_of_the_library_leaves_nothing(project: Path, tmp_path: Path) -> None:
    """Its last words are told."""
    broken = tmp_path / "broken" / "trackio"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("")
    (broken / "sqlite_storage.py").write_text("raise RuntimeError('no such luck')")
    done = overnight(project, "export", "train01", "--to", "trackio", PYTHONPATH=str(broken.parent))
    assert done.returncode == 2
    assert "trackio could not write train01" in done.stderr and "no such luck" in done.stderr
    assert sorted(os.listdir(project)) == [".overnight", "overnight.toml"]


def test_control_c_leaves_nothing(project: Path, tmp_path: Path) -> None:
    """The library's process ends too."""
    slow = tmp_path / "slow" / "trackio"
    slow.mkdir(parents=True)
    (slow / "__init__.py").write_text("")
    began = tmp_path / "began"
    (slow / "sqlite_storage.py").write_text(
        f"import os, signal\nopen({str(began)!r}, 'w').write(str(os.getpid()))\nsignal.pause()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "overnight", "export", "train01", "--to", "trackio"],
        cwd=project, env={**os.environ, "PYTHONPATH": str(slow.parent)},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    waiting.wait_until(lambda: began.exists() and began.read_text() != "", timeout_s=30)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert sorted(os.listdir(project)) == [".overnight", "overnight.toml"]
    child = int(began.read_text())
    waiting.wait_until(lambda: not Path(f"/proc/{child}").exists(), timeout_s=30)


@pytest.mark.parametrize(
    ("run", "message"), [("nobody", "nothing of nobody is here"), ("empty", "empty has no series")]
)
def test_runs_without_anything_are_refused(project: Path, run: str, message: str) -> None:
    """With what to type."""
    empty = project / ".overnight" / "results" / "empty"
    empty.mkdir()
    (empty / "state.json").write_text(json.dumps({**STATE, "run": "empty"}))
    (empty / "spec.json").write_text(json.dumps({**SPEC, "run": "empty"}))
    done = overnight(project, "export", run, "--to", "tensorboard")
    assert done.returncode == 2
    assert message in done.stderr and "overnight " in done.stderr
