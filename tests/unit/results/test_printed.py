from __future__ import annotations

from pathlib import Path

from overnight.results import printed
from tests.unit.results import folders


def values(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    return {name: [p[:3] for p in curve] for name, curve in printed.read(folder).items()}


def test_points_know_their_log_and_line(tmp_path: Path) -> None:
    """Each value can be traced to the line that printed it."""
    folders.log(tmp_path, 1, "hello", "step 1 loss 0.5", "", "step 2 loss 0.25")
    assert [(p.value, p.source, p.line) for p in printed.read(tmp_path)["loss"]] == [
        (0.5, "attempts/1/output.log", 2),
        (0.25, "attempts/1/output.log", 4),
    ]


def test_later_attempts_override_from_where_they_resume(tmp_path: Path) -> None:
    """What two attempts did twice counts as the later one did it, in every series."""
    folders.log(
        tmp_path, 1, *(f"epoch {n}/5 loss {n}.0 val_acc 0.{n}" for n in (1, 2, 3, 4)),
    )  # fmt: skip
    folders.log(tmp_path, 2, "epoch 3/5 loss 3.5 val_acc 0.35", "epoch 4/5 loss 4.5 val_acc 0.45")
    found = values(tmp_path)
    assert [value for _, _, value in found["loss"]] == [1.0, 2.0, 3.5, 4.5]
    assert [value for _, _, value in found["val_acc"]] == [0.1, 0.2, 0.35, 0.45]


def test_attempt_that_starts_over_replaces_everything(tmp_path: Path) -> None:
    """A second attempt from the first step leaves nothing of the first."""
    folders.log(tmp_path, 1, "step 1 loss 9", "step 2 loss 8", "step 3 loss 7")
    folders.log(tmp_path, 2, "step 1 loss 6", "step 2 loss 5")
    assert values(tmp_path)["loss"] == [(1, None, 6.0), (2, None, 5.0)]


def test_attempt_that_said_nothing_takes_nothing_away(tmp_path: Path) -> None:
    """A crash before the first value leaves the curve as it was; attempts count as numbers."""
    folders.log(tmp_path, 2, "step 1 loss 9", "step 2 loss 8")
    folders.log(tmp_path, 9, "Traceback (most recent call last):")
    folders.log(tmp_path, 10, "step 3 loss 7")
    assert [step for step, _, _ in values(tmp_path)["loss"]] == [1, 2, 3]


def test_evaluation_before_the_resumed_training_is_not_the_resume_point(tmp_path: Path) -> None:
    """Where training goes on is told by the training's own values."""
    folders.log(tmp_path, 1, "step 1 loss 9", "step 2 loss 8", "step 3 loss 7")
    folders.log(tmp_path, 2, "step 0 val_loss 7", "step 3 loss 6")
    assert [value for _, _, value in values(tmp_path)["loss"]] == [9.0, 8.0, 6.0]


def test_redrawn_progress_bar_counts_once_per_step(tmp_path: Path) -> None:
    """A bar that is drawn twice for the same step gives one point, the last."""
    bar = "Epoch 1: {0}0%|# | {0}/10 [00:01<00:09, 1.0it/s, loss={1}]"
    folders.log(
        tmp_path, 1, "\r".join([bar.format(1, 0.5), bar.format(1, 0.4), bar.format(2, 0.3)])
    )
    assert values(tmp_path)["loss"] == [(1, 1.0, 0.4), (2, 1.0, 0.3)]


def test_ranks_that_print_the_same_step_are_all_kept(tmp_path: Path) -> None:
    """Two lines of one step are two values, not a redrawn bar."""
    folders.log(tmp_path, 1, "step 1 loss 0.5", "step 1 loss 0.4")
    assert values(tmp_path)["loss"] == [(1, None, 0.5), (1, None, 0.4)]


def test_folder_without_attempts(tmp_path: Path) -> None:
    """Nothing printed is no error."""
    assert printed.read(tmp_path) == {}
