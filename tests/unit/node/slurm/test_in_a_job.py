"""What a supervisor does as a guest: tells a training to go, knows its tasks and its GPUs."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from overnight.node import layout
from overnight.node.slurm import notices, surroundings, tasks

USR1, TERM = int(signal.SIGUSR1), int(signal.SIGTERM)


def test_whoever_catches_sigusr1_gets_it_and_nobody_else_anything() -> None:
    """Lightning's ranks save a checkpoint; torchrun above them must not end them meanwhile."""
    assert notices.choose({1: False, 2: True, 3: True}, None) == {2: USR1, 3: USR1}


def test_where_nobody_catches_it_all_get_sigterm() -> None:
    assert notices.choose({1: False, 2: False}, None) == {1: TERM, 2: TERM}


def test_a_signal_that_was_written_down_goes_to_all() -> None:
    assert notices.choose({1: False, 2: True}, "INT") == {1: 2, 2: 2}


def test_who_catches_what_stands_in_proc() -> None:
    """Bit 9 of SigCgt is SIGUSR1."""
    assert notices.caught("Name:\tpython3\nSigCgt:\t0000000000000200\n")
    assert not notices.caught("SigCgt:\t0000000000000002\n")
    assert not notices.caught("")
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        assert notices.caught(Path("/proc/self/status").read_text())
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_the_job_says_which_gpus_and_which_nodes() -> None:
    """Of the node's environment nothing else is taken."""
    given = {
        "SLURM_JOB_ID": "7",
        "CUDA_VISIBLE_DEVICES": "2,3",
        "LANG": "C",
        "TMPDIR": "/scratch/7",
    }
    given["SLURM_CPUS_PER_TASK"] = "4"
    assert surroundings.of_job(given) == {
        "SLURM_JOB_ID": "7",
        "SLURM_CPUS_PER_TASK": "4",
        "SRUN_CPUS_PER_TASK": "4",
        "CUDA_VISIBLE_DEVICES": "2,3",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "TMPDIR": "/scratch/7",
    }
    assert surroundings.visible(given) == ["2", "3"]
    assert surroundings.visible({}) == []


def test_lines_go_to_the_logs_of_their_ranks(tmp_path: Path) -> None:
    """Whole lines only, until the end; srun's own words are nobody's."""
    output, ranks = tmp_path / "output.log", tmp_path / "ranks"
    splitter = tasks.Splitter()
    output.write_bytes(b" 0: one\n10: two\nsrun: error: n2\n 0: thr")
    splitter.read(str(tmp_path))
    assert (ranks / "task_rank0.log").read_bytes() == b"one\n"
    with output.open("ab") as file:
        file.write(b"ee\n10: last")
    splitter.read(str(tmp_path))
    assert (ranks / "task_rank0.log").read_bytes() == b"one\nthree\n"
    splitter.read(str(tmp_path), is_over=True)
    assert (ranks / "task_rank10.log").read_bytes() == b"two\nlast"
    assert sorted(path.name for path in ranks.iterdir()) == ["task_rank0.log", "task_rank10.log"]


def task(folder: Path, rank: int, *command: str) -> subprocess.CompletedProcess[str]:
    """One task, as srun starts it."""
    environ = {"PATH": os.environ["PATH"], layout.MARKER: str(folder), "SLURM_PROCID": str(rank)}
    environ |= {"SLURM_LOCALID": "0", "SLURM_NODEID": str(rank), "SLURM_NTASKS": "2"}
    argv = ["sh", "-c", tasks.TASK, "overnight-task", *command]
    return subprocess.run(argv, env=environ | {"SLURM_NNODES": "2"}, capture_output=True, text=True)


def test_a_task_knows_who_it_is(tmp_path: Path) -> None:
    done = task(tmp_path, 1, "sh", "-c", "echo $RANK $WORLD_SIZE $LOCAL_RANK $NODE_RANK $NNODES")
    assert done.stdout == "1 2 0 1 2\n"
    assert not (tmp_path / "first-exit").exists()


def test_the_first_task_that_fails_gives_the_exit_code(tmp_path: Path) -> None:
    """The others are ended with a signal, and srun has that signal's code."""
    assert task(tmp_path, 1, "sh", "-c", "exit 3").returncode == 3
    other = task(tmp_path, 0, "sh", "-c", "kill $$")
    assert other.returncode == 143
    assert other.stderr == ""
    environ = {"PATH": os.environ["PATH"], layout.MARKER: str(tmp_path)}
    step = ["sh", "-c", tasks.STEP, "overnight-step", "sh", "-c", "exit 143"]
    assert subprocess.run(step, env=environ).returncode == 3
    (tmp_path / "first-exit").unlink()
    assert subprocess.run(step, env=environ).returncode == 143


def test_a_task_outlives_the_signal_that_tells_its_command_to_save(tmp_path: Path) -> None:
    """Slurm sends it to every process of the step."""
    script = "trap 'echo saved; exit 0' USR1; kill -USR1 $PPID; kill -USR1 $$; sleep 1"
    done = task(tmp_path, 0, "sh", "-c", script)
    assert (done.returncode, done.stdout) == (0, "saved\n")


@pytest.mark.parametrize(("wanted", "count"), [({}, 1), ({"nodes": 2, "tasks_per_node": 4}, 8)])
def test_how_many_tasks(wanted: dict[str, int], count: int) -> None:
    assert tasks.count(wanted) == count
    found = tasks.rendezvous(wanted)
    assert bool(found) == (count > 1)


def test_srun_starts_them_all() -> None:
    argv = tasks.srun(["python", "train.py"], {"nodes": 2})
    assert {"--nodes=2", "--ntasks=2", "--label", "--kill-on-bad-exit=1"} <= set(argv)
    assert argv[-2:] == ["python", "train.py"]
