"""What each class of failure looks like from outside, and what the design wants done about it."""

from __future__ import annotations

import signal
from typing import NamedTuple


class End(NamedTuple):
    """The last words, and how the process ends: with `code`, or by `signal`."""

    text: str
    code: int = 1
    signal: int = 0


def traceback(error: str) -> str:
    return (
        "Traceback (most recent call last):\n"
        '  File "train.py", line 88, in <module>\n'
        "    main()\n"
        '  File "train.py", line 41, in main\n'
        "    loss = step(batch)\n"
        f"{error}\n"
    )


OOM = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total "
    "capacity of 79.15 GiB of which 512.00 MiB is free."
)

ENDS: dict[str, End] = {
    "cuda_oom": End(traceback(OOM)),
    "host_oom": End("", signal=signal.SIGKILL),
    "shm": End(
        traceback(
            "RuntimeError: DataLoader worker (pid 4711) is killed by signal: Bus error. It is "
            "possible that dataloader's workers are out of shared memory. Please try to raise "
            "your shared memory limit."
        )
    ),
    "disk_full": End(traceback("OSError: [Errno 28] No space left on device")),
    "nan": End(traceback("ValueError: loss is nan at step 812, stopping training")),
    "bad_sample": End(
        traceback(
            "PIL.UnidentifiedImageError: cannot identify image file '/data/train/n0144/17.JPEG'"
        )
    ),
    "missing_file": End(
        traceback("FileNotFoundError: [Errno 2] No such file or directory: '/data/val/index.json'")
    ),
    "missing_module": End(traceback("ModuleNotFoundError: No module named 'timm'")),
    "nccl": End(
        traceback(
            "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:2006, "
            "remote process exited or there was a network error, NCCL version 2.20.5\n"
            "ncclRemoteError: A call failed possibly due to a network error or a remote process "
            "exiting prematurely."
        )
    ),
    "cuda_fault": End(
        traceback("RuntimeError: CUDA error: an illegal memory access was encountered")
    ),
    "driver": End(
        traceback(
            "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). "
            "Please update your GPU driver"
        )
    ),
    "shape": End(
        traceback("RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x512 and 768x1000)")
    ),
    "checkpoint": End(
        traceback(
            "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding "
            "central directory"
        )
    ),
    "network": End(
        traceback(
            "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='huggingface.co', "
            "port=443): Max retries exceeded with url: /api/models/x (Caused by "
            "NewConnectionError('Failed to establish a new connection: [Errno -3] Temporary "
            "failure in name resolution'))"
        )
    ),
    "auth": End(
        traceback(
            "huggingface_hub.errors.GatedRepoError: 401 Client Error. Access to model x/y is "
            "restricted. You must be authenticated to access it."
        )
    ),
    "port_in_use": End(
        traceback(
            "torch.distributed.DistNetworkError: The server socket has failed to listen on any "
            "local network address. port: 29500, useIpv6: 0, code: -98, name: EADDRINUSE, "
            "message: address already in use"
        )
    ),
    "config": End("train.py: error: unrecognized arguments: --learnin-rate 0.1\n", code=2),
    "permission": End(traceback("PermissionError: [Errno 13] Permission denied: '/data/cache'")),
    "code": End(traceback("NameError: name 'optimiser' is not defined")),
    "unknown": End("assertion 3177 does not hold\n", code=17),
    "preempted": End("", signal=signal.SIGTERM),
    "interrupted": End("", signal=signal.SIGINT),
}

# What the design says is mended without anybody, and how often for one root cause (None: as long
# as there is progress). Everything else stops or asks.
MENDED: dict[str, int | None] = {
    "cuda_oom": None,
    "host_oom": 2,
    "nccl": 3,
    "hang": 2,
    "preempted": None,
    "network": 5,
    "cuda_fault": 1,
    "port_in_use": 3,
    "unknown": 1,
}
