"""Which series speak for a run: its training loss, its validation loss, its main metric. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overnight.results import names
from overnight.results.health.view import View

FEWEST = 2
ENOUGH = 8  # values; a curve with fewer speaks only where there is none with as many
TOTALS = ("loss", "total_loss", "loss_total", "nll", "nll_loss", "objective")
ENDINGS = ("_epoch", "_step", "_avg", "_mean")
# Metrics that one can raise at the cost of another, or that say less than the ones beside them.
LESSER = ("precision", "recall", "sensitivity", "specificity", "top5", "top_5", "top-5", "/p", "/r")
# Where one of these stands beside it, a loss is that of a policy.
OF_POLICIES = frozenset(
    ("approx_kl", "approxkl", "policy_gradient_loss", "ep_rew_mean", "eprewmean")
)
FELL = 0.2  # of its start: so far a part of the loss has to fall


@dataclass(frozen=True)
class Leading:
    """Any may be missing. `metric` is the main one that is no loss; of the training only if there
    is none of a validation. `other_parts_fall`: the training loss is one of several parts, and
    another one came down. `is_policy`: the loss is that of a policy, of which the height says
    little: it is computed anew from what the policy now does.
    """

    train: View | None
    val: View | None
    metric: View | None
    other_parts_fall: bool = False
    is_policy: bool = False

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
    fall = any(map(_fell, (e for e in losses if train and metric_of(e) != metric_of(train))))
    is_part = train is not None and metric_of(train) not in TOTALS
    return Leading(
        train=train,
        val=val,
        metric=_metric(told),
        other_parts_fall=is_part and fall,
        is_policy=any(not OF_POLICIES.isdisjoint(_path(each.name)) for each in views),
    )


def _path(name: str) -> list[str]:
    return name.lower().split("/")


def _fell(view: View) -> bool:
    few = max(1, view.y.size // 20)
    start, end = float(np.median(view.y[:few])), float(np.median(view.y[-few:]))
    return start - end > FELL * abs(start)


def metric_of(view: View) -> str:
    """The metric without split and without the ending that says how it was averaged."""
    found = names.same(view.name)[1]
    for ending in ENDINGS:
        found = found[: -len(ending)] if found.endswith(ending) else found
    return found


def _first(losses: Sequence[View]) -> View | None:
    """The total before its parts, an average of an epoch before single steps."""
    return min(losses, key=_rank, default=None)


def _rank(view: View) -> tuple[bool, int, bool]:
    metric = metric_of(view)
    part = TOTALS.index(metric) if metric in TOTALS else len(TOTALS)
    return view.y.size < ENOUGH, part, view.name.endswith("_step")


def _metric(told: Sequence[View]) -> View | None:
    """Of the validation before the test, of that before the training; the first that says most."""
    others = [each for each in told if not each.is_loss]
    for split in ("val", "test", "train"):
        here = [each for each in others if each.split == split]
        if here:
            return min(here, key=lambda each: _lesser(each.name))
    return None


def _lesser(name: str) -> int:
    low = name.lower()
    if any(word in low for word in LESSER):
        return 2
    return int("map" in low and "95" not in low)
