"""How long a run has given no sign of life, by the server's own clock."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.node import look


@pytest.mark.parametrize(
    ("state", "beat_at", "supervised", "expected"),
    [
        ("running", 990.0, True, 10.0),
        ("running", 0.0, True, 100.0),
        ("running", 2000.0, True, 0.0),
        ("queued", 0.0, True, 0.0),
        ("queued", 0.0, False, 100.0),
        ("repairing", 990.0, False, 10.0),
        ("finished", 0.0, False, None),
        ("needs-decision", 0.0, False, None),
    ],
)
def test_silence(state: str, beat_at: float, supervised: bool, expected: float | None) -> None:
    """A heartbeat while an attempt runs; else a supervisor that lives; else the last event."""
    told: dict[str, Any] = {"state": state, "changed_at": 900.0}
    heartbeat = {"time": beat_at} if beat_at else {}
    assert look.silent_s(told, heartbeat, supervised, 1000.0) == expected
