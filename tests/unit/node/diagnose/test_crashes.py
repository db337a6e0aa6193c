"""Native code that dies of itself."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

OOM = logs.raising("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(
    "line",
    [
        "Segmentation fault (core dumped)",
        "run.sh: line 3: 42 Segmentation fault      (core dumped) python train.py",
        "Fatal Python error: Segmentation fault",
        "double free or corruption (!prev)",
        "run.sh: line 3: 42 Floating point exception python train.py",
    ],
)
def test_what_is_printed_of_a_crash(line: str) -> None:
    """With no exit code known."""
    assert logs.kind(f"{logs.progress()}{line}\n") == "code"


def test_an_abort_has_a_reason() -> None:
    """It was printed before."""
    aborted = "run.sh: line 3: 42 Aborted                 (core dumped) python train.py\n"
    assert logs.kind(logs.progress() + OOM + aborted, exit_code=134) == "cuda_oom"
    assert logs.kind(logs.progress() + aborted, exit_code=134) == "code"
