"""When sbatch may be asked again, and which runs go together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from overnight.node import identity, journal, layout
from overnight.node.slurm import arrays, records, submitting

HOST = os.uname().nodename
DEAD = [identity.boot_id(), 2**22 + 1, 1, HOST]
NOW = 1000.0


def asked(**known: Any) -> records.Submission:
    return records.Submission(1, "train01.ab", **{"asked_at": NOW, "tries": 0, **known})


def test_a_submission_whose_process_died_is_looked_for_at_once() -> None:
    assert submitting.is_time(asked(asking=DEAD), NOW + 0.1)


def test_a_submission_under_way_is_left_alone() -> None:
    """Of a process of this machine that lives, and on another login node for as long as it may
    ask."""
    parent = identity.of(os.getppid())
    assert parent is not None
    assert not submitting.is_time(asked(asking=[*parent, HOST]), NOW + 1000)
    elsewhere = [*parent, "another-login-node"]
    assert not submitting.is_time(asked(asking=elsewhere), NOW + 100)
    assert submitting.is_time(asked(asking=elsewhere), NOW + submitting.ASKING_S)


def test_a_slurm_that_gives_no_answer_is_asked_less_and_less_often() -> None:
    assert not submitting.is_time(asked(tries=1), NOW + 3.9)
    assert submitting.is_time(asked(tries=1), NOW + 4)
    assert not submitting.is_time(asked(tries=9), NOW + 59)
    assert submitting.is_time(asked(tries=9), NOW + 60)
    assert submitting.is_time(asked(tries=9), NOW - 1)  # the clock was set back


@pytest.mark.parametrize(("wanted", "gpus"), [(0, 0), (2, 2), (0.5, 1), (1.0, 1)])
def test_a_share_of_a_gpu_is_a_whole_one(wanted: float, gpus: int) -> None:
    assert submitting.gpus_wanted({"gpus": wanted, "slurm": {}}, {}) == gpus


@pytest.mark.parametrize(
    ("sinfo", "partition", "gpus"),
    [
        ("cpu*|up|(null)|1:00\ngpu|up|gpu:4|1:00\n", None, 0),
        ("cpu*|up|(null)|1:00\ngpu|up|gpu:4|1:00\n", "gpu", 1),
        ("", None, 1),  # nobody knows: a refusal tells more than a training without its GPU
    ],
)
def test_without_a_word_about_gpus_the_partition_decides(
    tmp_path: Path, sinfo: str, partition: str | None, gpus: int
) -> None:
    program = tmp_path / "sinfo"
    program.write_text(f"#!/bin/sh\ncat <<'X'\n{sinfo}X\n")
    program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    spec = {"gpus": None, "slurm": {"partition": partition}}
    assert submitting.gpus_wanted(spec, environ) == gpus


def made(root: Path, name: str, **spec: Any) -> arrays.Pair:
    run = layout.run(str(root), "project", name)
    Path(run.folder).mkdir(parents=True)
    journal.append(run, "created")
    return run, {"gpus": 1, "slurm": {"partition": "gpu"}, **spec}


def test_runs_that_ask_the_same_are_one_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None larger than Slurm takes; what asks for something else is another one."""
    monkeypatch.setattr(arrays, "MOST_ELEMENTS", 2)
    pairs = [made(tmp_path, f"seed{number}") for number in range(3)]
    pairs.append(made(tmp_path, "big", gpus=4))
    pairs.append(made(tmp_path, "limited", queue={"max_concurrent": 3}))
    names = [[run.name for run, _ in group] for group in arrays.groups(pairs)]
    assert names == [["seed0", "seed1"], ["seed2"], ["big"], ["limited"]]


def test_only_what_has_no_job_yet_is_submitted(tmp_path: Path) -> None:
    run, spec = made(tmp_path, "seed0")
    assert arrays.is_new(run, spec)
    assert not arrays.is_new(run, {**spec, "queue": {"after": ["none"]}})
    records.write(run, asked())
    assert not arrays.is_new(run, spec)
