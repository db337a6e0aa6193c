"""What output says about the phase, and bars that are only drawn anew."""

from __future__ import annotations

import pytest

from overnight.node import patience, phases


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        (b"***** Running Evaluation *****\n", patience.EVALUATION),
        (b"Validating ...\n", patience.EVALUATION),
        (b"Eval:  10%|#         | 10/100 [00:03<00:27]\r", patience.EVALUATION),
        (b"Saving model checkpoint to out/checkpoint-500\n", patience.CHECKPOINT),
        (b"\x1b[32mWriting optimizer state\x1b[0m\n", patience.CHECKPOINT),
        (b"step 12 loss 0.3 lr 0.001\n", None),
        (b"loading latest data\n", None),
        (b"\xff\xfe\x00binary", None),
    ],
)
def test_lines_that_announce_a_pause(text: bytes, phase: str | None) -> None:
    """Evaluations and checkpoints, in the words that trainings use."""
    assert phases.announced(text, advanced=False) == phase


def test_only_the_last_line_counts_where_the_training_went_on() -> None:
    """An evaluation that is over announces nothing."""
    over = b"Evaluating\nstep 12 loss 0.3\n"
    ahead = b"step 12 loss 0.3\nEvaluating\n"
    assert phases.announced(over, advanced=True) is None
    assert phases.announced(ahead, advanced=True) == patience.EVALUATION
    assert phases.announced(b"Evaluating\na warning\n", advanced=False) == patience.EVALUATION


def test_a_bar_with_nothing_new_but_the_time_is_no_output() -> None:
    """A thread of its own draws it, also when the training hangs."""
    redraws = phases.Redraws()
    assert not redraws.is_only_one("\r12/100 ━━╸━━ 0:00:31 • 0:10:00".encode())
    assert redraws.is_only_one("\r12/100 ━━╸━━ 0:00:32 • 0:10:01".encode())
    assert redraws.is_only_one(b"\r12/100 0:00:33 \r12/100 0:00:34 1.02it/s")
    assert not redraws.is_only_one(b"\r13/100 0:00:35")
    assert not redraws.is_only_one(b"13/100 0:00:36\n")


def test_dots_and_repeated_lines_are_output() -> None:
    """Whoever prints the same again and again does something."""
    redraws = phases.Redraws()
    assert not any(redraws.is_only_one(chunk) for chunk in (b".", b".", b"done\n", b"done\n"))
