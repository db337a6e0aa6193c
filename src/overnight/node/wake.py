"""Waiting that ends early when something has happened."""

from __future__ import annotations

import contextlib
import os
import select
import signal


class Wake:
    """Waits for a tick, cut short by the end of a child or by SIGUSR1 (somebody has a wish)."""

    def __init__(self) -> None:
        self.read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # Handlers, not SIG_IGN: a program that we start would inherit that.
        for number in (signal.SIGCHLD, signal.SIGUSR1, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)

    def wait(self, timeout_s: float) -> None:
        ready, _, _ = select.select([self.read_end], [], [], timeout_s)
        if ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self.read_end, 4096)
