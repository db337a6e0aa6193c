"""What becomes of a request that cannot be answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from overnight.node import requests, wire


def test_a_lock_that_is_held_is_a_busy_server(tmp_path: Path, monkeypatch: Any) -> None:
    """A process that was stopped while it held a lock: the laptop may ask again later."""

    def held(*_: Any) -> Any:
        raise TimeoutError("launch.lock is held by another process for 30 s")

    monkeypatch.setitem(requests.VERBS, "ping", held)
    frame = wire.Frame({"id": 1, "verb": "ping"}, b"")
    with pytest.raises(requests.Refused) as refused:
        requests.answer(str(tmp_path), frame, wire.Reader(0))
    assert refused.value.code == "busy"
    assert "launch.lock" in refused.value.message
