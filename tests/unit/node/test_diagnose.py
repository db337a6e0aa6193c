"""What the end of a log is taken for."""

from __future__ import annotations

import pytest

from overnight.node import actions, diagnose

TRACEBACK = b"""epoch 3/9 loss 0.5
Traceback (most recent call last):
  File "train.py", line 9, in <module>
    step(batch)
"""
OOM = TRACEBACK + (
    b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total "
    b"capacity of 79.15 GiB of which 7.11 GiB is free.\n"
)
OLD_OOM = TRACEBACK + (
    b"RuntimeError: CUDA out of memory. Tried to allocate 512.00 MiB (GPU 0; 10.76 GiB total "
    b"capacity; 9.02 GiB already allocated)\n"
)


def ended(code: int | None, signal: int | None = None, cause: str | None = None) -> actions.Ended:
    return actions.Ended(code, signal, cause, None)


def kind(end: actions.Ended, log: bytes, foreign_mib: int = 0) -> str | None:
    found = diagnose.diagnose(end, log, 0, foreign_mib)
    return found and found.kind


@pytest.mark.parametrize("log", [OOM, OLD_OOM])
def test_out_of_memory_of_old_and_new_torch(log: bytes) -> None:
    """Both wordings are recognised, and the size asked for is kept."""
    found = diagnose.diagnose(ended(1), log, 100, 0)
    assert found is not None
    assert found.kind == "cuda_oom"
    assert found.facts["wanted"] in ("2.00 GiB", "512.00 MiB")
    assert found.evidence[-1]["line"] == 105


def test_out_of_memory_because_of_others_is_contention() -> None:
    """When somebody else holds memory on the GPU the batch is not to blame."""
    assert kind(ended(1), OOM, foreign_mib=30_000) == "gpu_contention"


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (ended(0), None),
        (ended(137, 9), "preempted"),
        (ended(143, 15), "preempted"),
        (ended(130, 2), "interrupted"),
        (ended(139, 11), "unknown"),
        (ended(None, cause="reboot"), "reboot"),
        (ended(None, cause="lost"), "lost"),
        (ended(1), "code"),
    ],
)
def test_the_end_of_the_process_decides(end: actions.Ended, expected: str | None) -> None:
    """The exit code and the signal say more than an ordinary last line."""
    assert kind(end, TRACEBACK + b"ValueError: bad shape\n") == expected


def test_a_caught_out_of_memory_is_not_the_cause_of_a_kill() -> None:
    """SIGKILL after an out-of-memory message that the script survived is a kill."""
    assert kind(ended(137, 9), OOM + b"epoch 4/9 loss 0.4\n") == "preempted"


def test_a_healthy_end_with_frightening_words() -> None:
    """Exit code 0 is a good end whatever was printed."""
    assert kind(ended(0), OOM) is None


def test_colours_and_progress_bars_do_not_hide_the_message() -> None:
    """ANSI codes go, and of a carriage-return bar only its last state is left."""
    bar = b"\r 10%|#\r 99%|#########"
    log = bar + b"\x1b[31mRuntimeError: CUDA out of memory. Tried to allocate 1 GiB\n"
    assert kind(ended(1), log) == "cuda_oom"


def test_a_command_that_is_not_there() -> None:
    """The shell's 127 without a traceback."""
    assert kind(ended(127), b"overnight-shim: 1: exec: pyhton: not found\n") == "missing_file"


def test_nothing_to_go_by_is_unknown() -> None:
    """No exception, no signal."""
    assert kind(ended(3), b"done?\n") == "unknown"


def test_a_supervisor_that_failed_itself() -> None:
    """Its own last words are the reason, not the training's."""
    said = b"Traceback (most recent call last):\n  File x\nAttributeError: no attribute 'env'\n"
    ended = actions.Ended(None, None, "never_started", None)
    failure = diagnose.diagnose(ended, said, 0, 0)
    assert failure is not None
    assert failure.kind == "lost"
    assert failure.facts["summary"].endswith("AttributeError: no attribute 'env'")
    silent = diagnose.diagnose(ended, b"", 0, 0)
    assert silent is not None
    assert silent.facts == {}


def test_our_own_words_about_the_environment() -> None:
    """Exit code 78 with our line is a mistake in the settings, wherever the line stands."""
    said = b"overnight: there is no venv at x; type: python3 -m venv x\nmore\n"
    failure = diagnose.diagnose(actions.Ended(78, None, None, None), said, 0, 0)
    assert failure is not None
    assert failure.kind == "config"
    assert "no venv at x" in failure.facts["summary"]
