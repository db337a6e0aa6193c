"""Who failed first, and who only tells of it."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

ABORTED = "torch.distributed.DistBackendError: NCCL communicator was aborted on rank 0."
SLIP = "TypeError: f() missing 1 required positional argument: 'x'"


@pytest.mark.parametrize("root_first", [True, False])
def test_a_cascade_is_not_the_cause(root_first: bool) -> None:
    """In whatever order the ranks print, and whomever torchrun blames."""
    parts = [logs.of_rank(1, logs.raising(SLIP)), logs.of_rank(0, logs.raising(ABORTED))]
    log = "".join(parts if root_first else reversed(parts)) + logs.box((0, 1), (1, 1))
    found = logs.diagnosed(log, exit_code=1)
    assert (found.kind, found.facts["rank"]) == ("code", 1)


def test_a_cascade_without_a_root_is_nccl() -> None:
    """Nothing else was printed by anybody."""
    log = logs.of_rank(0, logs.raising(ABORTED)) + logs.box((0, 1), (1, -15))
    assert logs.kind(log, exit_code=1) == "nccl"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (-9, "nccl"),
        (-2, "interrupted"),
        (-15, "preempted"),
        (-11, "code"),
        (-7, "shm"),
        (1, "unknown"),
    ],
)
def test_when_only_the_launcher_speaks(code: int, expected: str) -> None:
    """A rank that was killed leaves no word; for what, torchrun cannot know."""
    assert logs.kind(logs.progress() + logs.box((1, code)), exit_code=1) == expected


def test_the_kernel_knows_why_a_rank_was_killed() -> None:
    """Its counter makes it host memory."""
    log = logs.progress() + logs.box((1, -9))
    assert logs.kind(log, exit_code=1, oom_kills=1) == "host_oom"


def test_signals_that_the_launcher_sends_are_no_preemption() -> None:
    """torchrun ends the other ranks after one has failed."""
    log = logs.of_rank(1, logs.raising(SLIP))
    log += "W1 api.py:897] Sending process 12 closing signal SIGTERM\n" + logs.box((1, 1), (0, -15))
    assert logs.kind(log + "traceback : Signal 15 (SIGTERM) received by PID 12\n") == "code"


def test_ray_tells_of_its_worker() -> None:
    """The worker's own exception counts."""
    task = f"{logs.HEAD}ray.exceptions.RayTaskError(KeyError): ray::f() (pid=1)\nKeyError: 'x'\n"
    assert logs.kind(task, exit_code=1) == "code"
