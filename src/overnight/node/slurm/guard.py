"""The first process of a job: it keeps the run supervised, and leaves nothing running behind.

Slurm knows a job by its first process. Where the site does not track jobs by cgroups, what a
killed supervisor leaves behind would compute on, on GPUs that Slurm gives to the next job. So the
supervisor is a child; where it dies it is started again, as the watch does on other servers, and
what is left of the attempt ends with us. Signals for the batch shell are passed on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Callable

from overnight.node import journal, layout, processes, states

PASSED_ON = (signal.SIGTERM, signal.SIGUSR2)
MOST_DEATHS = 5
PAUSE_S = 1.0
GRACE_S = 10.0


def watch_over(run: layout.Run, supervise: Callable[[], None]) -> None:
    """Runs `supervise` in a child until it ends well, the run has ended or we are to go."""
    seen: list[int] = []
    deaths = 0
    while True:
        code = in_a_child(supervise, seen)
        if code == 0 or not is_active(run):
            break
        deaths += 1
        if deaths >= MOST_DEATHS or seen:
            break
        time.sleep(PAUSE_S)
    clear_up(run)


def in_a_child(work: Callable[[], None], seen: list[int]) -> int:
    """The child's exit code, negative for a signal. What we are told it is told; `seen` has all."""
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    pid = os.fork()
    if pid == 0:
        run_and_exit(work)

    def pass_on(number: int, _: object) -> None:
        seen.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    status = os.waitpid(pid, 0)[1]
    for number in PASSED_ON:  # the number may be another process's from now on
        signal.signal(number, lambda number, _: seen.append(number))
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def run_and_exit(work: Callable[[], None]) -> None:
    """`work` lets the signals come when it knows what to do with them."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def is_active(run: layout.Run) -> bool:
    return journal.state(run).state in states.ACTIVE


def clear_up(run: layout.Run) -> None:
    """Ends what still runs here of the newest attempt."""
    attempts = journal.state(run).attempts
    if attempts:
        processes.end(run.attempt(attempts[-1].n), GRACE_S, spare=lambda _: False)
