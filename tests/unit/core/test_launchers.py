"""The programs that start several processes: how many, and the logs of each."""

from __future__ import annotations

import shlex

import pytest

from overnight.core import invocation, launchers

FILES = {
    "own.yaml": "compute_environment: LOCAL_MACHINE\nnum_machines: 1\nnum_processes: 4\n",
    "port.yaml": "num_machines: 1\nnum_processes: 4\nmain_process_port: 29501\n",
    "null.yaml": "num_machines: '1'\nnum_processes: 4\nmain_process_port: null\n",
    "two.yaml": "num_machines: 2\nnum_processes: 8\n",
}


def read(path: str) -> str:
    if path not in FILES:
        raise invocation.NoFileError(f"no file {path}")
    return FILES[path]


@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("torchrun --nproc_per_node=4 t.py", 4),
        ("torchrun --nproc-per-node 4 t.py --nproc-per-node 9", 4),
        ("torchrun --nproc_per_node=gpu t.py", None),
        ("torchrun --nproc_per_node=auto t.py", None),
        ("torchrun --nproc_per_node=0 t.py", None),
        ("torchrun --nproc_per_node=99999 t.py", None),
        ("torchrun --nproc_per_node", None),
        ("torchrun t.py", None),
        ("uv run torchrun --nproc_per_node=2 t.py", 2),
        ("python -m torch.distributed.run --nproc_per_node=2 -m pkg.train", 2),
        ("deepspeed --num_gpus 2 t.py", 2),
        ("deepspeed --num_gpus=2 --module pkg.train --num_gpus 7", 2),
        ("accelerate launch --num_processes 2 t.py", 2),
        ("accelerate launch --num_processes 4 --num_machines 2 t.py", None),
        ("accelerate launch --config_file own.yaml t.py", 4),
        ("accelerate launch --config_file two.yaml t.py", None),
        ("accelerate launch --config_file gone.yaml t.py", None),
        ("python t.py --nproc_per_node 2", None),
        ("python t.py torchrun --nproc_per_node 2", None),
        ("my-torchrun --nproc_per_node 2 t.py", None),
        ("/bin/sh -c 'A=1 torchrun --nproc_per_node 2 t.py'", None),
        ("", None),
    ],
)
def test_processes_are_those_that_the_launcher_is_told(command: str, number: int | None) -> None:
    """Its own options count, not those of the script; what it finds out itself is not known."""
    assert launchers.processes(shlex.split(command), read) == number


@pytest.mark.parametrize(
    ("name", "is_free"),
    [("own", True), ("null", True), ("port", False), ("two", False), ("gone", False)],
)
def test_port_in_the_file_of_accelerate_is_a_choice(name: str, is_free: bool) -> None:
    """So is a second machine, and a file that cannot be read."""
    argv = ["accelerate", "launch", "--config_file", f"{name}.yaml", "t.py"]
    assert (launchers.port(argv, read) is not None) == is_free


@pytest.mark.parametrize(
    ("command", "added"),
    [
        ("torchrun --nproc_per_node 2 t.py --log_dir runs -t 5", ["--log-dir={}", "--tee=3"]),
        ("python -m torch.distributed.launch t.py", ["--log-dir={}", "--tee=3"]),
        ("accelerate launch t.py --tee 1", ["--log_dir={}", "--tee=3"]),
        ("deepspeed t.py", ["--enable_each_rank_log={}"]),
    ],
)
def test_each_rank_gets_a_log(command: str, added: list[str]) -> None:
    """What the script is told of logs is not the launcher's matter."""
    place = launchers.rank_logs(shlex.split(command))
    assert place is not None
    assert place["add"] == added


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("deepspeed --num_gpus 2 t.py --num_gpus 3", 3),
        ("deepspeed --num_gpus 2 --module pkg.train", 3),
        ("uv run deepspeed t.py", 3),
        ("deepspeed --include localhost:0,1 t.py", None),
        ("deepspeed -i localhost:0 t.py", None),
        ("deepspeed --hostfile hosts t.py", None),
        ("deepspeed --num_gpus 2 ./start", None),
        ("torchrun --nproc_per_node 2 t.py", None),
        ("accelerate launch --use_deepspeed t.py", None),
    ],
)
def test_deepspeed_takes_the_gpus_of_the_run(command: str, word: int | None) -> None:
    """After all that was typed about their number, before the script."""
    place = launchers.gpu_numbers(shlex.split(command))
    assert (place and place["word"]) == word
    assert place is None or place["add"] == ["--num_gpus=-1"]


@pytest.mark.parametrize(
    "command",
    [
        "torchrun --log_dir runs t.py",
        "torchrun --redirects=3 t.py",
        "torchrun -r 3 t.py",
        "torchrun -t3 t.py",
        "torchrun --tee 1 t.py",
        "torchrun --logs_specs mine t.py",
        "accelerate launch --log_dir runs t.py",
        "accelerate launch -t 3 t.py",
        "deepspeed --enable_each_rank_log logs t.py",
        "python t.py",
        "/bin/sh -c 'A=1 torchrun t.py'",
    ],
)
def test_word_about_logs_is_respected(command: str) -> None:
    """Whoever chose something keeps it."""
    assert launchers.rank_logs(shlex.split(command)) is None
