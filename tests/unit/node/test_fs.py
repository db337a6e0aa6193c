"""Files published whole, lines appended whole."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.node import fs


def test_publish_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    """The new content is there, and no temporary file."""
    target = tmp_path / "state.json"
    fs.publish(str(target), b"old")
    fs.publish(str(target), b"new", mode=0o600)
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["state.json"]
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_failed_publish_keeps_the_old_file(tmp_path: Path) -> None:
    """A folder in the place of the file: an error, the old thing stays, nothing is left beside."""
    (tmp_path / "state.json").mkdir()
    with pytest.raises(OSError):
        fs.publish(str(tmp_path / "state.json"), b"new")
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_torn_line_is_closed_and_passed_over(tmp_path: Path) -> None:
    """A crash in the middle of a line costs that line and no other."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"seq":1}\n{"seq":2')
    fs.append_line(str(path), {"seq": 3})
    assert [value["seq"] for _, value in fs.json_lines(str(path))] == [1, 3]


def test_a_line_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    """Reading goes on from the offset once the line is whole."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a":1}\n{"b"')
    ((offset, _),) = fs.json_lines(str(path))
    path.write_bytes(b'{"a":1}\n{"b":2}\n')
    assert [value for _, value in fs.json_lines(str(path), offset)] == [{"b": 2}]


@given(st.text())
def test_inside_never_leads_out(relative: str) -> None:
    """Whatever the text, the path lies in the folder or is refused."""
    try:
        found = fs.inside("/root/of/it", relative)
    except ValueError:
        return
    assert found == "/root/of/it" or found.startswith("/root/of/it/")


def test_all_is_flushed_where_python_has_no_ctypes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some are built without; more is flushed then than is ours."""
    flushed: list[str] = []
    monkeypatch.setattr(os, "sync", lambda: flushed.append("all"))
    fs.sync_all(str(tmp_path))
    assert flushed == []
    monkeypatch.setitem(sys.modules, "ctypes", None)
    fs.sync_all(str(tmp_path))
    assert flushed == ["all"]
