from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.results import metrics_jsonl
from tests.unit.results import folders


def values(folder: Path, path: Path) -> dict[str, list[tuple[object, ...]]]:
    curves = metrics_jsonl.read(path, folder)
    return {name: [point[:3] for point in curve] for name, curve in curves.items()}


def test_rows_become_curves(tmp_path: Path) -> None:
    """Each number of a row belongs to its metric and split, with step, epoch and line."""
    path = folders.jsonl(
        tmp_path,
        {"step": 1, "epoch": 0, "split": "train", "loss": 2.5, "time": 5},
        {"step": 1, "epoch": 0, "split": "val", "loss": 2.0, "acc": 0.5, "note": "x", "ok": True},
    )
    assert values(tmp_path, path) == {
        "train_loss": [(1, 0.0, 2.5)],
        "val_loss": [(1, 0.0, 2.0)],
        "val_acc": [(1, 0.0, 0.5)],
    }
    point = metrics_jsonl.read(path, tmp_path)["val_acc"][0]
    assert (point.source, point.line) == ("work/metrics.jsonl", 2)


def test_nan_and_infinity_are_kept(tmp_path: Path) -> None:
    """NaN and infinity come as tokens or as words."""
    path = folders.jsonl(tmp_path)
    path.write_text(
        '{"step":1,"loss":NaN}\n{"step":2,"loss":-Infinity}\n{"step":3,"loss":"NaN"}\n'
        '{"step":4,"loss":"+-nan"}\n'
    )
    found = [point.value for point in metrics_jsonl.read(path, tmp_path)["loss"]]
    assert math.isnan(found[0])
    assert found[1] == -math.inf
    assert math.isnan(found[2])
    assert len(found) == 3


def test_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    """A line that was cut by a crash does not end the reading, wherever it stands."""
    path = folders.jsonl(tmp_path)
    path.write_text(
        '{"step":1,"loss":2}\n{"step":2,"lo{"step":3,"loss":1}\n{"step":4,"loss":3}\n{"st'
    )
    assert values(tmp_path, path) == {"loss": [(1, None, 2.0), (4, None, 3.0)]}


def test_repeated_part_after_a_resume_counts_once(tmp_path: Path) -> None:
    """Where the training loss goes back, all that came after is replaced, in every series."""
    path = folders.jsonl(
        tmp_path,
        {"step": 1, "loss": 9.0},
        {"step": 2, "loss": 8.0},
        {"step": 2, "val_loss": 7.5},
        {"step": 3, "loss": 7.0},
        {"step": 4, "loss": 6.0},
        {"step": 4, "val_loss": 6.5},
        {"step": 3, "loss": 7.1},
        {"step": 4, "loss": 6.1},
    )
    assert values(tmp_path, path) == {
        "loss": [(1, None, 9.0), (2, None, 8.0), (3, None, 7.1), (4, None, 6.1)],
        "val_loss": [(2, None, 7.5)],
    }


def test_steps_that_begin_anew_with_each_epoch_are_no_resume(tmp_path: Path) -> None:
    """A step that goes back in a later epoch drops nothing."""
    rows = [{"epoch": e, "step": s, "loss": 1.0} for e in (1, 2) for s in (1, 2, 3)]
    path = folders.jsonl(tmp_path, *rows)
    assert len(values(tmp_path, path)["loss"]) == 6


def test_an_evaluation_with_its_own_steps_drops_no_training(tmp_path: Path) -> None:
    """Another series that counts from zero again only replaces itself."""
    path = folders.jsonl(
        tmp_path,
        {"step": 100, "loss": 1.0},
        {"split": "test", "step": 5, "acc": 0.1},
        {"step": 200, "loss": 0.9},
        {"split": "test", "step": 0, "acc": 0.2},
    )
    found = values(tmp_path, path)
    assert found["loss"] == [(100, None, 1.0), (200, None, 0.9)]


def test_files_nearest_to_the_top_come_first(tmp_path: Path) -> None:
    """All files of that name below `work` are found; links are not."""
    deep = folders.jsonl(tmp_path, name="outputs/a/metrics.jsonl")
    top = folders.jsonl(tmp_path)
    (tmp_path / "work/outputs/metrics.jsonl").symlink_to(top)
    assert metrics_jsonl.files(tmp_path) == [top, deep]
    assert metrics_jsonl.files(tmp_path / "none") == []


@pytest.mark.parametrize(
    "line", ["[]", "5", "null", '"x"', "{}", '{"step":"x","loss":1}', '{"":1,"/":2}', "[" * 5000,
             '{"step":1e400,"loss":1}', '{"epoch":NaN,"loss":1}', '{"loss":1' + "0" * 4000 + "}"]
)  # fmt: skip
def test_odd_lines_do_no_harm(tmp_path: Path, line: str) -> None:
    """Whatever is on a line, the others are read."""
    path = folders.jsonl(tmp_path)
    path.write_text(f'{line}\n{{"step":7,"acc":1}}\n')
    assert values(tmp_path, path)["acc"] == [(7, None, 1.0)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(["step", "epoch", "split", "loss", "val_acc", "mode"]) | st.text(max_size=4)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.dictionaries(KEYS, JSON, max_size=5), max_size=6))
def test_any_rows_are_read(tmp_path_factory: pytest.TempPathFactory, rows: list[object]) -> None:
    """No row of any kind raises."""
    folder = tmp_path_factory.getbasetemp()
    path = folder / "any.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    metrics_jsonl.read(path, folder)
