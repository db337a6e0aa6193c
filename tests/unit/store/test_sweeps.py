"""What the laptop remembers of sweeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.store import mirror
from overnight.store.sweeps import SweptRun


@pytest.fixture
def store(tmp_path: Path) -> Iterator[mirror.Mirror]:
    made = mirror.Mirror(tmp_path)
    yield made
    made.close()


def test_a_run_keeps_its_server(store: mirror.Mirror) -> None:
    """Remembered once more with another server and further runs: the first server holds."""
    store.sweeps.remember("s", 5.0, {"mode": "grid"}, [SweptRun("s-1", "gpu1", {"index": 1})])
    more = [SweptRun("s-1", "gpu2", {"index": 7}), SweptRun("s-0", "gpu2", {"index": 0})]
    store.sweeps.remember("s", 9.0, {"mode": "ablate"}, more)
    assert store.sweeps.runs("s") == [
        SweptRun("s-0", "gpu2", {"index": 0}),
        SweptRun("s-1", "gpu1", {"index": 1}),
    ]
    assert store.sweeps.definition("s") == {"mode": "ablate"}
    assert store.sweeps.known() == {"s": 5.0}


def test_sweeps_by_age(store: mirror.Mirror) -> None:
    """The oldest first; nothing is known of others."""
    for name, at in (("b", 2.0), ("a", 3.0), ("c", 1.0)):
        store.sweeps.remember(name, at, {}, [])
    assert list(store.sweeps.known()) == ["c", "b", "a"]
    assert store.sweeps.definition("x") is None
    assert store.sweeps.runs("x") == []


def test_a_mirror_of_before(tmp_path: Path) -> None:
    """A file without sweeps is brought up to date, and keeps what it has."""
    made = mirror.Mirror(tmp_path)
    made.record("gpu1", 1.0, [{"run": "a"}], {})
    with made.db:
        made.db.execute("DROP TABLE sweeps")
        made.db.execute("DROP TABLE sweep_runs")
        made.db.execute("DROP TABLE moves")
        made.db.execute("DROP TABLE unreachable")
        made.db.execute("PRAGMA user_version = 2")
    made.close()
    again = mirror.Mirror(tmp_path)
    assert again.sweeps.known() == {}
    assert again.where("a") == ["gpu1"]
    again.close()
