"""The table of a sweep, for a terminal of any width and in Markdown."""

from __future__ import annotations

import sys

import pytest

from overnight.cli import sweep_results
from overnight.results import sweep_text, wording
from overnight.results.comparison import remarks, sweeps
from overnight.results.comparison.arms import Comparison
from tests.unit.results import swept
from tests.unit.results.swept import BASE, HIGH


def example() -> Comparison:
    repair = {"class": "nan", "change": "lr 0.01 -> 0.005", "at": 1.0, "changes_science": True}
    return sweeps.compare(
        "lr-ablation",
        [
            *swept.seeds("b", [88, 90, 92], BASE),
            *swept.seeds("h", [91, 92, 93], HIGH),
            swept.run("h9", 99.9, HIGH, repairs=[repair], seed=9),
            swept.run("f", None, {"lr": 1}, state="failed", reason="KeyError: 'x'"),
        ],
    )


def test_table() -> None:
    """Best first, spread and interval beside it; what is not counted has a line of its own."""
    lines = sweep_text.table(example()).splitlines()
    assert lines[0] == "sweep lr-ablation, val_acc (max): 8 runs, 1 failed, 7 finished"
    assert lines[2].split() == ["lr", "n", "best", "last", "to", "base", "(95", "%)"]
    assert lines[3].split()[:5] == ["0.01", "3", "92.0", "±", "1.0"]
    assert "+2.0 [-0.5, +4.5]" in lines[3]
    assert lines[3].endswith("1 changed")
    assert "base" in lines[4]
    assert lines[5].endswith("1 failed")
    text = "\n".join(lines)
    assert "changed by a repair, so not in the mean; nan: lr 0.01 -> 0.005" in text
    assert "KeyError: 'x'" in text
    assert "\nb0" not in text
    assert "\nb0" in sweep_text.table(example(), every_run=True)


def test_the_best_is_bold() -> None:
    bold = [line for line in sweep_text.table(example(), color=True).splitlines() if "\x1b" in line]
    assert [line.removeprefix(wording.BOLD).split()[0] for line in bold] == ["0.01"]


def test_a_narrow_terminal() -> None:
    """Points stand below each other; nothing is cut off."""
    text = sweep_text.table(example(), width=40)
    assert all(len(line) <= 40 for line in text.splitlines())
    assert "92.0 ± 1.0" in text


def test_markdown() -> None:
    """Bars are escaped, the best row is bold, notes are a list."""
    runs = [swept.run("a", 90, {"aug": "a|b*"}), swept.run("b", 91, {"aug": "none"})]
    text = sweep_text.markdown(sweeps.compare("aug", runs))
    assert "| **none** | **1** | **91** | **90.5** |" in text
    assert "a\\|b\\*" in text
    assert f"- {remarks.ONE_SEED}" in text


def test_a_metric_that_no_server_saw_may_stand_in_files() -> None:
    """What to type for it; nothing of that where a run still goes on or a number is there."""
    hint = "overnight compare --sweep lr reads the runs' files"
    ended = sweeps.compare("lr", [swept.run("a", None, {"lr": 1}), swept.run("b", None, {"lr": 2})])
    assert hint in sweep_text.table(ended)
    assert hint in sweep_text.markdown(ended)
    assert "reads the runs' files" not in sweep_text.table(example())
    going = sweeps.compare("lr", [swept.run("a", None, {"lr": 1}, state="running")])
    assert "reads the runs' files" not in sweep_text.table(going)


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bold is none where the user wants no colours."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" in sweep_results.table(example())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in sweep_results.table(example())


def test_hostile_text() -> None:
    """Names, values and reasons come from files and servers."""
    run = swept.run("a\x1b[2J", 1.0, {"k\x07": "\x1b]0;t"}, state="failed", reason="\x1b[31m")
    found = sweeps.compare("lr", [run], {"gpu\x1b": ""})
    for text in (sweep_text.table(found), sweep_text.markdown(found)):
        assert not set(text) & set("\x1b\x07")


def test_so_far() -> None:
    """A run that goes on shows its best so far, marked."""
    found = sweeps.compare("lr", [swept.run("a", None, HIGH, state="running", now={"best": 77.0})])
    assert "77 so far" in sweep_text.table(found)
