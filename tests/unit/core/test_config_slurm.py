"""[servers.NAME] with kind = "slurm": what may stand there, and each refusal with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight.core import config, config_slurm
from tests.unit.core.config_files import load, refused

SERVER = '[servers.cluster]\nkind = "slurm"\n'


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    table = """
partition = "gpu,long"
time = "1-8:00:00"
nodes = 2
tasks_per_node = 4
gpu = "a100"
options = ["--account=x", "--mem=32G", "-C h100"]
max_jobs = 8
signal_s = 300
signal = "TERM"
"""
    text = f'{SERVER}host = "login"\n[servers.cluster.slurm]{table}'
    server = load(tmp_path, text).servers["cluster"]
    assert (server.kind, server.host, server.is_here) == ("slurm", "login", False)
    assert server.slurm == config_slurm.Slurm(
        partition="gpu,long",
        time="1-8:00:00",
        nodes=2,
        tasks_per_node=4,
        gpu="a100",
        options=("--account=x", "--mem=32G", "-C h100"),
        max_jobs=8,
        signal_s=300,
        signal="TERM",
    )
    assert server.slurm.to_wire()["options"] == ["--account=x", "--mem=32G", "-C h100"]


def test_nothing_need_be_said(tmp_path: Path) -> None:
    """The cluster's own defaults hold, and the server's name is its alias."""
    server = load(tmp_path, SERVER).servers["cluster"]
    assert server.host == "cluster"
    assert server.slurm == config_slurm.Slurm()
    assert load(tmp_path, "").servers[config.LOCAL].slurm is None


@pytest.mark.parametrize("host", ["local", "localhost"])
def test_this_machine_may_be_the_login_node(tmp_path: Path, host: str) -> None:
    assert load(tmp_path, f'{SERVER}host = "{host}"\n').servers["cluster"].is_here


@pytest.mark.parametrize(
    ("slurm", "said"),
    [
        ('partitoin = "gpu"', 'unknown key "partitoin" in slurm; did you mean "partition"?'),
        ('time = "8h"', 'slurm.time = "8h": write minutes or H:MM:SS or D-HH:MM:SS'),
        ("time = 8", 'slurm.time = 8: expected text such as "8:00:00"'),
        ("nodes = 0", "slurm.nodes = 0: write 1 or more"),
        ('time = "1:30"', "the signal would come before the job begins: time is 90 s"),
        ('time = "5", signal_s = 300', "slurm.signal_s: the signal would come before"),
        ("signal_s = 5", "slurm.signal_s = 5: write 30 or more"),
        ('signal = "KILL"', 'slurm.signal = "KILL": write "USR1", "USR2", "TERM" or "INT"'),
        ('options = "--mem=1G"', 'slurm.options = "--mem=1G": expected a list of text'),
        ('options = ["mem=1G"]', "write one option of sbatch with its value"),
        ('options = ["--job-name=x"]', "--job-name cannot be given here: overnight sets it itself"),
        ('options = ["-J x"]', "--job-name cannot be given here"),
        ('options = ["-ox.log"]', "--output cannot be given here"),
        ('options = ["--time=1"]', '--time cannot be given here: write time = "8:00:00"'),
        ('options = ["--arr=0-3"]', "--array cannot be given here: a sweep becomes an array"),
        ('options = ["--no-requeue"]', "--no-requeue cannot be given here"),
        ('options = ["--signal=B:USR1@60"]', "--signal cannot be given here: write signal_s"),
        ('options = ["--dependency=afterok:1"]', "--dependency cannot be given here"),
        ('options = ["--export=NONE"]', "--export cannot be given here"),
        ('options = ["--mem=1G", 5]', "5 in slurm.options: expected text in quotes"),
    ],
)
def test_refusals_have_the_line(tmp_path: Path, slurm: str, said: str) -> None:
    message = refused(tmp_path, f"{SERVER}slurm = {{ {slurm} }}\n").message
    assert message.startswith("overnight.toml:3: ")
    assert said in message


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        *(("10", 600), ("1:30", 90), ("8:00:00", 28800), ("1-2", 93600), ("1-2:30", 95400)),
        ("1-2:30:15", 95415),
    ],
)
def test_limits_in_all_forms_of_slurm(time: str, seconds: int) -> None:
    assert config_slurm.seconds(time) == seconds


@pytest.mark.parametrize(
    "option",
    [
        "--account=x",
        "-A x",
        "--mem=1G",
        "--qos=high",
        "--gres=gpu:a100:2",
        "--cpus-per-task=8",
        "-c8",
    ],
)
def test_other_options_of_sbatch_travel(option: str) -> None:
    assert config_slurm.option_advice(option) is None


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[servers.gpu1]\nslurm = { partition = "gpu" }\n', 2, 'goes with kind = "slurm"'),
        (f'{SERVER}host = "local"\nssh_config = "x"\n', 4, "the login node is this machine"),
        ('[servers.local]\nkind = "slurm"\n', 2, "is always this machine"),
    ],
)
def test_keys_that_do_not_go_together(tmp_path: Path, text: str, line: int, said: str) -> None:
    message = refused(tmp_path, text).message
    assert message.startswith(f"overnight.toml:{line}: ")
    assert said in message
