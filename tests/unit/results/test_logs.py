from __future__ import annotations

from pathlib import Path

from overnight.results import logs


def read(path: Path, content: bytes) -> list[tuple[int, str]]:
    path.write_bytes(content)
    lines = logs.Lines(path)
    return [(lines.number, line) for line in lines]


def test_lines_are_numbered_from_one(tmp_path: Path) -> None:
    """Empty lines count; the last line needs no end."""
    assert read(tmp_path / "a", b"one\n\nthree") == [(1, "one\n"), (2, "\n"), (3, "three")]


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    """Binary in a log does not end the reading."""
    assert read(tmp_path / "a", b"\xff\x00\nnext\n")[1] == (2, "next\n")


def test_progress_bar_without_an_end_comes_in_whole_redraws(tmp_path: Path) -> None:
    """A line of several MiB of carriage returns is cut only where a redraw begins."""
    redraw = b"loss 0.123456789\r"
    found = read(tmp_path / "a", redraw * 200_000 + b"\nend\n")
    assert max(len(line) for _, line in found) <= logs.PIECE_BYTES + len(redraw)
    assert {len(line) % len(redraw) for number, line in found if number == 1} <= {0, 1}
    assert found[-1] == (2, "end\n")


def test_text_without_any_end_keeps_only_its_beginning(tmp_path: Path) -> None:
    """Megabytes without a line end do not fill the memory, and what follows is still read."""
    found = read(tmp_path / "a", b"x" * (3 * logs.PIECE_BYTES) + b"\nend\n")
    assert [number for number, _ in found] == [1, 2]
    assert len(found[0][1]) <= logs.PIECE_BYTES + logs.HEAD_BYTES
    assert found[-1] == (2, "end\n")
