"""Whose a process is and since when it runs, from the real /proc."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from overnight.node import identity, layout, owners
from tests.waiting import wait_until

ROOT = "/data/me/overnight"
ATTEMPT = f"{ROOT}/projects/p/runs/r/attempts/1"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        with process:
            process.kill()


def start(started: list[subprocess.Popen[bytes]], marker: str | None, script: str = "") -> int:
    """A process that waits for its standard input; with the mark of an attempt or without."""
    variables = {} if marker is None else {layout.MARKER: marker}
    argv = [sys.executable, "-S", "-E", "-c", script or "input()"]
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables, start_new_session=True
    )
    started.append(process)
    return process.pid


def test_a_process_of_a_run_is_ours(started: list[subprocess.Popen[bytes]]) -> None:
    """Of a run below this root; since when it runs is known to the second."""
    pid = start(started, ATTEMPT)
    found = owners.of([pid], ROOT)[pid]
    assert found.ours and found.user == owners.user_name(os.getuid())
    assert found.since is not None and abs(found.since - time.time()) < 60
    assert not owners.of([pid], "/data/me/overnight2")[pid].ours
    assert not owners.of([pid], "/data/me/over")[pid].ours


def test_a_process_that_no_run_started_is_not_ours(
    started: list[subprocess.Popen[bytes]],
) -> None:
    """Although the user is the same."""
    pid = start(started, None)
    assert not owners.of([pid], ROOT)[pid].ours


CHILD = """\
import subprocess, sys
child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], env={}, stdin=0)
print(child.pid, flush=True)
child.wait()
"""


def test_a_child_without_the_mark_is_ours_by_its_session(
    started: list[subprocess.Popen[bytes]],
) -> None:
    """Some programs start others with an environment of their own."""
    start(started, ATTEMPT, CHILD)
    out = started[0].stdout
    assert out is not None
    pid = int(out.readline())
    assert owners.of([pid], ROOT)[pid].ours


def test_a_process_of_ours_that_is_about_to_end_is_ours(
    started: list[subprocess.Popen[bytes]],
) -> None:
    """It has no environment any more, and its GPU memory may still drain."""
    pid = start(started, ATTEMPT)
    started[0].kill()
    wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z", what="its end")
    assert owners.of([pid], ROOT)[pid].ours


def test_a_process_that_ends_while_its_mark_is_looked_for(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its memory, with the mark, goes first; it is not a program that somebody typed by hand."""
    pid = start(started, ATTEMPT)
    looked_for = owners.is_of_a_run

    def too_late(pids: Iterable[int], root: str) -> bool:
        started[0].kill()
        wait_until(lambda: not Path(f"/proc/{pid}/cmdline").read_bytes(), what="its end")
        return looked_for(pids, root)

    monkeypatch.setattr(owners, "is_of_a_run", too_late)
    assert owners.of([pid], ROOT)[pid].ours


def test_a_process_that_is_gone_before_all_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for again, as one that was gone from the beginning is."""
    monkeypatch.setattr(identity, "stat", lambda pid: None)
    assert owners.of([os.getpid()], ROOT) == {os.getpid(): owners.Owner()}


def test_a_process_that_cannot_be_seen_is_nobodys() -> None:
    """Another namespace, hidepid, an end meanwhile; a driver that does not tell the pid says 0."""
    beyond = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1
    assert owners.of([beyond, 0], ROOT) == {beyond: owners.Owner(), 0: owners.Owner()}


def test_a_user_without_a_name_is_a_number() -> None:
    """Where a directory does not answer, or an account was deleted."""
    assert owners.user_name(0) == "root"

    def refuses(uid: int) -> str:
        raise KeyError(uid)

    assert owners.user_name(4321, refuses) == "4321"
