"""When waiting runs will start, by the estimates: the decision, played forward."""

from __future__ import annotations

from typing import Hashable, Iterable

from overnight.node.queueing.board import end_of
from overnight.node.queueing.deciding import decide
from overnight.node.queueing.values import Host, Running, Start, Waiting

MOST_LOOKS = 1_000_000  # at a waiting run: about a second


def forecast(
    waiting: Iterable[Waiting], running: Iterable[Running], hosts: Iterable[Host], now: float
) -> dict[Hashable, float | None]:
    """The expected start of each waiting run; None where it cannot be known.

    It cannot where it depends on the end of a run that nobody has an estimate of, or that is not
    among these, where no host can serve the run, and far down a long line: there are MOST_LOOKS at
    runs in all.
    """
    hosts, left = tuple(hosts), {run.key: run for run in waiting}
    begins: dict[Hashable, float | None] = dict.fromkeys(left)
    active: list[Running] = [
        run if run.ends_at is None else run._replace(ends_at=end_of(run, now)) for run in running
    ]
    promised: Hashable | None = None
    ended: set[Hashable] = set()
    looks = 0
    while looks < MOST_LOOKS:
        looks += 1 + len(left)
        ready = [run for run in left.values() if run.after <= ended]
        decision = decide(ready, active, hosts, now, promised)
        promised = decision.reserved and decision.reserved.key
        for start in decision.starts:
            begins[start.key] = now
            active.append(started(left.pop(start.key), start, now))
        ends = [run.ends_at for run in active if run.ends_at is not None]
        if not left or not ends:
            break
        now = min(ends)
        over = {run.key for run in active if run.ends_at is not None and run.ends_at <= now}
        active = [run for run in active if run.key not in over]
        ended |= over
    return begins


def started(run: Waiting, start: Start, now: float) -> Running:
    """What a waiting run is after its start."""
    ends_at = None if run.expected_s is None else now + run.expected_s
    share = min(1.0, run.gpus) if run.gpus else 1.0
    held = start.host, start.gpus, share, run.memory_mib, ends_at
    return Running(run.key, *held, run.group, now)
