"""What an attempt starts from."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from overnight.node import layout, preparation, states
from tests.unit.node import runs


def checkpoint(run: layout.Run, name: str) -> str:
    path = os.path.join(run.work, name)
    Path(path).write_bytes(pickle.dumps({"epoch": 1}))
    return path


def test_a_checkpoint_damaged_since_it_was_chosen_is_not_used(tmp_path: Path) -> None:
    """Between the repair and the start the power may have been cut, and taken its end."""
    run = runs.make(tmp_path)
    older, chosen = checkpoint(run, "epoch_1.pt"), checkpoint(run, "epoch_2.pt")
    attempt = states.Attempt(1, 0.0, 0, "batch 64", None, [])
    state = states.State(attempts=(attempt,), checkpoint=chosen)
    spec = runs.spec(resume=["--resume", "{checkpoint}"])
    assert preparation.next_start(run, spec, state, []).checkpoint == chosen

    os.truncate(chosen, 10)

    start = preparation.next_start(run, spec, state, [])
    assert start.checkpoint == older
    assert [path for path, _ in start.passed_over] == [chosen]


CARDS = """\
0, GPU-aaaa, NVIDIA H200, 143771, 0, 0, 570.1, 0:01:00.0, Disabled
1, GPU-bbbb, NVIDIA H200, 143771, 0, 0, 570.1, 0:02:00.0, Disabled
2, GPU-cccc, NVIDIA H200, 143771, 0, 0, 570.1, 0:03:00.0, Disabled
"""


def test_deepspeed_gets_the_numbers_of_its_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no more of them than it starts processes; without GPUs nothing is changed."""
    program = tmp_path / "nvidia-smi"
    script = f'case "$1" in --query-gpu*) cat <<E\n{CARDS}E\n;; esac'
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    run = runs.make(tmp_path)
    place = {"word": 2, "start": 0, "end": 0, "add": ["--num_gpus=-1"]}
    variant = {
        "argv": ["deepspeed", "--num_gpus=2", "t.py"],
        "label": "",
        "places": {"gpu_numbers": [place]},
    }
    spec = runs.spec(variants=[variant], at_start={"gpu_numbers": "gpus"}, processes=2)
    uuids = ["GPU-cccc", "GPU-bbbb", "GPU-aaaa"]
    start = preparation.next_start(run, spec, states.State(), uuids)
    assert start.argv == ["deepspeed", "--num_gpus=2", "--num_gpus=-1", "t.py"]
    assert start.env == {"CUDA_VISIBLE_DEVICES": "2,1"}
    alone = preparation.next_start(run, spec, states.State(), [])
    assert (alone.argv, alone.env) == (variant["argv"], {})


def test_the_port_in_the_environment_is_text(tmp_path: Path) -> None:
    """No process can be started with a number there."""
    run = runs.make(tmp_path)
    state = states.State(env={"MASTER_PORT": "free"})
    start = preparation.next_start(run, runs.spec(), state, [])
    assert start.env["MASTER_PORT"].isdigit()


def test_what_a_person_turned_wins_over_what_is_found(tmp_path: Path) -> None:
    """A port that was agreed on is a choice, too."""
    run = runs.make(tmp_path)
    place = {"word": 1, "start": 0, "end": 0, "add": ["--master_port={}"]}
    variant = {"argv": ["torchrun", "t.py"], "label": "", "places": {"port": [place]}}
    spec = runs.spec(variants=[variant], at_start={"port": "free"})
    found = preparation.next_start(run, spec, states.State(), [])
    assert found.argv[1] == f"--master_port={found.settings['port']}"
    chosen = preparation.next_start(run, spec, states.State(settings={"port": 1234}), [])
    assert chosen.argv == ["torchrun", "--master_port=1234", "t.py"]
