from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.results import curves, names, reading
from overnight.results.formats import hf_results, hf_trainer_state, json_table
from overnight.results.parsing import documents, json_walk
from overnight.results.parsing.conventions import Convention
from tests.unit.results.formats import pieces

STATE = {
    "best_metric": 0.3,
    "epoch": 2.0,
    "global_step": 20,
    "log_history": [
        {"epoch": 0.5, "learning_rate": 1e-4, "loss": 2.5, "step": 5},
        {"epoch": 1.0, "eval_loss": 2.0, "eval_wer": 0.3, "eval_runtime": 9.0, "step": 10},
        {"epoch": 1.5, "learning_rate": 5e-5, "loss": 1.5, "step": 15},
        {"epoch": 2.0, "eval_loss": 1.8, "eval_wer": 0.4, "eval_runtime": 9.0, "step": 20},
        {"epoch": 2.0, "step": 20, "total_flos": 1e9, "train_loss": 2.0, "train_runtime": 60.0},
    ],
    "max_steps": 20,
    "num_train_epochs": 2,
}


def written(tmp_path: Path, name: str, content: object, **how: Any) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, **how))
    return path


def test_the_state_of_the_hf_trainer(tmp_path: Path) -> None:
    """The mean loss of the run has a name of its own; the best metric tells which way is better."""
    found = reading.read(written(tmp_path, "trainer_state.json", STATE, indent=2))
    assert found is not None
    assert found.format == "hf_trainer_state"
    assert pieces.plain(found.curves)["loss", None] == [
        (2.5, 5, 0.5, None, 6),
        (1.5, 15, 1.5, None, 19),
    ]
    assert pieces.values(found, "train_loss_mean") == [2.0]
    assert {each.name: each.goal for each in found.curves} == {
        "learning_rate": None, "loss": None, "eval_loss": None, "eval_wer": "min",
        "train_loss_mean": None,
    }  # fmt: skip
    assert found.settings[""]["num_train_epochs"] == 2
    assert names.fold("train_loss_mean") != names.fold("loss")


