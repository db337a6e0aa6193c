"""Losses that are no numbers: which of them mean that a training is lost."""

from __future__ import annotations

import math

import pytest

from overnight.node import progress, sanity

VALUES = 5


def fed(*lines: str) -> progress.Tracker:
    tracker = progress.Tracker()
    for number, line in enumerate(lines):
        tracker.feed(line.encode() + b"\n", float(number))
    return tracker


def is_lost(*lines: str) -> bool:
    return fed(*lines).sanity.is_lost(VALUES)


SOUND = [f"step {n} loss 0.{9 - n} lr 0.1" for n in range(1, 5)]
BAD = [f"step {n} loss nan lr 0.1" for n in range(5, 15)]


def test_a_loss_that_stays_nan_is_lost() -> None:
    """After so many values on end, and not before."""
    assert not is_lost(*SOUND, *BAD[: VALUES - 1])
    assert is_lost(*SOUND, *BAD[:VALUES])


def test_where_it_began_and_what_was_sound() -> None:
    """The last finite loss and the first bad one, with their steps."""
    sane = fed(*SOUND, *BAD).sanity
    assert sane.before == {"loss": 0.5, "step": 4, "epoch": None}
    assert sane.since == {"name": "loss", "loss": "nan", "step": 5, "epoch": None}


@pytest.mark.parametrize(
    "lines",
    [
        [*BAD[:2], *SOUND],  # the first averages
        [*SOUND, *BAD[:4], "step 20 loss 0.3", *BAD[:4]],  # a bad batch now and then
        [f"step {n} loss 0.5 mae nan" for n in range(20)],  # another column
        [f"step {n} loss 0.5 grad_norm nan" for n in range(20)],  # skipped by the scaler
        [*SOUND, *["step 5 loss nan"] * 16],  # sixteen ranks print the same step
        [*SOUND, *BAD[:4], "val loss 0.4", *BAD[4:8]],  # the weights are sound
        [*SOUND, *(f"step {n} loss inf" for n in range(5, 40))],  # steps that are skipped
        [f"step {n} loss nan" for n in range(14)],  # never was a number
        ["nan values were removed from the data"] * 50,
        ["step 3 loss: not a number yet"] * 50,
    ],
)
def test_losses_that_are_no_failure(lines: list[str]) -> None:
    """Healthy trainings print NaN as well."""
    assert not is_lost(*lines)


def test_epochs_that_end_with_nan() -> None:
    """One line for each epoch: three of them are enough, two are not."""
    epochs = [f"epoch {n}/9 train_loss 0.5" for n in (1, 2)]
    bad = [f"epoch {n}/9 train_loss nan" for n in (3, 4, 5)]
    assert not is_lost(*epochs, *bad[:2])
    assert is_lost(*epochs, *bad)


def test_an_average_stays_bad_until_its_epoch_is_over() -> None:
    """One bad batch is in it; only another epoch shows that it was not that."""
    first = [f"epoch 1/9 step {n}/99 avg_loss 0.5" for n in range(5)]
    bad = [f"epoch 1/9 step {n}/99 avg_loss nan" for n in range(5, 25)]
    later = [f"epoch 2/9 step {n}/99 avg_loss nan" for n in range(3)]
    assert not is_lost(*first, *bad)
    assert is_lost(*first, *bad, *later)


def test_hugging_face_masks_it() -> None:
    """A loss of exactly zero beside a gradient that is no number."""
    masked = [f"{{'loss': 0.0, 'grad_norm': nan, 'epoch': 0.{n}}}" for n in range(10, 20)]
    sound = ["{'loss': 1.5, 'grad_norm': 2.0, 'epoch': 0.1}"]
    assert is_lost(*sound, *masked)
    assert not is_lost(*sound, *(line.replace("nan", "0.0") for line in masked))


def test_divergence_is_a_hint() -> None:
    """Far above the best and the first losses; a loss below zero says nothing."""
    good = [f"step {n} loss {2 / n:.3f}" for n in range(1, 30)]
    wild = [f"step {n} loss {10 * n}.0" for n in range(30, 40)]
    assert fed(*good, *wild).sanity.is_diverging()
    assert not fed(*good, *wild[:2]).sanity.is_diverging()
    assert not fed("step 1 loss -3.0", *good, *wild).sanity.is_diverging()


def losses(*values: float) -> sanity.Sanity:
    """After these training losses, one a step."""
    sane = sanity.Sanity()
    for step, value in enumerate(values):
        sane.took("loss", value, step, None, {"loss": value})
    return sane


@pytest.mark.parametrize(
    ("values", "sound"),
    [
        ((), False),
        ((2.0,), True),
        ((2.0, 1.9, 0.5), True),
        ((0.4, 6.4e5), False),
        ((0.4, 6.4e5, 0.4), True),
        ((1.0, 0.9, 0.8, 0.9, 0.7, 1.2, 0.6), True),
        ((1.0, 0.9, 0.8, 0.9, 0.7, 90.0, 95.0), False),
        ((-1.0, -1.2, 3.0), True),
        ((1.0, math.nan), False),
    ],
)
def test_losses_worth_keeping(values: tuple[float, ...], sound: bool) -> None:
    """Numbers, and not far above what they were: a checkpoint from then is a good one."""
    assert losses(*values).is_sound() is sound
