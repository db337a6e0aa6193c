"""Whether the files that a training writes grow: a bounded look at its outputs, and what follows.

A look takes the newest folders first and ends after `MOST_ENTRIES`, so that a tree of a million
files costs no more than a small one. Files of tools that write on their own account whatever the
training does are left out.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from typing import Iterable, NamedTuple, Sequence

MOST_ENTRIES = 2000
EVERY_S = 10.0
COST_SHARE = 0.001  # of the time goes into looking, at most
NOT_OUTPUT = frozenset(
    {
        *("wandb", "mlruns", ".git", "__pycache__", ".ipynb_checkpoints", ".cache", ".venv"),
        *("node_modules", ".mypy_cache", ".pytest_cache", ".overnight"),
    }
)


class Seen(NamedTuple):
    """`total_bytes` of `files` files; `newest_ns` is the youngest change of any of them.

    `largest_bytes`: of the largest one. `whole` is False where there are more than were looked at.
    """

    total_bytes: int = 0
    files: int = 0
    newest_ns: int = 0
    largest_bytes: int = 0
    whole: bool = True


def look(roots: Iterable[str], most_entries: int = MOST_ENTRIES) -> Seen:
    """What lies below `roots`, files or folders; links below them are not followed."""
    seen, left = Seen(), most_entries
    waiting = [(0, root) for root in roots]
    while waiting:
        waiting.sort()
        _, path = waiting.pop()
        for entry in entries(path):
            if left == 0:
                return seen._replace(whole=False)
            left -= 1
            with contextlib.suppress(OSError):  # gone meanwhile
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in NOT_OUTPUT:
                        waiting.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.path))
                elif entry.is_file(follow_symlinks=False):
                    seen = plus(seen, entry.stat(follow_symlinks=False))
    return seen


def entries(path: str) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(path) as listing:
            yield from listing
    except OSError:  # not there (yet), or no folder
        return


def plus(seen: Seen, stat: os.stat_result) -> Seen:
    return Seen(
        seen.total_bytes + stat.st_size,
        seen.files + 1,
        max(seen.newest_ns, stat.st_mtime_ns),
        max(seen.largest_bytes, stat.st_size),
    )


class Outputs:
    """Looks at the outputs of a run now and then; seldom where a look takes long."""

    def __init__(self, roots: Sequence[str]) -> None:
        self.roots = roots
        self.due_at = float("-inf")

    def look(self, now: float) -> Seen | None:
        """None where the next look is not due yet. `now` in seconds of a monotonic clock."""
        if now < self.due_at:
            return None
        began = time.thread_time()
        seen = look(self.roots)
        self.due_at = now + max(EVERY_S, (time.thread_time() - began) / COST_SHARE)
        return seen


def has_grown(before: Seen | None, now: Seen) -> bool:
    """Also a file that was written anew, or removed, is a change that somebody made."""
    return before is not None and before != now


class Rate:
    """How fast a number of bytes grows, over the last `window_s` seconds. Pure."""

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self._marks: deque[tuple[float, int]] = deque()

    def mark(self, at: float, amount: int) -> None:
        marks = self._marks
        marks.append((at, amount))
        while len(marks) > 2 and marks[1][0] <= at - self.window_s:
            marks.popleft()

    def bytes_s(self) -> float | None:
        """None until a whole window was seen."""
        if not self._marks or self._marks[-1][0] - self._marks[0][0] < self.window_s:
            return None
        (began, before), (ended, after) = self._marks[0], self._marks[-1]
        return (after - before) / (ended - began)
