from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.core import errors
from overnight.results.pulling import landing

PIECES = st.sampled_from(
    ["..", ".", "", "a", "b", "inside", "outside", ".pull", ".PULL", "~", "c:"]
)
PATHS = st.lists(PIECES, min_size=1, max_size=6).map("/".join) | st.text(max_size=12)


@settings(max_examples=30, deadline=None)
@given(PATHS)
def test_no_path_writes_outside(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    """Whatever path a server names, bytes land below the destination or nowhere."""
    base = tmp_path_factory.mktemp("landing")
    (base / "far").mkdir()
    (base / "here").mkdir()
    (base / "here" / "outside").symlink_to(base / "far")
    if landing.leads_outside(path) or landing.is_unusable(path):
        return
    with landing.Landing(base / "here") as place:
        try:
            with place.part(path, 0) as part:
                part.write(b"bytes")
            place.publish(path, 1)
        except errors.UsageError:
            pass
    assert list((base / "far").iterdir()) == []
    assert sorted(each.name for each in base.iterdir()) == ["far", "here"]
    landed = base / "here" / path
    assert not landed.exists() or os.path.realpath(landed).startswith(str(base / "here"))


@given(PATHS)
def test_climbing_is_always_seen(path: str) -> None:
    """A path that passes the check is relative and has no step upwards."""
    if not landing.leads_outside(path):
        assert not os.path.isabs(path)
        assert os.path.normpath(path) == path
        assert ".." not in path.split("/")


def test_publish_keeps_the_time_and_the_old_file_until_then(tmp_path: Path) -> None:
    """The old content stays under its name until the new one is whole."""
    (tmp_path / "a.txt").write_bytes(b"old")
    with landing.Landing(tmp_path) as place:
        with place.part("a.txt", 0) as part:
            part.write(b"new")
        assert (tmp_path / "a.txt").read_bytes() == b"old"
        place.publish("a.txt", 12345)
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert (tmp_path / "a.txt").stat().st_mtime_ns == 12345
