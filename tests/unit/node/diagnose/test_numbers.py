"""Losses that are no numbers."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

NAN = [
    "FloatingPointError: Loss became infinite or NaN at iteration=120!",
    "ValueError: Expected parameter logits (Tensor of shape (32, 4)) of distribution "
    "Categorical(logits: torch.Size([32, 4])) to satisfy the constraint "
    "IndependentConstraint(Real(), 1), but found invalid values: tensor([[nan, nan]])",
    "RuntimeError: probability tensor contains either `inf`, `nan` or element < 0",
    "RuntimeError: Function 'MulBackward0' returned nan values in its 0th output.",
    "ValueError: Input X contains NaN.",
    "tensorflow.python.framework.errors_impl.InvalidArgumentError: Tensor had NaN "
    "values [Op:CheckNumericsV2]",
    "Exception: Current loss scale already at minimum - cannot decrease scale anymore. "
    "Exiting run.",
    "FloatingPointError: Minimum loss scale reached (0.0001). Your loss is probably exploding.",
    "AssertionError: NaN detected in loss",
    "ValueError: The loss returned in `training_step` is nan or inf.",
    "RuntimeError: Loss is NaN or Inf",
]


@pytest.mark.parametrize("message", NAN)
def test_nan(message: str) -> None:
    """Messages of several libraries are taken for nan."""
    assert logs.kind(logs.raising(message), exit_code=1) == "nan"


LOSSES = [
    "step {n} loss {v}\n",
    "{{'loss': {v}, 'grad_norm': 0.5, 'learning_rate': 1e-05, 'epoch': 0.{n}}}\n",
    "100/100 ━━━━━━━━━━━━━━ 2s 12ms/step - accuracy: 0.1 - loss: {v}\n",
    "epoch {n}/9:  50%|##   | 5/10 [00:01<00:01,  4.4it/s, loss={v}]\n",
    "INFO trainer: epoch {n}/9 mse={v}\n",
]


@pytest.mark.parametrize("exit_code", [0, None])
@pytest.mark.parametrize("line", LOSSES)
def test_a_loss_that_stays_nan(line: str, exit_code: int | None) -> None:
    """However it is printed, and even where the run ends with exit code 0."""
    log = "".join(line.format(n=n, v="1.5" if n < 4 else "nan") for n in range(1, 9))
    assert logs.kind(log, exit_code=exit_code) == "nan"


@pytest.mark.parametrize("line", LOSSES)
def test_a_loss_that_recovers_is_healthy(line: str) -> None:
    """One bad step that was skipped."""
    log = "".join(line.format(n=n, v="nan" if n == 4 else "1.5") for n in range(1, 9))
    assert logs.kind(log, exit_code=0) == "finished"


def test_the_last_finite_step_is_a_fact() -> None:
    """Step and line, for the way back."""
    log = "".join(f"step {n}/90 loss {'nan' if n > 40 else 1.5}\n" for n in range(10, 90, 10))
    facts = logs.diagnosed(log, exit_code=0).facts
    assert (facts["last_finite_step"], facts["last_finite_line"]) == (40, 4)
    assert facts["first_nonfinite_step"] == 50


@pytest.mark.parametrize(
    "text", ["nan in column a: 3", "step_avg: nan", "scale: inf", "12 nan rows"]
)
def test_the_word_alone_is_nothing(text: str) -> None:
    """Tables and columns have it too."""
    assert logs.kind(f"{logs.progress()}{text}\n", exit_code=0) == "finished"
