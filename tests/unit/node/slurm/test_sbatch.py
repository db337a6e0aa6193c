"""The command line and the script of a submission, and what sbatch's answers mean."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from overnight.node.slurm import asking, sbatch

ENTRY = ["/no/such/python3", "-c", "import sys; print(sys.argv[1:])", "a b"]


def spec(**slurm: Any) -> dict[str, Any]:
    return {"gpus": 1, "slurm": slurm}


def test_what_is_asked_of_slurm() -> None:
    """Their options are passed on as they are; ours come after them, where the last one counts."""
    asked = sbatch.options(
        spec(partition="gpu", time="8:00:00", gpu="a100", options=["--mem=32G"], signal_s=300), 2
    )
    assert asked == [
        *("--partition=gpu", "--time=8:00:00", "--signal=B:USR2@300", "--nodes=1"),
        *("--ntasks-per-node=1", "--gres=gpu:a100:2", "--mem=32G"),
    ]
    argv = sbatch.argv(asked, name="train01.ab", output="/r/50%/log", script="/r/batch.sh")
    assert argv[: len(asked) + 1] == ["sbatch", *asked]
    assert argv[-1] == "/r/batch.sh"
    assert {"--job-name=train01.ab", "--requeue", "--output=/r/50%%/log"} <= set(argv)


@pytest.mark.parametrize("option", ["--gres=gpu:h100:1", "--gpus=2", "--gpus-per-node=1", "-G 2"])
def test_gpus_in_the_options_win(option: str) -> None:
    assert not [each for each in sbatch.options(spec(options=[option]), 1) if "gres=gpu:1" in each]


def test_no_gpus_are_asked_for_where_none_are_wanted() -> None:
    assert not [each for each in sbatch.options(spec(), 0) if "gres" in each]


def test_a_smoke_test_asks_for_little_time() -> None:
    asked = sbatch.options({**spec(time="8:00:00"), "time_box_s": 180.0}, 0)
    assert "--time=8" in asked
    assert not [each for each in asked if each.startswith("--signal")]


def test_the_script_runs_the_node_whatever_the_paths_are(tmp_path: Path) -> None:
    """Another Python is taken where the login's is not on the node; names are quoted."""
    script = tmp_path / "batch.sh"
    script.write_text(sbatch.script(ENTRY, "/it's a root", "project", "train01", "train01.ab"))
    done = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.split("]")[0] + "]" == str(
        ["a b", "job", "/it's a root", "project", "train01", "train01.ab"]
    )


def test_an_element_finds_its_run_in_the_index(tmp_path: Path) -> None:
    index = tmp_path / "in dex"
    index.write_text("project seed0\nproject seed1\n")
    script = tmp_path / "batch.sh"
    script.write_text(sbatch.array_script(ENTRY, "/root", str(index), "sweep.cd"))
    environ = {"PATH": "/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "1"}
    argv = ["sh", str(script)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environ)
    assert "'project', 'seed1', 'sweep.cd'" in done.stdout


@pytest.mark.parametrize(
    ("said", "job"),
    [("123\n", "123"), ("123;cluster\n", "123"), ("sbatch: lua: hello\n124\n", "124")],
)
def test_the_number_of_the_job(said: str, job: str) -> None:
    assert sbatch.read(asking.Said(said)) == sbatch.Answer(job)


@pytest.mark.parametrize(
    ("problem", "plain"),
    [
        (
            "sbatch: error: invalid partition specified: nope; "
            "sbatch: error: Batch job submission failed: Invalid partition name specified",
            "invalid partition specified: nope; Invalid partition name specified",
        ),
        (
            "sbatch: error: Batch job submission failed: Requested node configuration is not "
            "available",
            "Requested node configuration is not available",
        ),
        ("sbatch: unrecognized option '--bogus'", "sbatch: unrecognized option '--bogus'"),
    ],
)
def test_a_refusal(problem: str, plain: str) -> None:
    assert sbatch.read(asking.Said("", problem)) == sbatch.Answer("", plain, refused=True)


@pytest.mark.parametrize(
    "problem",
    [
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller "
        "(connect failure)",
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
        "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received",
    ],
)
def test_silence_is_no_refusal(problem: str) -> None:
    """The job may have been taken all the same."""
    assert not sbatch.read(asking.Said("", problem)).refused
    assert not sbatch.read(asking.Said("", "sbatch gave no answer in 60 s", timed_out=True)).refused


def test_no_sbatch_at_all() -> None:
    answer = sbatch.read(asking.Said("", "sbatch: No such file or directory", is_missing=True))
    assert answer.refused
    assert "no sbatch in the PATH" in answer.problem


def test_variables_of_a_job_that_we_were_started_in_are_left_out() -> None:
    """sbatch and srun would obey them."""
    given = {
        "PATH": "/bin",
        "SLURM_JOB_ID": "7",
        "SLURM_CONF": "/etc/slurm.conf",
        "SBATCH_QOS": "x",
    }
    assert asking.without_job(given) == {
        "PATH": "/bin",
        "SLURM_CONF": "/etc/slurm.conf",
        "SBATCH_QOS": "x",
    }
