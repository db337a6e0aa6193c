"""Memory of the host and of /dev/shm."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

HOST_OOM = [
    "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when "
    "allocating tensor with shape[640000,5120,512] and type float on "
    "/job:localhost/replica:0/task:0/device:CPU:0 by allocator cpu",
    "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 74.5 GiB for an "
    "array with shape (100000, 100000) and data type float64",
    "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 74.5 GiB for an "
    "array with shape (100000, 100000)",
    "OSError: [Errno 12] Cannot allocate memory",
    "RuntimeError: [enforce fail at alloc_cpu.cpp:114] data. DefaultCPUAllocator: not "
    "enough memory: you tried to allocate 4294967296 bytes.",
    "pyarrow.lib.ArrowMemoryError: malloc of size 8589934592 failed",
    "ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory.",
    "joblib.externals.loky.process_executor.TerminatedWorkerError: A worker process "
    "managed by the executor was unexpectedly terminated. This could be caused by a "
    "segmentation fault while calling the function or by an excessive memory usage "
    "causing the Operating System to kill the worker.",
    "RuntimeError: DataLoader worker (pid 4242) is killed by signal: Killed.",
]

SHM = [
    "RuntimeError: DataLoader worker (pid 4242) is killed by signal: Bus error. It is "
    "possible that dataloader's workers are out of shared memory. Please try to raise "
    "your shared memory limit.",
    "RuntimeError: unable to write to file </torch_4242_1>",
    "OSError: [Errno 28] No space left on device: '/psm_1a2b3c4d'",
]


@pytest.mark.parametrize("message", HOST_OOM)
def test_host_oom(message: str) -> None:
    """Messages of several libraries are taken for host_oom."""
    assert logs.kind(logs.raising(message), exit_code=1) == "host_oom"


@pytest.mark.parametrize("message", SHM)
def test_shm(message: str) -> None:
    """Messages of several libraries are taken for shm."""
    assert logs.kind(logs.raising(message), exit_code=1) == "shm"


def test_a_worker_that_died_while_its_tensor_was_fetched() -> None:
    """What the parent meets is a connection, but not one over the network."""
    frames = (
        '  File "/x/torch/multiprocessing/reductions.py", line 538, in rebuild_storage_fd\n'
        "    fd = df.detach()\n"
        '  File "/usr/lib/python3.11/multiprocessing/resource_sharer.py", line 57, in detach\n'
        "    with _resource_sharer.get_connection(self._id) as conn:\n"
    )
    log = logs.HEAD + frames + "ConnectionResetError: [Errno 104] Connection reset by peer\n"
    assert logs.kind(log, exit_code=1) == "host_oom"


def test_the_size_that_was_asked_for_is_kept() -> None:
    """How much memory an array would have needed."""
    found = logs.diagnosed(logs.raising(HOST_OOM[1]), exit_code=1)
    assert found.facts["wanted"] == "74.5 GiB"


def test_no_space_in_shared_memory_is_not_a_full_disk() -> None:
    """The same words of the system, raised where shared memory is made."""
    frames = '  File "/usr/lib/python3.11/multiprocessing/shared_memory.py", line 3, in __init__\n'
    log = logs.HEAD + frames + "    os.ftruncate(fd, size)\nOSError: [Errno 28] No space left"
    assert logs.kind(log + " on device\n", exit_code=1) == "shm"


@pytest.mark.parametrize(
    "line",
    [
        "run.sh: line 3:  4242 Killed                  python train.py",
        "slurmstepd: error: Detected 1 oom_kill event in StepId=12.batch.",
        "slurmstepd: error: Exceeded job memory limit",
        "[12.345] Out of memory: Killed process 4242 (python) total-vm:1kB",
        "Epoch 2:  10%|#  | 1/10 [00:01<00:15,  1.7s/it]Killed",
    ],
)
def test_what_the_system_prints_of_a_kill_for_memory(line: str) -> None:
    """Shells, schedulers and the kernel; also behind a progress bar."""
    assert logs.kind(f"{logs.progress()}{line}\n", exit_code=137) == "host_oom"
