"""Ingesting with two processes: this one, and one that is started for the other half of the runs.

Each writes what it has read by itself; the store takes one at a time. The second is told the runs
on its standard input and answers with the name of each that it has done.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from overnight.app import ingesting
from overnight.app.ingesting import Plan
from overnight.store.series import SeriesStore

Told = Callable[[Plan], None]


def carry_out(store: SeriesStore, plans: Sequence[Plan], root: Path, told: Told) -> None:
    """Returns when all is done; what the second process did not do is done here."""
    mine, others = halves(plans)
    command = [sys.executable, "-m", "overnight.app.second_reader", str(root)]
    second = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        follower = threading.Thread(target=follow, args=(second, others, told), daemon=True)
        follower.start()
        ingesting.carry_out(store, mine, root, told)
        follower.join()
        second.wait()
    finally:
        end(second)
    ingesting.refresh(store, root, [plan.run for plan in others])


def halves(plans: Sequence[Plan]) -> tuple[list[Plan], list[Plan]]:
    """The biggest first, each to whom has less; the first half is ours and gets a little more,
    because the second process has to start.
    """
    halves: tuple[list[Plan], list[Plan]] = ([], [])
    sizes = [0.0, sum(plan.size for plan in plans) * 0.03]
    for plan in sorted(plans, key=lambda plan: plan.size, reverse=True):
        less = sizes.index(min(sizes))
        halves[less].append(plan)
        sizes[less] += plan.size
    return halves


def follow(second: subprocess.Popen[str], plans: Sequence[Plan], told: Told) -> None:
    """Gives the process its runs, and tells of each that it has done."""
    assert second.stdin is not None
    assert second.stdout is not None
    by_name = {plan.run: plan for plan in plans}
    with contextlib.suppress(OSError):  # it ended early; what it left is done by us
        second.stdin.write("".join(f"{run}\n" for run in by_name))
        second.stdin.close()
    for line in second.stdout:
        if plan := by_name.get(line.rstrip("\n")):
            told(plan)


def end(second: subprocess.Popen[str]) -> None:
    """Also after Ctrl-C, which the terminal has sent to both."""
    if second.poll() is None:
        second.terminate()
        second.wait()
    for pipe in (second.stdin, second.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def main(root: Path) -> None:
    runs = [line.rstrip("\n") for line in sys.stdin]
    with SeriesStore(root) as store:
        ingesting.refresh(store, root, runs, lambda plan: print(plan.run, flush=True))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(130)
