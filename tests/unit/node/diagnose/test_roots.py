"""Several failures in one log: which of them counts."""

from __future__ import annotations

from tests.unit.node.diagnose import logs

SLIP = logs.raising("NameError: name 'modle' is not defined")
MISSING = logs.raising("ModuleNotFoundError: No module named 'foo'")
OOM = logs.raising("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_the_last_of_several_runs_counts() -> None:
    """A nohup.out holds them all."""
    starts = "nohup: ignoring input\nLoading data\nnumber of parameters: 12M\nmodel on cuda:0\n"
    log = starts + MISSING + starts + SLIP + starts + logs.progress() + OOM
    assert logs.kind(log, exit_code=1) == "cuda_oom"
    assert logs.kind(starts + OOM + starts + SLIP) == "code"


def test_a_run_after_a_failed_one_is_healthy() -> None:
    """The failure is of yesterday."""
    assert logs.kind(SLIP + logs.progress(1, 5)) == "running"


def test_a_failed_run_is_never_healthy() -> None:
    """Standard output may be written after the traceback, when its buffer is emptied."""
    assert logs.kind(SLIP + logs.progress(1, 5), exit_code=1) == "code"


def test_what_a_child_raised_directly_before_counts() -> None:
    """The main process only says that its child failed."""
    log = OOM + "RuntimeError: DataLoader worker failed\n"
    assert (
        logs.kind(logs.progress() + OOM + logs.raising("RuntimeError: child 1 failed"))
        == "cuda_oom"
    )
    assert logs.kind(logs.progress() + log, exit_code=1) == "cuda_oom"


def test_a_message_beside_a_plain_error_says_more() -> None:
    """Printed, then raised as something general."""
    said = "fatal: unable to access 'https://github.com/x/': Could not resolve host: github.com\n"
    assert logs.kind(said + logs.raising("RuntimeError: clone failed"), exit_code=1) == "network"


def test_what_processes_cry_when_they_are_told_to_end() -> None:
    """The scheduler's word comes first, then their exceptions."""
    cancelled = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2024-01-01 DUE TO TIME LIMIT ***\n"
    cry = logs.raising("RuntimeError: DataLoader worker (pid 7) is killed by signal: Terminated.")
    assert logs.kind(logs.progress() + cancelled + cry, exit_code=1) == "preempted"
