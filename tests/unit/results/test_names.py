from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.results import names


@pytest.mark.parametrize(
    ("written", "split", "folded"),
    [
        ("loss", None, ("train", "loss")),
        ("train/loss", None, ("train", "loss")),
        ("train_loss", None, ("train", "loss")),
        ("training loss", None, ("train", "loss")),
        ("Val/Acc", None, ("val", "val_acc")),
        ("eval_accuracy", None, ("val", "val_accuracy")),
        ("validation.loss", None, ("val", "val_loss")),
        ("dev_f1", None, ("val", "val_f1")),
        ("test-acc", None, ("test", "test_acc")),
        ("acc_val", None, ("val", "val_acc")),
        ("loss", "val", ("val", "val_loss")),
        ("val_loss", "train", ("val", "val_loss")),
        ("loss", "something", ("train", "loss")),
        ("map@50", "test", ("test", "test_map@50")),
        ("val", None, ("train", "val")),
    ],
)
def test_fold(written: str, split: str | None, folded: tuple[str, str]) -> None:
    """Spellings of one metric get one name, and each split keeps its own."""
    assert names.fold(written, split) == folded


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing_more(name: str) -> None:
    """A canonical name of validation or test is canonical."""
    split, canonical = names.fold(name)
    if split != names.TRAIN:
        assert names.fold(canonical) == (split, canonical)


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("loss", "min"),
        ("val_loss", "min"),
        ("val_perplexity", "min"),
        ("test_wer", "min"),
        ("error_rate", "min"),
        ("val_acc", "max"),
        ("val_acc1", "max"),
        ("map@50", "max"),
        ("f1_macro", "max"),
        ("mean_reward", "max"),
        ("lr", None),
        ("grad_norm", None),
        ("loss_scale", None),
        ("neg_mean_squared_error", None),
        ("fid_score", None),
        ("metrics/mAP50-95(B)", "max"),
        ("metrics/mAP_0.5:0.95", "max"),
        ("Test Acc", "max"),
        ("rollout/ep_rew_mean", "max"),
        ("valid_ppl", "min"),
        ("Validation MSE", "min"),
        ("valLoss", "min"),
        ("eval_rougeLsum", "max"),
        ("bbox/AP50", "max"),
        ("reward_std", None),
        ("ep_len_mean", None),
        ("sharpness", None),
    ],
)
def test_goal_is_known_or_not_guessed(name: str, goal: str | None) -> None:
    """Known metrics have a direction; a name that could mean either has none."""
    assert names.goal(name) == goal


def test_same_metric_in_other_words() -> None:
    """Accuracy is acc in every split, and splits stay apart."""
    assert names.same("val_accuracy") == names.same("eval/acc") == ("val", "acc")
    assert names.same("test_acc") != names.same("val_acc")


@pytest.mark.parametrize(
    ("metric", "one", "other", "differs"),
    [
        ("val_acc", 0.93, 94.1, True),
        ("val_acc", 94.1, 0.93, True),
        ("val_acc", 0.93, 1.2, False),
        ("val_acc", -0.1, 94.1, False),
        ("val_loss", 0.93, 94.1, False),
    ],
)
def test_a_fraction_beside_percent(metric: str, one: float, other: float, differs: bool) -> None:
    """Only of metrics that are parts of one; a loss of 94 is a loss of 94."""
    assert names.is_other_scale(metric, one, other) is differs
