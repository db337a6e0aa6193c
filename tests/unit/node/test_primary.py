"""The primary metric as a server follows it: the same numbers that the laptop reads later."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.core import config
from overnight.node import primary, progress
from overnight.results import summary


def tracked(lines: list[str], *, name: str = "val_acc", goal: str = "max", jsonl: str = "") -> Any:
    tracker = progress.Tracker()
    tracker.primary = primary.Curve(name, goal)
    tracker.feed("".join(f"{line}\n" for line in lines).encode(), 1.0)
    tracker.feed_jsonl(jsonl.encode(), 1.0)
    tracker.finish(2.0)
    return tracker.primary


def joined(*attempts: list[str], goal: str = "max") -> primary.Joined:
    curves = [(n, tracked(lines, goal=goal).to_dict()) for n, lines in enumerate(attempts, 1)]
    return primary.joined(curves, goal)


def test_best_and_last() -> None:
    """With their place, attempt and file."""
    found = joined(
        ["epoch 1 loss 0.5 val_acc 90", "epoch 2 loss 0.4 val_acc 92", "epoch 3 val_acc 91"]
    )
    assert found.best == {
        "value": 92.0, "step": None, "epoch": 2, "attempt": 1, "source": "output.log",
    }  # fmt: skip
    assert found.last is not None
    assert (found.last["value"], found.last["epoch"]) == (91.0, 3)


def test_hits_of_a_test_set() -> None:
    """As a much copied example prints them: what is followed is not the rounded percentage."""
    lines = ["Train Epoch: 2 [0/640 (0%)]\tLoss: 2.297532", "",
             "Test set: Average loss: 2.2876, Accuracy: 62/500 (12%)"]  # fmt: skip
    curve = tracked(lines, name="test_accuracy")
    found = primary.joined([(1, curve.to_dict())], "max")
    assert found.best is not None
    assert found.best["value"] == 12.4


def test_what_a_later_attempt_repeats_counts_once() -> None:
    """The best of the part that is trained again is gone with it."""
    first = [f"epoch {n} loss 0.5 val_acc {value}" for n, value in ((1, 90), (2, 91), (3, 99))]
    second = [f"epoch {n} loss 0.5 val_acc {value}" for n, value in ((3, 92), (4, 91.5))]
    found = joined(first, second)
    assert found.best is not None
    assert (found.best["value"], found.best["attempt"]) == (92.0, 2)
    broken = joined(first, ["epoch 3 loss 0.5"])
    assert broken.last is not None
    assert (broken.last["value"], broken.last["epoch"]) == (91.0, 2)


def test_values_that_are_no_numbers() -> None:
    """NaN is counted, is never best, and is no number as a last value."""
    found = joined(["epoch 1 loss 1 val_acc 90", "epoch 2 loss 1 val_acc nan"])
    assert found.nonfinite == 1
    assert found.best is not None
    assert found.best["value"] == 90.0
    assert found.last is not None
    assert found.last["value"] is None


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("epoch 1 loss 0.5 val/acc 91", 91.0),
        ("epoch 1 loss 0.5 val_accuracy 91", 91.0),
        ("epoch 1 loss 0.5 test_acc 91", None),
        ("epoch 1 loss 0.5 acc 91", None),
    ],
)
def test_spellings(printed: str, value: float | None) -> None:
    """Another spelling is found; another split never stands in."""
    found = joined([printed]).best
    assert (found["value"] if found else None) == value


def test_the_better_spelling_counts() -> None:
    """Also where it comes later; and what was written for machines before what was printed."""
    curve = tracked(["epoch 1 loss 1 val_accuracy 80", "epoch 2 loss 1 val_acc 70"])
    assert curve.brief()["best"] == 70.0
    curve = tracked(["epoch 1 loss 1 val_acc 80"], jsonl='{"epoch": 1, "val_acc": 79.6}\n')
    assert (curve.brief()["best"], curve.to_dict()["source"]) == (79.6, "metrics.jsonl")


def test_memory_is_bounded() -> None:
    """A million improvements are thinned out; the best and the last stay what they are."""
    curve = primary.Curve("loss", "min")
    for step in range(100_000):
        curve.take(progress.Sample(step=step, metrics={"loss": 1.0 / (step + 1)}), primary.OUTPUT)
    kept = curve.to_dict()
    assert len(kept["bests"]) <= primary.MAX_BESTS
    assert kept["bests"][-1] == [99_999, None, 1e-5]
    before = primary.joined([(1, kept), (2, {"began": [50_000, None]})], "min").best
    assert before is not None
    assert before["step"] < 50_000
    assert before["value"] >= 1 / 50_000


attempt = st.lists(st.integers(800, 1000), min_size=1, max_size=8)


@given(st.lists(st.tuples(attempt, st.integers(0, 4)), min_size=1, max_size=4), st.booleans())
def test_as_the_laptop_reads_it(
    tmp_path_factory: pytest.TempPathFactory, attempts: list[tuple[list[int], int]], rises: bool
) -> None:
    """Whatever is repeated: best and last of `overnight results` are those of the server."""
    folder = tmp_path_factory.mktemp("run")
    logs, epoch = [], 0
    for number, (values, back) in enumerate(attempts, 1):
        epoch = max(0, epoch - back)
        lines = []
        for value in values:
            epoch += 1
            lines.append(f"epoch {epoch}/99 loss 0.5 val_acc {value / 10}")
        path = folder / "attempts" / str(number) / "output.log"
        path.parent.mkdir(parents=True)
        path.write_text("".join(f"{line}\n" for line in lines))
        logs.append(lines)
    goal = "max" if rises else "min"
    metrics = config.Metrics(primary="val_acc", goal=goal)
    there = summary.summarise(folder, {}, {}, metrics).metrics["val_acc"]
    here = joined(*logs, goal=goal)
    assert here.best is not None
    assert here.last is not None
    assert there.best is not None
    assert here.best["value"] == there.best.value
    assert (here.last["value"], here.last["epoch"]) == (there.last.value, there.last.epoch)
