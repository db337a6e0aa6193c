from __future__ import annotations

from pathlib import Path

import pytest

from overnight.results import points


def at(step: int | None, epoch: float | None) -> points.Point:
    return points.Point(step, epoch, 1.0, "a", 1)


@pytest.mark.parametrize(
    ("point", "start", "after"),
    [
        (at(5, None), at(5, None), True),
        (at(4, None), at(5, None), False),
        (at(1, 2.0), at(9, 1.0), True),
        (at(9, 1.0), at(1, 2.0), False),
        (at(9, 1.0), at(1, 1.0), True),
        (at(None, 1.0), at(3, 1.0), True),
        (at(3, None), at(None, 1.0), False),
        (at(None, None), at(None, None), False),
    ],
)
def test_order_of_points(point: points.Point, start: points.Point, after: bool) -> None:
    """The epoch decides, then the step; what cannot be compared is not after."""
    assert points.is_at_or_after(point, start) is after


def test_a_link_is_no_file_of_a_result(tmp_path: Path) -> None:
    """Only regular files are read."""
    (tmp_path / "a").write_text("")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert points.is_file(tmp_path / "a")
    assert not points.is_file(tmp_path / "b")
    assert not points.is_file(tmp_path / "c")
