"""Files that grow, shrink and run away."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.node import reading


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


def test_only_what_is_new_is_read(log: Path) -> None:
    """Piece by piece, nothing twice."""
    log.write_bytes(b"one\n")
    assert reading.new(str(log), 0) == (b"one\n", 4)
    assert reading.new(str(log), 4) == (b"", 4)
    log.write_bytes(b"one\ntwo")
    assert reading.new(str(log), 4) == (b"two", 7)


def test_a_file_that_was_started_anew(log: Path) -> None:
    """It is shorter than it was: read from its beginning."""
    log.write_bytes(b"new\n")
    assert reading.new(str(log), 1000) == (b"new\n", 4)


def test_a_file_that_is_not_there(log: Path) -> None:
    """Nothing is new in it."""
    assert reading.new(str(log), 0) == (b"", 0)
    assert reading.tail(str(log), 10) == (b"", 0)


def test_what_is_far_behind_is_left_out_in_whole_lines(log: Path) -> None:
    """No line is put together from its two ends: `epoch 1` and `2/50` are not `epoch 12/50`."""
    line = b"epoch 12/50\n"
    log.write_bytes(line * 20_000)
    chunk, after = reading.new(str(log), 3)
    assert after == len(line) * 20_000
    assert len(chunk) <= reading.PIECE_BYTES
    assert chunk.startswith(b"\n")
    assert set(chunk[1:].splitlines(keepends=True)) == {line}


def test_far_behind_without_any_line_end(log: Path) -> None:
    """There is no whole line, so nothing is taken for one."""
    log.write_bytes(b"7" * 200_000)
    assert reading.new(str(log), 5) == (b"\n", 200_000)


@given(st.binary(max_size=200), st.integers(1, 60))
def test_the_tail_knows_its_line(content: bytes, limit: int) -> None:
    """The lines before the tail are counted exactly."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        end, before = reading.tail(file.name, limit)
    assert content.endswith(end)
    assert len(end) == min(limit, len(content))
    assert before == content[: len(content) - len(end)].count(b"\n")
