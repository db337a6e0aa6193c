from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from overnight.core import config
from overnight.results import comparison, summary, wording
from tests.unit.results import folders


def three(tmp_path: Path, **more: Any) -> comparison.Comparison:
    low = folders.result(tmp_path / "low", [90.0, 91.0], "python", "t.py", "--lr", "0.1", **more)
    words = ("python", "t.py", "--lr", "0.2", "--amp")
    high = folders.result(tmp_path / "high", [93.7, 93.5], *words, repairs=[], **more)
    none = folders.result(tmp_path / "none", [], "python", "t.py", "--lr=0.1", **more)
    return comparison.compare([low, high, none])


def test_only_what_differs_is_shown(tmp_path: Path) -> None:
    """Words of the command that all runs share are left out; a flag keeps its value."""
    assert three(tmp_path).differs == (("--lr 0.1",), ("--lr 0.2", "--amp"), ("--lr=0.1",))


def test_environment_and_code_may_differ(tmp_path: Path) -> None:
    """Variables and snapshots count as differences; the value of a secret is never shown."""
    env = {"WIDTH": "8", "HF_TOKEN": "hf_123", "SAME": "1"}
    one = folders.result(tmp_path / "a", [1.0], env=env, snapshot="aaa")
    two = folders.result(tmp_path / "b", [2.0], env={"SAME": "1"}, snapshot="bbb")
    found = comparison.compare([one, two])
    assert found.differs == (("HF_TOKEN=(hidden)", "WIDTH=8", "code aaa"), ("code bbb",))


def test_best_run_is_known_by_the_goal(tmp_path: Path) -> None:
    """Highest or lowest is best as the user's goal says; a single value is not the best of many."""
    assert three(tmp_path).best == {"high"}
    lowest = config.Metrics(primary="val_acc", goal="min")
    assert three(tmp_path, metrics=lowest).best == {"low"}
    alone = folders.result(tmp_path / "low", [90.0])
    assert comparison.compare([alone]).best == frozenset()


def test_table(tmp_path: Path) -> None:
    """Columns line up, repairs are marked, and the table says what it does not prove."""
    lines = comparison.table(three(tmp_path)).splitlines()
    assert lines[0] == "val_acc, baseline 95.5 (paper, table 2)"
    assert lines[1].split() == [
        "run",
        "state",
        "what",
        "differed",
        "best",
        "at",
        "last",
        "n",
        "repairs",
    ]
    assert lines[2].split("  ")[0] == "low"
    assert lines[2].endswith("cuda_oom: batch 64 -> 32 x 2")
    assert "93.7  epoch 1  93.5" in lines[3]
    assert lines[-1] == comparison.NOTE
    assert len({line.index(" finished") for line in lines[2:5]}) == 1


def test_best_row_is_bold_on_terminals_only(tmp_path: Path) -> None:
    """One bold row in colour; plain text has none."""
    found = three(tmp_path)
    bold = [
        line for line in comparison.table(found, color=True).splitlines() if wording.BOLD in line
    ]
    assert len(bold) == 1
    assert "high" in bold[0]
    assert wording.BOLD not in comparison.table(found)


def test_markdown_cannot_be_broken_by_a_cell(tmp_path: Path) -> None:
    """Pipes, tags and line ends in a command stay inside of their cell."""
    evil = "a|b<script>\n`*x*`"
    one = folders.result(tmp_path / "a", [1.0], "python", evil)
    two = folders.result(tmp_path / "b", [2.0], "python", "c")
    lines = comparison.markdown(comparison.compare([one, two])).splitlines()
    assert "a\\|b&lt;script>\\\\n\\`\\*x\\*\\`" in lines[4]
    assert "| **2** |" in lines[5]
    assert len(lines) == 8


def test_json_holds_each_result(tmp_path: Path) -> None:
    """Each run has its result, what differed and n."""
    found = json.loads(json.dumps(three(tmp_path).to_json(), allow_nan=False))
    assert (found["primary"], found["best"]) == ("val_acc", ["high"])
    assert [each["run"] for each in found["runs"]] == ["low", "high", "none"]
    assert (found["runs"][1]["differs"], found["runs"][1]["n"]) == (["--lr 0.2", "--amp"], 1)


def test_nothing_to_compare(tmp_path: Path) -> None:
    """No runs, or no primary metric, is said and not raised."""
    assert "no primary metric" in comparison.table(comparison.compare([]))
    bare = summary.summarise(tmp_path, {}, {}, None)
    assert "no primary metric" in comparison.markdown(comparison.compare([bare]))


def test_negative_values_belong_to_their_flag(tmp_path: Path) -> None:
    """`--x -1` is one word of a command, `-a -b` are two."""
    one = folders.result(tmp_path / "a", [1.0], "t", "--x", "-1", "-a", "-b")
    two = folders.result(tmp_path / "b", [1.0], "t", "--x", "-2", "-a", "-c")
    assert comparison.compare([one, two]).differs == (("--x -1", "-b"), ("--x -2", "-c"))


def test_changed_files_are_named(tmp_path: Path) -> None:
    """Where it is known which files differ, no hash is shown."""
    one = folders.result(tmp_path / "a", [1.0], snapshot="aaa")
    two = folders.result(tmp_path / "b", [2.0], snapshot="bbb")
    found = comparison.compare([one, two], {"aaa": "", "bbb": "changed: train.py"})
    assert found.differs == ((), ("changed: train.py",))


def test_a_narrow_terminal_has_runs_below_each_other(tmp_path: Path) -> None:
    """No line is longer than the terminal is wide, and nothing is lost."""
    wide, narrow = (comparison.table(three(tmp_path), width=width) for width in (300, 60))
    assert all(len(line) <= 60 for line in narrow.splitlines()[1:])
    assert "  what differed  --lr 0.2 --amp" in narrow.splitlines()
    assert "what differed" in wide.splitlines()[1]
