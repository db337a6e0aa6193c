"""How long a log may be silent, by its own lines."""

from __future__ import annotations

import pytest

from overnight.node import diagnose
from overnight.node.diagnose import pace
from tests.unit.node.diagnose import logs

CLOCKED = "".join(f"10:{minute:02}:00 INFO epoch {minute}/90\n" for minute in range(20))
BAR = " 9%|#   | 9/99 [01:30<15:00, 10.0s/it, loss=1.2]\n" * 20


@pytest.mark.parametrize(
    ("log", "usual_s"),
    [(CLOCKED, 60.0), (BAR, 10.0), (BAR.replace("s/it", "it/s"), 0.1), ("words\n", 0.0)],
)
def test_the_usual_pause(log: str, usual_s: float) -> None:
    """From clocks and from progress bars."""
    assert pace.usual_pause_s(diagnose.Log.of_bytes(log.encode()).lines) == pytest.approx(usual_s)


@pytest.mark.parametrize(
    ("log", "silent_s", "expected"),
    [
        (CLOCKED, 200.0, "running"),
        (CLOCKED, 301.0, "hang"),
        (BAR, 49.0, "running"),
        (BAR, 51.0, "hang"),
        (logs.progress(), 5.0, "running"),
        (logs.progress(), 60.0, "hang"),
    ],
)
def test_silence_is_measured_by_it(log: str, silent_s: float, expected: str) -> None:
    """Five times what is usual."""
    assert logs.kind(log, last_output_age_s=silent_s) == expected
