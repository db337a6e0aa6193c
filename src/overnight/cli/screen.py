"""The talk of a command on a terminal: lines and one moving status line on standard error."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from overnight.cli import terminal
from overnight.core import text as words

SHOW_AFTER_S = 2.0
FRAME_S = 0.2
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Screen:
    """`busy` shows nothing for quick things, and nothing moving where nobody looks."""

    def __init__(self) -> None:
        self.moving = sys.stderr.isatty()
        self._line = ""
        self._lock = threading.Lock()
        self._filter = terminal.Filter()

    def say(self, text: str) -> None:
        with self._lock:
            self._clear()
            print(terminal.safe_text(text), file=sys.stderr, flush=True)

    def output(self, data: bytes) -> None:
        with self._lock:
            self._clear()
            sys.stderr.buffer.write(self._filter.feed(data) if self.moving else data)
            sys.stderr.buffer.flush()

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        if not self.moving:
            yield
            return
        done = threading.Event()
        thread = threading.Thread(target=self._spin, args=(text, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            with self._lock:
                self._clear()

    def progress(self, text: str, done: int, total: int) -> None:
        if self.moving and total:
            self._show(f"{text}  {size(done)} of {size(total)}")

    def _spin(self, text: str, done: threading.Event) -> None:
        began = time.monotonic()
        frame = 0
        while not done.wait(FRAME_S):
            waited_s = time.monotonic() - began
            if waited_s >= SHOW_AFTER_S:
                frame += 1
                self._show(f"{FRAMES[frame % len(FRAMES)]} {text}  {waited_s:.0f} s")

    def _show(self, line: str) -> None:
        with self._lock:
            self._line = words.printable(line)
            sys.stderr.write(f"\r\x1b[2K{self._line}")
            sys.stderr.flush()

    def _clear(self) -> None:
        if self._line:
            self._line = ""
            sys.stderr.write("\r\x1b[2K")


def size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"
