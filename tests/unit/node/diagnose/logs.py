"""Logs in the format of the libraries, made up for the tests."""

from __future__ import annotations

from typing import Any

from overnight.node import actions, diagnose

HEAD = (
    "Traceback (most recent call last):\n"
    '  File "train.py", line 90, in <module>\n'
    "    main()\n"
    '  File "/home/ada/project/train.py", line 51, in main\n'
    "    go(batch)\n"
)
DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"
BECAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
LIBRARY = (
    '  File "/env/site-packages/torch/utils/data/_utils/fetch.py", line 54, in fetch\n'
    "    data = [self.dataset[idx] for idx in possibly_batched_index]\n"
)


def raising(message: str) -> str:
    return f"{HEAD}{message}\n"


def progress(first: int = 1, last: int = 3, epochs: int = 20) -> str:
    """A healthy training between two epochs."""
    return "".join(
        f"epoch {epoch}/{epochs} step {step}/100 loss {2 - epoch / 10 - step / 1000:.3f}\n"
        for epoch in range(first, last + 1)
        for step in range(0, 100, 20)
    )


def of_rank(rank: int, text: str) -> str:
    """As torch prints what a rank raises."""
    return "".join(f"[rank{rank}]: {line}" for line in text.splitlines(keepends=True))


def from_worker(name: str, message: str, body: str = "return self.items[index]") -> str:
    """An exception in a DataLoader worker, as the main process prints it."""
    return (
        f"{HEAD}{name}: Caught {name} in DataLoader worker process 0.\n"
        f"Original Traceback (most recent call last):\n{LIBRARY}"
        '  File "/home/ada/project/data.py", line 26, in __getitem__\n'
        f"    {body}\n{name}: {message}\n"
    )


def box(*codes: tuple[int, int]) -> str:
    """torchrun's last word: (rank, exit code) of the root cause first."""
    told = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:\n" + "=" * 60 + "\n"
    for rank, code in reversed(codes):
        if (rank, code) == codes[0]:
            told += "Root Cause (first observed failure):\n"
        told += (
            f"[0]:\n  rank      : {rank} (local_rank: {rank})\n"
            f"  exitcode  : {code} (pid: 12{rank})\n  error_file: <N/A>\n"
        )
    return HEAD.replace("train.py", "/env/bin/torchrun") + told + "=" * 60 + "\n"


def diagnosed(text: str | bytes, **seen: Any) -> actions.Failure:
    data = text.encode() if isinstance(text, str) else text
    return diagnose.diagnose(diagnose.Log.of_bytes(data), diagnose.Seen(**seen))


def kind(text: str | bytes, **seen: Any) -> str:
    return diagnosed(text, **seen).kind
