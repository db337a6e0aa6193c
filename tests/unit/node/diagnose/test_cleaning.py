"""From what is in the file to what a person would have read."""

from __future__ import annotations

import pytest

from overnight.node.diagnose import cleaning
from tests.unit.node.diagnose import logs


def test_of_a_progress_bar_the_last_states_are_left() -> None:
    """And the text that it was drawn over."""
    line = "".join(f"\r {n}%|#| {n}/99" for n in range(1, 99)) + "\rsomething went wrong\r 99%|##|"
    shown = cleaning.shown(line)
    assert "something went wrong" in shown
    assert len(shown) <= 3


def test_colours_and_controls_go() -> None:
    """Also the titles that some programs set."""
    assert (
        cleaning.tidy("\x1b[1;31mRuntime\x1b[0mError\x1b]0;title\x07: x\x08") == "RuntimeError: x"
    )


def test_a_long_line_keeps_its_ends() -> None:
    """What it begins with and what it ends with."""
    text = cleaning.tidy("begin " + "x" * 100_000 + " end")
    assert len(text) < 5000
    assert text.startswith("begin ") and text.endswith(" end")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[rank3]: Traceback", ("Traceback", "3")),
        ("[default1]: step", ("step", "1")),
        ('[default1]:  File "t.py", line 9', ('  File "t.py", line 9', "1")),
        ("[default1]:[rank5]: Traceback", ("Traceback", "5")),
        ('[default1]:[rank5]:   File "t.py"', ('  File "t.py"', "5")),
        ("[1,2]<stderr>: oh", ("oh", "2")),
        ("(Worker pid=12, ip=10.0.0.1) oh", ("oh", "Worker pid=12, ip=10.0.0.1")),
        ("3: Traceback (most recent call last):", ("Traceback (most recent call last):", "3")),
        ("trainer-1  | oh", ("oh", "trainer-1")),
        ("epoch: 3", ("epoch: 3", "")),
        ("  indented", ("  indented", "")),
    ],
)
def test_the_mark_of_the_writer(line: str, expected: tuple[str, str]) -> None:
    """Of torch, torchrun, mpirun, ray, srun and docker compose."""
    assert cleaning.source_of(line) == expected


def test_a_failure_behind_a_bar_is_found() -> None:
    """The traceback begins where the bar stopped."""
    log = "\r 10%|#\r 99%|#########" + logs.raising("RuntimeError: CUDA error: out of memory")
    assert logs.kind(log, exit_code=1) == "cuda_oom"
