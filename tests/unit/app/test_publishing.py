"""Files of the laptop: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from overnight.app import publishing
from overnight.core import errors


def test_what_was_there_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """Bytes as they are, and text also with half characters."""
    path = tmp_path / "a.txt"
    publishing.publish(path, b"\xff\x00")
    assert path.read_bytes() == b"\xff\x00"
    publishing.publish(path, "a \udc80\n")
    assert path.read_text() == "a \\udc80\n"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_who_may_read_it_is_left_to_the_umask(tmp_path: Path) -> None:
    """As with every other file that somebody makes."""
    before = os.umask(0o002)
    try:
        publishing.publish(tmp_path / "a", "")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o664


def test_a_name_that_cannot_be_written(tmp_path: Path) -> None:
    """Said with the name and with what to type; what is there stays, and nothing else comes."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(errors.UsageError, match=r"folder cannot be written: ") as caught:
        publishing.asked_for(tmp_path / "folder", "a", hint="another -o FILE")
    assert caught.value.hint == "another -o FILE"
    assert os.listdir(tmp_path) == ["folder"]
