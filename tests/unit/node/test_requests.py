"""What becomes of a request that cannot be answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from overnight.node import requests, wire

SNAPSHOT = "0123456789abcdef"


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


def test_the_queue_says_what_a_run_would_miss(tmp_path: Path) -> None:
    """Links without a target, and whether the code is there; nothing where nobody asks."""
    (tmp_path / "data").mkdir()
    links = {"a": str(tmp_path / "data"), "b": "/no/such/place"}
    args = {"project": "p", "links": links, "snapshot": SNAPSHOT}
    told, _ = requests.VERBS["queue"](str(tmp_path), args, b"")
    assert (told["missing_links"], told["has_snapshot"]) == (["/no/such/place"], False)
    assert (told["waiting"], told["running"]) == ([], [])
    folder = tmp_path / "projects" / "p"
    (folder / "snapshots" / SNAPSHOT).mkdir(parents=True)
    (folder / "manifests").mkdir()
    (folder / "manifests" / f"{SNAPSHOT}.json").write_text("{}")
    assert requests.VERBS["queue"](str(tmp_path), args, b"")[0]["has_snapshot"] is True
    assert "missing_links" not in requests.VERBS["queue"](str(tmp_path), {}, b"")[0]
