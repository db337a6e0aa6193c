"""Bounded looks at the outputs of a training, and the rate at which they grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight.node import growth


def write(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def test_counts_what_lies_below(tmp_path: Path) -> None:
    """Files at any depth; links are not followed, and tools' own folders are left out."""
    write(tmp_path / "out" / "a.pt", 10)
    write(tmp_path / "out" / "deep" / "er" / "b.pt", 30)
    write(tmp_path / "out" / "wandb" / "system.log", 500)
    write(tmp_path / "data" / "big", 700)
    (tmp_path / "out" / "link").symlink_to(tmp_path / "data")
    seen = growth.look([str(tmp_path / "out"), str(tmp_path / "missing")])
    assert (seen.total_bytes, seen.files, seen.largest_bytes, seen.whole) == (40, 2, 30, True)


def test_growth_is_any_change(tmp_path: Path) -> None:
    """A longer file, a new one, one written anew; the first look has nothing to compare."""
    path = write(tmp_path / "a", 10)
    first = growth.look([str(tmp_path)])
    assert not growth.has_grown(None, first)
    assert not growth.has_grown(first, growth.look([str(tmp_path)]))
    write(path, 11)
    assert growth.has_grown(first, growth.look([str(tmp_path)]))


def test_a_large_tree_is_looked_at_in_part(tmp_path: Path) -> None:
    """The newest folders come first, so that a checkpoint being written is seen."""
    import os

    for number in range(30):
        folder = write(tmp_path / f"old-{number}" / "file", 1).parent
        os.utime(folder, (1000 + number, 1000 + number))
    write(tmp_path / "new" / "model.pt", 1000)
    seen = growth.look([str(tmp_path)], most_entries=35)
    assert not seen.whole
    assert seen.largest_bytes == 1000


def test_looks_keep_their_distance(tmp_path: Path) -> None:
    """At most every ten seconds."""
    outputs = growth.Outputs([str(tmp_path)])
    assert outputs.look(100.0) is not None
    assert outputs.look(109.0) is None
    assert outputs.look(100.0 + 10 * growth.EVERY_S) is not None


def test_a_rate_needs_a_whole_window() -> None:
    """Bytes a second over the last so many seconds, and no older ones."""
    rate = growth.Rate(60.0)
    for second in range(0, 60, 10):
        rate.mark(float(second), 1000 * second)
    assert rate.bytes_s() is None
    for second in range(60, 200, 10):
        rate.mark(float(second), 1000 * 60)
    assert rate.bytes_s() == pytest.approx(0.0)
