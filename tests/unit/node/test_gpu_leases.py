"""How many GPUs a run is given where nobody says."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight.node import gpu_leases
from tests.unit.node import runs

CARDS = "".join(f"{n}, GPU-{n}, NVIDIA H200, 143771, 0, 0, 570.1\n" for n in range(3))


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three free ones."""
    program = tmp_path / "nvidia-smi"
    shown = f'case "$1" in --query-gpu*) cat <<E\n{CARDS}E\n;; esac'
    program.write_text(f"#!/bin/sh\n{shown}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize(
    ("said", "number"),
    [
        ({"gpus": None}, 1),
        ({"gpus": None, "processes": 2}, 2),
        ({"gpus": 1, "processes": 2}, 1),
        ({"gpus": 0, "processes": 2}, 0),
    ],
)
def test_each_process_gets_a_gpu_where_nobody_says_otherwise(
    tmp_path: Path, said: dict[str, int | None], number: int
) -> None:
    """`gpus` wins."""
    run = runs.make(tmp_path, **said)
    granted = gpu_leases.acquire(run, runs.spec(**said))
    assert len(granted.uuids or []) == number


@pytest.mark.usefixtures("cards")
def test_refusal_says_why_so_many_are_wanted(tmp_path: Path) -> None:
    """Nobody typed that number."""
    said = {"gpus": None, "processes": 4}
    granted = gpu_leases.acquire(runs.make(tmp_path, **said), runs.spec(**said))
    assert granted.hopeless
    why = "one for each process (--gpus N says otherwise)"
    assert granted.reason == f"{why}: 4 GPUs are wanted, and this server has 3"


def test_a_server_without_gpus_trains_with_several_processes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over gloo, on CPUs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    run = runs.make(tmp_path, gpus=None)
    assert gpu_leases.acquire(run, runs.spec(gpus=None, processes=4)).uuids == []
