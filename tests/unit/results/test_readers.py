from __future__ import annotations

from pathlib import Path

from overnight.results import readers
from tests.unit.results import folders


def named(series: tuple[readers.Series, ...]) -> dict[str, list[float]]:
    return {each.name: [point.value for point in each.points] for each in series}


def test_metrics_jsonl_wins_over_the_output(tmp_path: Path) -> None:
    """The same name in both is taken from the file written for machines; the rest is added."""
    folders.log(tmp_path, 1, "step 1 loss 0.51 acc 0.3", "step 2 loss 0.42 acc 0.4")
    folders.jsonl(tmp_path, {"step": 1, "split": "train", "loss": 0.5123})
    assert named(readers.read(tmp_path)) == {"loss": [0.5123], "acc": [0.3, 0.4]}


def test_top_file_wins_over_deeper_ones(tmp_path: Path) -> None:
    """Of several `metrics.jsonl` the one nearest to the top is believed first."""
    folders.jsonl(tmp_path, {"step": 1, "loss": 1.0})
    folders.jsonl(tmp_path, {"step": 1, "loss": 2.0, "val_f1": 3.0}, name="outputs/metrics.jsonl")
    assert named(readers.read(tmp_path)) == {"loss": [1.0], "val_f1": [3.0]}


def test_two_spellings_in_one_file_stay_apart(tmp_path: Path) -> None:
    """Where a file has both `loss` and `train_loss`, they are two metrics."""
    folders.jsonl(tmp_path, {"step": 1, "train_loss": 1.0, "loss": 2.0, "eval/acc": 0.5})
    assert named(readers.read(tmp_path)) == {"loss": [2.0], "train_loss": [1.0], "val_acc": [0.5]}


def test_find_knows_other_spellings_of_the_same_split(tmp_path: Path) -> None:
    """`val_acc` finds `eval_accuracy`, and never what was measured elsewhere."""
    folders.jsonl(tmp_path, {"step": 1, "eval_accuracy": 0.5, "test_acc": 0.9, "loss": 2.0})
    series = readers.read(tmp_path)
    found = readers.find(series, "val_acc")
    assert found is not None
    assert found.name == "val_accuracy"
    assert readers.find(series, "val/Accuracy") is found
    assert readers.find(series, "acc") is None
    loss = readers.find(series, "train/loss")
    assert loss is not None
    assert loss.name == "loss"


def test_find_prefers_the_exact_name(tmp_path: Path) -> None:
    """An alias is only used where the exact name is absent."""
    folders.jsonl(tmp_path, {"step": 1, "val_accuracy": 0.5, "val_acc": 0.6})
    found = readers.find(readers.read(tmp_path), "val_acc")
    assert found is not None
    assert found.points[0].value == 0.6


def test_find_takes_the_epoch_value_of_lightning(tmp_path: Path) -> None:
    """`val_loss_epoch` is what somebody means who asks for `val_loss`."""
    folders.jsonl(tmp_path, {"step": 1, "val_loss_epoch": 0.5})
    found = readers.find(readers.read(tmp_path), "val_loss")
    assert found is not None
    assert found.name == "val_loss_epoch"


def test_empty_folder_has_no_series(tmp_path: Path) -> None:
    """A run that wrote nothing yet has no series."""
    assert readers.read(tmp_path) == ()
    assert readers.find((), "val_acc") is None
