"""What processes do between two samples."""

from __future__ import annotations

import os
import signal

import pytest

from overnight.node import identity, vitals
from tests.unit.node.test_processes import SLEEP, end, start
from tests.waiting import wait_until


def sample(at: float, **processes: vitals.Process) -> vitals.Sample:
    return vitals.Sample(at, {int(name[1:]): each for name, each in processes.items()})


def process(cpu_s: float, read: int = 0, written: int = 0, state: str = "S") -> vitals.Process:
    return vitals.Process(state, cpu_s, read, written)


@pytest.mark.parametrize(
    ("later", "busy", "wrote"),
    [
        (process(10.4), False, False),
        (process(10.6), True, False),
        (process(10.0, read=2 << 20), True, False),
        (process(10.0, written=2 << 20), True, True),
        (process(9.0), False, False),
    ],
)
def test_busy_or_idle(later: vitals.Process, busy: bool, wrote: bool) -> None:
    """CPU time of the busiest process, or bytes of all; what was written counts as a result."""
    found = vitals.between(sample(0, p1=process(10.0)), sample(10, p1=later))
    assert (found.busy, found.wrote) == (busy, wrote)


def test_many_that_poll_are_idle_together() -> None:
    """Sixty-four ranks that wake up now and then do nothing."""
    before = sample(0, **{f"p{n}": process(1.0) for n in range(64)})
    after = sample(10, **{f"p{n}": process(1.2) for n in range(64)})
    assert not vitals.between(before, after).busy


def test_a_new_process_brings_its_own_work() -> None:
    """A program that was started meanwhile, and wrote a checkpoint."""
    after = sample(10, p1=process(10.0), p2=process(3.0, written=5 << 20))
    assert vitals.between(sample(0, p1=process(10.0)), after).wrote


def test_what_proc_says() -> None:
    """Names may hold brackets and blanks; an io file may be missing or closed to us."""
    line = "42 (a) b (c) R 1 40 39 0 -1 0 0 0 0 0 700 50 0 0 20 0 1 0 777 0 0"
    assert vitals.parse_stat(line) == vitals.Process("R", 750 / vitals.TICKS_S)
    assert vitals.parse_stat("42 (a) R 1") is None
    assert vitals.parse_io("rchar: 12\nwchar: 34\nsyscr: 5\n") == (12, 34)
    assert vitals.parse_io(None) == (0, 0)


def test_a_stopped_process_is_seen() -> None:
    """And one that has ended is left out."""
    child = start(None, SLEEP)
    try:
        who = identity.of(child.pid)
        assert who is not None
        os.kill(child.pid, signal.SIGSTOP)
        wait_until(lambda: vitals.sample([who], 0.0).suspended == (child.pid,), what="its stop")
    finally:
        end(child)
    assert vitals.sample([who], 0.0).processes == {}
