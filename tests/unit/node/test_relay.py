"""DeepSpeed's ranks, each with a log of its own, in the common output."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from overnight.node import relay


@pytest.fixture
def ranks(tmp_path: Path) -> Path:
    folder = tmp_path / "ranks"
    folder.mkdir()
    (tmp_path / "output.log").write_text("launcher\n")
    return folder


def log(ranks: Path, rank: int) -> Path:
    return ranks / f"20260101000000_rank{rank}.log"


def write(ranks: Path, rank: int, text: str) -> None:
    with open(log(ranks, rank), "ab") as file:
        file.write(text.encode())


def output(ranks: Path) -> str:
    return (ranks.parent / "output.log").read_bytes().decode()


def test_lines_are_copied_once_with_their_writer(ranks: Path) -> None:
    """Only whole ones, as long as more may come."""
    copying = relay.Relay(str(ranks.parent), {})
    write(ranks, 0, "epoch 1\nhalf of")
    write(ranks, 1, "hello\n")
    copying.copy()
    assert output(ranks) == "launcher\n[default0]:epoch 1\n[default1]:hello\n"
    write(ranks, 0, " a line\n")
    copying.copy()
    copying.copy()
    assert output(ranks).endswith("[default1]:hello\n[default0]:half of a line\n")


def test_the_end_is_copied_without_a_line_end_too(ranks: Path) -> None:
    """And however much had not been copied."""
    copying = relay.Relay(str(ranks.parent), {})
    write(ranks, 1, ("y" * 999 + "\n") * 2000)
    write(ranks, 0, "first\n" + "x" * (2 * relay.PIECE_BYTES) + "\nlast word")
    copying.finish()
    assert output(ranks).count("[default1]:" + "y" * 999 + "\n") == 2000
    assert output(ranks).count("x") == 2 * relay.PIECE_BYTES
    assert "[default0]:last word" in output(ranks)


def test_a_progress_bar_is_seen_before_its_line_ends(ranks: Path) -> None:
    """Another rank's line does not stand in the middle of it."""
    copying = relay.Relay(str(ranks.parent), {})
    write(ranks, 0, " 1%|\r 2%|\r 3%")
    copying.copy()
    write(ranks, 0, "|\r")
    copying.copy()
    write(ranks, 1, "hello\n")
    copying.copy()
    shown = "launcher\n[default0]: 1%|\r 2%|\r 3%|\r\n[default1]:hello\n"
    assert output(ranks) == shown


def test_the_next_supervisor_goes_on_where_the_last_one_was(ranks: Path) -> None:
    """By the heartbeat; what lies in it is not trusted."""
    write(ranks, 0, "one\n")
    first = relay.Relay(str(ranks.parent), {})
    first.copy()
    beat = {"relayed": {**first.offsets, "x": -1, "y": "z", "w": True}}
    assert relay.offsets_of(beat) == first.offsets
    write(ranks, 0, "two\n")
    relay.Relay(str(ranks.parent), relay.offsets_of(beat)).copy()
    assert output(ranks) == "launcher\n[default0]:one\n[default0]:two\n"
    assert [relay.offsets_of(each) for each in (None, [], {"relayed": 3})] == [{}, {}, {}]


def test_links_and_other_files_are_not_copied(ranks: Path) -> None:
    """A training may put anything there."""
    (ranks.parent / "private").write_text("secret\n")
    os.symlink(ranks.parent / "private", log(ranks, 0))
    (ranks / "notes.log").write_text("notes\n")
    relay.Relay(str(ranks.parent), {}).finish()
    assert output(ranks) == "launcher\n"


OPTION = "--enable_each_rank_log=/a"


@pytest.mark.parametrize(
    ("settings", "argv", "expected"),
    [
        ({"rank_logs": "/a"}, ["deepspeed", OPTION], True),
        ({}, ["deepspeed", OPTION], False),
        ({"rank_logs": "/a"}, ["torchrun", "--log-dir=/a"], False),
        (None, None, False),
    ],
)
def test_only_logs_that_we_asked_for_are_copied(
    settings: object, argv: object, expected: bool
) -> None:
    """torchrun shows its ranks itself; who chose a folder reads it there."""
    assert relay.needed({"settings": settings, "argv": argv}) == expected
