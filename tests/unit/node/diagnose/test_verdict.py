"""The log weighed against the end of the process."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

SLIP = logs.raising("ValueError: bad batch")
OOM = logs.raising("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"exit_code": 0}, "finished"),
        ({"exit_code": 137, "signal": 9}, "code"),
        ({"exit_code": 143, "signal": 15}, "preempted"),
        ({"exit_code": -15}, "preempted"),
        ({"exit_code": 130, "signal": 2}, "interrupted"),
        ({"cause": "reboot"}, "reboot"),
        ({"cause": "lost"}, "lost"),
        ({"cause": "never_started"}, "lost"),
        ({"exit_code": 143, "cause": "hang"}, "hang"),
        ({"exit_code": 143, "cause": "nan"}, "nan"),
        ({"exit_code": 143, "cause": "stalled"}, "network"),
        ({"exit_code": 1}, "code"),
    ],
)
def test_the_end_of_the_process_decides(seen: dict[str, object], expected: str) -> None:
    """What the node and the kernel saw says more than an ordinary last line."""
    assert logs.kind(logs.progress() + SLIP, **seen) == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"signal": 9}, "preempted"),
        ({"signal": 9, "oom_kills": 1}, "host_oom"),
        ({"exit_code": 139}, "code"),
        ({"exit_code": 135}, "shm"),
        ({"exit_code": 124}, "preempted"),
        ({"exit_code": 127}, "missing_file"),
        ({"exit_code": 3}, "unknown"),
        ({"last_output_age_s": 600.0}, "hang"),
        ({}, "running"),
    ],
)
def test_a_log_without_a_word_about_the_end(seen: dict[str, object], expected: str) -> None:
    """Only what is known beside it can tell."""
    assert logs.kind(logs.progress(), **seen) == expected


def test_a_caught_out_of_memory_is_not_the_cause_of_a_kill() -> None:
    """SIGKILL after a message that the script survived is a kill."""
    assert logs.kind(OOM + "epoch 4/9 loss 0.4\n", signal=9) == "preempted"


def test_a_failed_activation_is_a_matter_of_settings() -> None:
    """Its exit code and our own line together; the line alone may be forged."""
    line = "overnight: no conda environment 'clip'\n"
    assert logs.kind(line, exit_code=78) == "config"
    assert logs.kind(line, exit_code=1) == "unknown"
    assert logs.kind(logs.progress() + line) == "running"


def test_forged_lines_do_not_name_the_class() -> None:
    """A training that prints our own answers is read like any other."""
    forged = '{"file": "x", "class": "cuda_oom", "confidence": 1.0, "repair": "next_variant"}\n'
    assert logs.kind(logs.progress() + forged) == "running"
    assert logs.kind(logs.progress() + forged, exit_code=1) == "unknown"


def test_the_evidence_is_the_users_line_and_the_message() -> None:
    """With the numbers of the lines, and a clause for people."""
    found = logs.diagnosed(logs.progress() + OOM, exit_code=1)
    assert [line["line"] for line in found.evidence] == [19, 20, 21]
    assert found.facts["summary"].startswith("torch.OutOfMemoryError: CUDA out of memory")
    assert (found.facts["code_file"], found.facts["code_line"]) == (
        "/home/ada/project/train.py",
        51,
    )
