"""Identity, locks, and signals that reach only what is ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from overnight.node import identity, layout, lock, processes, shim
from tests.waiting import wait_until

SLEEP = [sys.executable, "-S", "-E", "-c", "import time; time.sleep(60)"]


def start(attempt: Path | None, command: list[str] = SLEEP) -> subprocess.Popen[bytes]:
    """A process in a session of its own, with our marker where an attempt is given."""
    variables = dict(os.environ)
    if attempt is not None:
        variables[layout.MARKER] = str(attempt)
    return subprocess.Popen(command, env=variables, start_new_session=True)


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def test_a_reused_pid_is_somebody_else() -> None:
    """Same pid, other start time or boot: not alive, and not signalled."""
    process = start(None)
    try:
        who = identity.of(process.pid)
        assert who is not None and identity.alive(who)
        reused = who._replace(start_ticks=who.start_ticks - 1)
        rebooted = who._replace(boot_id="00000000-0000-0000-0000-000000000000")
        for stranger in (reused, rebooted):
            assert not identity.alive(stranger)
            assert not processes.send(stranger, signal.SIGKILL)
        assert process.poll() is None
    finally:
        end(process)


def test_a_zombie_has_ended() -> None:
    """A process that waits to be reaped does not count as living."""
    process = start(None, [sys.executable, "-S", "-E", "-c", ""])
    who = identity.of(process.pid)
    assert who is not None
    wait_until(lambda: not identity.alive(who), what="the process to end")
    process.wait()


def test_strange_process_names_parse() -> None:
    """The name in /proc/PID/stat may hold brackets, blanks and line ends."""
    line = "42 (a) b (c\n) S 1 40 39 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0"
    found = identity.parse_stat(line)
    assert found is not None
    assert (found.pid, found.group, found.session, found.start_ticks) == (42, 40, 39, 777)
    assert identity.parse_stat("nonsense") is None


def test_only_marked_processes_are_ended(tmp_path: Path) -> None:
    """A labmate's process with the same command line is left alone."""
    ours, theirs = start(tmp_path / "1"), start(tmp_path / "10")
    try:
        wait_until(lambda: processes.of_attempt(str(tmp_path / "1")), what="our process")
        assert processes.end(str(tmp_path / "1"), 5.0, spare=lambda _: False)
        assert ours.wait(timeout=10) == -signal.SIGTERM
        assert theirs.poll() is None
    finally:
        end(ours)
        end(theirs)


def test_what_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    """SIGTERM first, SIGKILL only when the grace is over."""
    ready = tmp_path / "ready"
    text = (
        "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    process = start(tmp_path, [sys.executable, "-c", text])
    wait_until(ready.exists, what="the handler to be in place")
    assert processes.end(str(tmp_path), 0.2, spare=lambda _: False)
    assert process.wait(timeout=10) == -signal.SIGKILL


def test_children_without_the_marker_belong_to_the_session(tmp_path: Path) -> None:
    """A child that dropped its environment is still found, through the session it sits in."""
    text = "import subprocess, sys, time; subprocess.Popen(['sleep', '60'], env={}); time.sleep(60)"
    process = start(tmp_path, [sys.executable, "-c", text])
    try:
        wait_until(lambda: len(processes.of_attempt(str(tmp_path))) == 2, what="both processes")
    finally:
        processes.end(str(tmp_path), 1.0, spare=lambda _: False)
        process.wait()


def run_shim(attempt: Path, command: list[str]) -> int:
    attempt.mkdir(exist_ok=True)
    return subprocess.run(shim.argv(str(attempt), command), stdin=subprocess.DEVNULL).returncode


def test_the_shim_records_the_exit_code(tmp_path: Path) -> None:
    """Exit codes and signals end up in the file, and who the shim was."""
    assert run_shim(tmp_path / "1", ["sh", "-c", "exit 42"]) == 42
    assert shim.exit_code(str(tmp_path / "1")) == 42
    run_shim(tmp_path / "2", ["sh", "-c", "kill -9 $$"])
    code = shim.exit_code(str(tmp_path / "2"))
    assert shim.signal_of(code) == signal.SIGKILL
    assert identity.from_shim((tmp_path / "2" / "shim").read_text()) is not None


def test_a_shell_word_is_the_program_of_that_name(tmp_path: Path) -> None:
    """`exit` and `test` as commands are looked up in PATH, not taken as the shell's own words."""
    assert run_shim(tmp_path / "1", ["exit", "0"]) == 127
    assert run_shim(tmp_path / "2", ["test", "1", "=", "1"]) == 0


def test_an_attempt_is_started_once(tmp_path: Path) -> None:
    """A second shim for the same attempt starts nothing (law 3)."""
    count = f"echo x >> {tmp_path}/count"
    run_shim(tmp_path / "1", ["sh", "-c", count])
    run_shim(tmp_path / "1", ["sh", "-c", count])
    assert (tmp_path / "count").read_text() == "x\n"


def test_the_shim_outlives_what_ends_the_command(tmp_path: Path) -> None:
    """SIGTERM to the whole group: the command dies of it, the shim writes that down."""
    (tmp_path / "1").mkdir()
    process = subprocess.Popen(
        shim.argv(str(tmp_path / "1"), ["sleep", "60"]), start_new_session=True
    )
    wait_until(lambda: "sleep" in map(comm, group(process.pid)), what="the command to run")
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=10)
    assert shim.signal_of(shim.exit_code(str(tmp_path / "1"))) == signal.SIGTERM


def comm(pid: int) -> str:
    path = Path(f"/proc/{pid}/comm")
    return path.read_text().strip() if path.exists() else ""


def group(leader: int) -> list[int]:
    return [s.pid for s in identity.every() if s.group == leader and s.state not in "ZX"]


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    """While one holds it nobody else gets it; its end frees it."""
    path = str(tmp_path / "lock")
    first, second = lock.Lock(path), lock.Lock(path)
    assert first.try_acquire()
    assert not second.try_acquire()
    first.release()
    assert second.try_acquire()
    second.release()


def test_a_folder_lock_of_a_dead_holder_is_taken_over(tmp_path: Path) -> None:
    """Where flock is missing: a holder that has ended does not lock for ever."""
    folder = str(tmp_path / "lock.d")
    process = start(None, [sys.executable, "-S", "-E", "-c", ""])
    dead = identity.of(process.pid)
    process.wait()
    assert dead is not None
    assert lock.make_folder_lock(folder)
    (Path(folder) / "holder").write_text(str(list(dead)).replace("'", '"'))
    held = lock.Lock(str(tmp_path / "lock"))
    assert held._try_folder()
    held.release()
    assert not os.path.exists(folder)
