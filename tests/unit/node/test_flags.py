"""What goes wrong with a living curve is flagged, and the flag goes when the curve recovers."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import Any

import pytest

from overnight.node import flags, progress


def followed(train: Iterable[float], val: dict[int, float] | None = None) -> flags.Flags:
    """A training whose validations come after the given steps."""
    followed = flags.Flags()
    for step, loss in enumerate(train, 1):
        followed.trained("loss", loss, step, None)
        if val and step in val:
            followed.checked("val", {"loss": val[step]}, step, None)
    return followed


def kinds(told: flags.Flags, left: float | None = None) -> list[str]:
    return [each["finding"] for each in told.now(left)]


def falling(count: int) -> list[float]:
    return [math.exp(-3 * step / count) for step in range(count)]


def noisy(values: Iterable[float], size: float, seed: int = 0) -> list[float]:
    drawn = random.Random(seed)
    return [value + drawn.gauss(0, size) for value in values]


def test_a_sound_training_has_none() -> None:
    """With noise, and a validation that comes to rest."""
    val = {step: 0.3 + math.exp(-step / 100) for step in range(20, 1001, 20)}
    assert kinds(followed(noisy(falling(1000), 0.05), val), 0.0) == []


def test_nan_comes_and_goes() -> None:
    """Three on end are flagged, the first sound value ends it."""
    told = followed([1.0, 0.9, math.nan, math.nan])
    assert kinds(told) == []
    told.trained("loss", math.inf, 5, None)
    assert told.now(None) == [
        {"finding": "nan", "at": 3, "sentence": "loss is no number since step 3"}
    ]
    told.trained("loss", 0.8, 6, None)
    assert kinds(told) == []


def test_divergence_comes_and_goes() -> None:
    """All that was learnt is lost again."""
    told = followed([*noisy(falling(100), 0.01), *noisy([1.3] * 20, 0.01)])
    assert kinds(told) == ["diverged"]
    for step in range(20):
        told.trained("loss", 0.06, 121 + step, None)
    assert "diverged" not in kinds(told)


def test_a_spike_is_told_for_a_while() -> None:
    """And forgotten when it is long past."""
    told = followed([*noisy([0.5] * 100, 0.01), 9.0])
    assert told.now(None)[0] == {
        "finding": "spikes",
        "at": 101,
        "sentence": told.now(None)[0]["sentence"],
    }
    for value in noisy([0.5] * 60, 0.01):
        told.trained("loss", value, None, None)
    assert kinds(told) == []


def test_overfitting_comes_and_goes() -> None:
    """The best validation and where it was."""
    val = {step: abs(step - 300) / 1000 + 0.4 for step in range(50, 1001, 50)}
    told = followed(falling(1000), val)
    (found,) = told.now(0.5)
    assert (found["finding"], found["at"]) == ("overfit", 300)
    assert found["sentence"] == "val_loss best 0.4 at step 300, rising since"
    told.checked(None, {"val_loss": 0.2}, 1050, None)
    told.checked("val", {"loss": 0.2}, 1100, None)
    assert kinds(told, 0.5) == []


def test_a_validation_that_rises_with_the_training_loss_is_no_overfitting() -> None:
    """Then the training has not gone on."""
    val = {step: abs(step - 300) / 1000 + 0.4 for step in range(50, 1001, 50)}
    assert "overfit" not in kinds(followed([val.get(step, 0.7) for step in range(1000)], val))


def test_a_primary_metric_that_falls() -> None:
    """Higher is better there."""
    told = flags.Flags()
    for step in range(1, 401):
        told.trained("loss", 1 - step / 500, step, None)
        if step % 20 == 0:
            told.measured("val_acc", 1.0, [step, None, 0.9 - abs(step - 100) / 1000])
    (found,) = told.now(None)
    assert (found["finding"], found["at"]) == ("overfit", 100)
    assert found["sentence"].startswith("val_acc best 0.9 at step 100, falling")


@pytest.mark.parametrize(("left", "said"), [(0.6, ["plateau"]), (0.1, []), (None, [])])
def test_a_plateau_matters_while_much_remains(left: float | None, said: list[str]) -> None:
    """At the end of a training it is what one wants."""
    values = noisy([0.2 + 0.8 * math.exp(-check / 3) for check in range(60)], 0.002)
    val = {10 * check: value for check, value in enumerate(values, 1)}
    assert kinds(followed(falling(600), val), left) == said


def test_no_flag_of_noise() -> None:
    """Over two hundred trainings whose validation came to rest, at every moment."""
    wrong = []
    for seed in range(200):
        told = flags.Flags()
        val = noisy([math.exp(-check / 5) for check in range(60)], 0.02, seed)
        for step, loss in enumerate(noisy(falling(600), 0.03, seed), 1):
            told.trained("loss", loss, step, None)
            if step % 10 == 0:
                told.checked("val", {"loss": val[step // 10 - 1]}, step, None)
                wrong += [seed for kind in kinds(told) if kind != "plateau"]
    assert len(set(wrong)) <= 2


def test_bounded_whatever_comes() -> None:
    """A curve is thinned to means; the best stays exact."""
    curve = flags.Thin()
    for number in range(100_000):
        curve.add(flags.Point(number, abs(number - 54_321) / 100_000))
    assert len(curve.points) < flags.MOST
    assert curve.best == flags.Point(54_321, 0.0)
    assert curve.points[-1].value == pytest.approx(0.45, abs=0.03)


@pytest.mark.parametrize(
    ("name", "split", "is_one"),
    [
        ("val_loss", None, True),
        ("loss", "val", True),
        ("eval/loss", None, True),
        ("loss", "train", False),
        ("loss", None, False),
        ("val_acc", None, False),
        ("test_loss", None, False),
    ],
)
def test_which_loss_is_the_validations(name: str, split: str | None, is_one: bool) -> None:
    """The test's is none: nothing is chosen by it."""
    assert (flags.val_loss(name, split)[0] != flags.NO_LOSS) is is_one


def test_from_the_output_to_the_heartbeat() -> None:
    """Lines as a training prints them."""
    tracker = progress.Tracker()
    for epoch in range(1, 31):
        val = 0.4 + abs(epoch - 8) / 20
        line = f"epoch {epoch}/40 train_loss {math.exp(-epoch / 9):.4f} val_loss {val:.4f}\n"
        tracker.feed(line.encode(), float(epoch))
    told: list[dict[str, Any]] = tracker.to_dict()["flags"]
    assert [(each["finding"], each["at"]) for each in told] == [("overfit", 8)]
    assert told[0]["sentence"] == "val_loss best 0.4 at epoch 8, rising since"
