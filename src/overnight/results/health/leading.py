"""Which series speak for a run: its training loss, its validation loss, its main metric. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from overnight.results import names
from overnight.results.health.view import View

FEWEST = 2
TOTALS = ("loss", "total_loss", "loss_total", "nll", "nll_loss", "objective")
ENDINGS = ("_epoch", "_step", "_avg", "_mean")


@dataclass(frozen=True)
class Leading:
    """Any may be missing. `metric` is the main one that is no loss; of the training only if there
    is none of a validation."""

    train: View | None
    val: View | None
    metric: View | None

    @property
    def all(self) -> tuple[View, ...]:
        return tuple(each for each in (self.val, self.metric, self.train) if each)


def leading(views: Sequence[View]) -> Leading:
    told = [each for each in views if each.finite.size >= FEWEST and each.goal]
    val = _first([each for each in told if each.is_loss and each.split == "val"])
    if val is None:
        val = _first([each for each in told if each.is_loss and each.split == "test"])
    losses = [each for each in told if each.is_loss and each.split == "train"]
    twin = [each for each in losses if val and metric_of(each) == metric_of(val)]
    train = _first(twin or losses)
    return Leading(train=train, val=val, metric=_metric(told))


def metric_of(view: View) -> str:
    """The metric without split and without the ending that says how it was averaged."""
    found = names.same(view.name)[1]
    for ending in ENDINGS:
        found = found[: -len(ending)] if found.endswith(ending) else found
    return found


def _first(losses: Sequence[View]) -> View | None:
    """The total before its parts, an average of an epoch before single steps."""
    return min(losses, key=_rank, default=None)


def _rank(view: View) -> tuple[int, int]:
    metric = metric_of(view)
    part = TOTALS.index(metric) if metric in TOTALS else len(TOTALS)
    return part, int(view.name.endswith("_step"))


def _metric(told: Sequence[View]) -> View | None:
    others = [each for each in told if not each.is_loss]
    for split in ("val", "test", "train"):
        here = [each for each in others if each.split == split]
        if here:
            return here[0]
    return None