def test_a_state_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Wherever it was cut: what was whole before is there, and the place is told."""
    text = json.dumps(STATE, indent=2)
    whole = pieces.plain(hf_trainer_state.read(written(tmp_path, "a.json", text)).curves)
    for cut in range(text.index("2.5") + 30, len(text), 37):
        found = hf_trainer_state.read(written(tmp_path, "a.json", text[:cut]))
        for key, rows in pieces.plain(found.curves).items():
            assert rows == whole[key][: len(rows)]
        assert pieces.values(found, "loss")[0] == 2.5
        assert "the document breaks off here" in [each.why for each in found.skipped]


def test_a_best_metric_that_two_may_be_tells_nothing(tmp_path: Path) -> None:
    """No direction is guessed."""
    rows = [{"step": 1, "eval_a": 1.0, "eval_b": 1.0}, {"step": 2, "eval_a": 2.0, "eval_b": 2.0}]
    state = {"best_metric": 1.0, "log_history": rows}
    found = hf_trainer_state.read(written(tmp_path, "trainer_state.json", state))
    assert {each.goal for each in found.curves} == {None}


def test_results_of_the_hf_scripts(tmp_path: Path) -> None:
    """One value each; times and counts are none."""
    path = written(
        tmp_path,
        "all_results.json",
        {"epoch": 3.0, "eval_accuracy": 0.9, "eval_samples": 100, "train_loss": 0.5,
         "train_runtime": 9.0, "total_flos": 1.0},
        indent=4,
    )  # fmt: skip
    assert reading.reader_of(path) is not None
    found = hf_results.read(path)
    assert {(each.name, float(each.epoch[0])) for each in found.curves} == {
        ("eval_accuracy", 3.0),
        ("train_loss_mean", 3.0),
    }


@pytest.mark.parametrize("indent", [None, 2])
def test_the_history_of_a_keras_model(tmp_path: Path, indent: int | None) -> None:
    """A list for each metric; its place is the epoch, from 0."""
    history = {"loss": [3.0, math.nan, 1.0], "val_loss": [3.5, 2.5, 1.5]}
    path = written(tmp_path, "history.json", history, indent=indent)
    found = reading.read(path)
    assert found is not None
    assert found.format == "json_dict_history"
    assert [row[0::2] for row in pieces.plain(found.curves)["loss", None]] == [
        (3.0, 0.0, 3 if indent else 1),
        (None, 1.0, 4 if indent else 1),
        (1.0, 2.0, 5 if indent else 1),
    ]


def test_lists_with_an_axis_and_settings(tmp_path: Path) -> None:
    """A list of epochs is no metric; other lengths have no epochs."""
    content = {
        "config": {"lr": 0.1, "layers": [1, 2]},
        "history": {"epoch": [1, 2], "train": {"loss": [3, 2]}, "batch_loss": [1, 2, 3]},
        "note": "x",
    }
    found = documents.read(written(tmp_path, "h.json", content), Convention(format="x"))
    assert pieces.plain(found.curves) == {
        ("train/loss", None): [(3, None, 1, None, 1), (2, None, 2, None, 1)],
        ("batch_loss", None): [
            (1, None, None, None, 1),
            (2, None, None, None, 1),
            (3, None, None, None, 1),
        ],
    }
    assert found.settings[""]["lr"] == 0.1


@pytest.mark.parametrize(
    "content",
    [
        [{"epoch": 1, "train": {"loss": 3}}, {"epoch": 2, "train": {"loss": 2}}],
        {"history": [{"epoch": 1, "train": {"loss": 3}}, {"epoch": 2, "train": {"loss": 2}}]},
        {"train": [{"epoch": 1, "loss": 3}, {"epoch": 2, "loss": 2}]},
        {"1": {"train/loss": 3}, "2": {"train/loss": 2}},
        {"epoch_1": {"train": {"loss": 3}}, "epoch_2": {"train": {"loss": 2}}},
    ],
)
def test_rows_in_documents_of_all_shapes(tmp_path: Path, content: object) -> None:
    """Lists of objects, and objects by epoch."""
    path = written(tmp_path, "run.json", content, indent=1)
    found = reading.read(path)
    assert found is not None
    assert found.format == "json_table"
    assert [row[:3] for row in pieces.plain(found.curves)["train/loss", None]] == [
        (3, None, 1),
        (2, None, 2),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", {"learning_rate": 0.1, "hidden_size": 3}),
        ("package.json", {"name": "x", "version": "1"}),
        ("data.json", [{"text": "a", "label": 1}]),
        ("vocab.json", {"a": 0, "b": 1}),
        ("notes.json", "[1, 2, 3]"),
    ],
)
def test_other_documents_have_no_reader(tmp_path: Path, name: str, content: object) -> None:
    """A configuration is not taken for results."""
    assert reading.reader_of(written(tmp_path, name, content, indent=1)) is None


def test_final_values_in_a_file_of_that_name(tmp_path: Path) -> None:
    """One value for each metric."""
    path = written(tmp_path, "results.json", {"test": {"accuracy": 0.9}, "n": 5}, indent=1)
    assert json_table.claims(path, path.read_bytes()) == curves.PERHAPS
    assert pieces.values(json_table.read(path), "test/accuracy") == [0.9]


def test_the_log_of_chainer(tmp_path: Path) -> None:
    """The iteration is the step."""
    rows = [
        {"epoch": 1, "iteration": 10, "elapsed_time": 1.5, "main/loss": 2.0},
        {"epoch": 2, "iteration": 20, "elapsed_time": 3.0, "main/loss": 1.0,
         "validation/main/accuracy": 0.5},
    ]  # fmt: skip
    found = reading.read(written(tmp_path, "log", rows, indent=4))
    assert found is not None
    assert found.format == "chainer_log"
    assert {key: rows[0][:3] for key, rows in pieces.plain(found.curves).items()} == {
        ("main/loss", None): (2.0, 10, 1),
        ("validation/main/accuracy", None): (0.5, 20, 2),
    }


@pytest.mark.parametrize("content", ["", "   ", "{", "[", "nonsense", "[" * 1000, '{"a": [1, 2'])
def test_what_is_no_document_is_told(tmp_path: Path, content: str) -> None:
    """With a reason."""
    found = documents.read(written(tmp_path, "x.json", content), Convention(format="x"))
    assert found.skipped


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(JSON, st.integers(0, 200))
def test_a_walk_reads_whatever_json_reads_and_survives_any_cut(content: object, cut: int) -> None:
    """A whole document is not called broken; a cut one gives what came before."""
    text = json.dumps(content)
    walked = json_walk.walk(text)
    if isinstance(content, (dict, list)) and content:
        if walked.arrays or walked.objects:
            assert walked.broken is None
        cut_off = json_walk.walk(text[:cut])
        assert len(cut_off.arrays) <= len(walked.arrays) + 64


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=4), st.lists(st.floats(allow_nan=False), min_size=1)))
def test_lists_are_read_as_json_reads_them(content: dict[str, list[float]]) -> None:
    """Names and values."""
    walked = json_walk.walk(json.dumps(content))
    assert {str(each.path[0]): each.values for each in walked.arrays} == content
