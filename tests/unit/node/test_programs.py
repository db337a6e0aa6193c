from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from overnight.node import programs
from tests import waiting


def test_gives_code_and_both_outputs() -> None:
    """What a program said arrives apart, and bytes that are not UTF-8 do no harm."""
    answer = programs.ask(["sh", "-c", r"printf 'a\377'; echo b >&2; exit 3"], timeout_s=5)
    assert answer == programs.Answer(3, "a�", "b\n")


def test_runs_in_the_folder_and_environment_that_are_given(tmp_path: Path) -> None:
    """Folder and environment are exactly those that were asked for."""
    answer = programs.ask(
        ["/bin/sh", "-c", "pwd; echo $A"], timeout_s=5, cwd=str(tmp_path), env={"A": "1"}
    )
    assert answer.out == f"{tmp_path}\n1\n"


def test_a_missing_program_is_an_oserror() -> None:
    """The caller can tell a program that is not there from one that fails."""
    with pytest.raises(FileNotFoundError):
        programs.ask(["overnight-no-such-program"], timeout_s=5)


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """The answer comes in time although a grandchild keeps the pipe open, and nothing is left."""
    pid_file = os.path.join(tmp_path, "pid")
    script = f"sleep 60 & echo $! > {pid_file}; wait"
    started = time.monotonic()
    assert programs.ask(["sh", "-c", script], timeout_s=0.1).code is None
    assert time.monotonic() - started < 5
    with open(pid_file) as file:
        pid = int(file.read())
    waiting.wait_until(lambda: has_ended(pid), timeout_s=5)


def has_ended(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
