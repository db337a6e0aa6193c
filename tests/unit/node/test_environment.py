from __future__ import annotations

import ast
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from overnight.node import environment, nvml
from tests.unit.node import stand_ins

NONE = {"kind": "none"}


def test_the_description_runs_in_old_and_new_pythons() -> None:
    """The environment of an old code base may have Python 3.6."""
    ast.parse(environment.PROGRAM, feature_version=(3, 6))
    done = subprocess.run(
        [sys.executable, "-c", environment.PROGRAM], capture_output=True, text=True
    )
    found = environment.parse(done.stdout)
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["executable"] == sys.executable


def test_packages_are_read_without_importing_anything(tmp_path: Path) -> None:
    """Versions come from the names of the metadata folders; names are written as pip shows them."""
    site = tmp_path / "site"
    for name in ("torch-2.13.0+cpu.dist-info", "Typing_Extensions-4.1.dist-info"):
        (site / name).mkdir(parents=True)
    (site / "old-1.0-py3.8.egg-info").mkdir()
    (site / "torch.py").write_text("raise SystemExit('imported')")
    found = environment.collect(
        NONE, str(tmp_path), str(tmp_path), {**os.environ, "PYTHONPATH": str(site)}
    )
    wanted = {"torch": "2.13.0+cpu", "typing-extensions": "4.1", "old": "1.0"}
    assert {name: found["packages"].get(name) for name in wanted} == wanted
    assert found["torch"] == "2.13.0+cpu"


def test_the_projects_own_modules_do_not_get_in_the_way(tmp_path: Path) -> None:
    """A json.py beside the training script is not the one that is used here."""
    (tmp_path / "json.py").write_text("raise SystemExit('ours')")
    found = environment.collect(NONE, str(tmp_path), str(tmp_path), dict(os.environ))
    assert "packages" in found and "problem" not in found


def test_it_is_the_python_of_the_activated_environment(tmp_path: Path) -> None:
    """What is described is what the command runs in."""
    venv.create(tmp_path / ".venv", symlinks=True)
    wanted = {"kind": "venv", "name": ".venv"}
    found = environment.collect(wanted, str(tmp_path), str(tmp_path), dict(os.environ))
    assert found["prefix"] == str(tmp_path / ".venv")
    assert found["packages"] == {} and found["torch"] is None


def test_an_environment_with_python3_only_is_described(tmp_path: Path) -> None:
    """Many systems have no `python`."""
    (tmp_path / "python3").symlink_to(sys.executable)
    found = environment.collect(NONE, "/", "/", {"PATH": str(tmp_path)})
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))


def test_the_machine_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host, kernel, driver and GPUs stand beside what Python says."""
    row = "0, GPU-1, NVIDIA A100, 40960, 3, 0, 535.1, 00000000:01:00.0, Disabled"
    stand_ins.program(
        tmp_path / "nvidia-smi", f'#!/bin/sh\ncase $1 in *gpu=*) echo "{row}" ;; esac\n'
    )
    monkeypatch.setattr(nvml, "LIBRARY", "")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = environment.machine({})
    assert (found["hostname"], found["kernel"]) == (os.uname().nodename, os.uname().release)
    assert (found["driver"], found["gpu_problem"]) == ("535.1", None)
    assert found["gpus"] == [{"index": 0, "uuid": "GPU-1", "name": "NVIDIA A100"}]


def test_only_variables_that_change_the_computation_are_kept() -> None:
    """Nothing that could be a secret is written down (law 9)."""
    kept = {"CUDA_VISIBLE_DEVICES": "GPU-1", "NCCL_DEBUG": "INFO", "OMP_NUM_THREADS": "4"}
    others = {"WANDB_API_KEY": "x", "HF_TOKEN": "x", "SLURM_JWT": "x", "MY_CUDA": "x", "PATH": "/"}
    assert environment.kept({**kept, **others, "SLURM_JOB_ID": "7"}) == {
        **kept,
        "SLURM_JOB_ID": "7",
    }


@pytest.mark.parametrize(
    ("wanted", "path", "problem"),
    [
        (NONE, "/nowhere", "there is no python in this environment"),
        ({"kind": "venv", "name": "gone"}, "/usr/bin:/bin", "overnight: there is no venv at gone"),
    ],
)
def test_what_cannot_be_found_out_is_a_problem(
    tmp_path: Path, wanted: dict[str, str], path: str, problem: str
) -> None:
    """The record says why it is not complete; the machine's part is there."""
    variables = {"PATH": path, "HOME": str(tmp_path)}
    found = environment.collect(wanted, str(tmp_path), str(tmp_path), variables)
    assert found["problem"].startswith(problem) and "packages" not in found
    assert found["hostname"]


def test_a_description_that_takes_too_long_is_given_up() -> None:
    """And a folder that is gone is a problem, not an error."""
    slow = environment.described(["sleep", "60"], "/", dict(os.environ), timeout_s=0.05)
    assert slow == {"problem": "describing the environment took more than 0.05 s"}
    gone = environment.described(["true"], "/no/such/folder", dict(os.environ), timeout_s=5)
    assert "/no/such/folder" in gone["problem"]


def test_lines_of_the_activation_are_passed_over() -> None:
    """Hooks and module files may print what they like before and after."""
    out = f'Loading cuda\n{environment.MARK}{{"python": "3.9.1"}}\nbye\n'
    assert environment.parse(out) == {"python": "3.9.1"}
    assert environment.parse("Loading cuda\n") == {}
