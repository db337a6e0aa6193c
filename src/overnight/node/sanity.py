"""Whether the training loss, as it is printed, is still a number. Pure.

One loss that is no number is no failure: the first average of some trainings is NaN, a batch
without labels gives one, and mixed precision skips steps with infinite gradients. Other columns
may be NaN for ever. What counts is the training loss alone, on end:

- so many values on end, each of another step (ranks print the same step several times), or the
  values of `EPOCHS` epochs on end where a line comes once per epoch;
- an average that took in one bad value stays bad until its epoch is over, and so may an infinite
  one: those have to outlast an epoch, or to come `STEADY` times as often where none is counted;
- a loss that never was a number in this attempt may be an empty column: it has to come
  `NEVER_SOUND` times as often;
- a finite loss of an evaluation proves that the weights are sound, and the count starts anew.

Hugging Face prints `loss: 0.0` beside `grad_norm: nan` where the loss was NaN: that counts as one.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from overnight.node import names

EPOCHS = 3
STEADY = 10
NEVER_SOUND = 3
AVERAGE = 1  # the rank of such a name
GRADIENT = ("grad_norm", "gradient_norm", "gnorm")
SUMMARY = 5
TIMES_BEST = 20.0
TIMES_FIRST = 3.0


class Sanity:
    """The streak of bad losses that goes on now, and where it began.

    `before` is the last sound loss with its place, `since` the place of the first bad one.
    """

    def __init__(self) -> None:
        self.before: dict[str, Any] | None = None
        self.since: dict[str, Any] | None = None
        self.count = 0
        self._epochs: set[float] = set()
        self._place: tuple[float | None, int | None] | None = None
        self._all_infinite = self._is_average = False
        self._first: list[float] = []
        self._recent: deque[float] = deque(maxlen=SUMMARY)
        self._best = math.inf

    def took(
        self,
        name: str,
        loss: float,
        step: int | None,
        epoch: float | None,
        metrics: dict[str, float],
    ) -> None:
        """One training loss as printed, with all that its line said."""
        if math.isfinite(loss) and not is_masked(loss, metrics):
            self._sound(loss, step, epoch)
        else:
            self._bad(name, loss, step, epoch)

    def evaluated(self, split: str | None, metrics: dict[str, float]) -> None:
        """What a line said; the losses of an evaluation among it count."""
        losses = [
            value
            for name, value in metrics.items()
            if "loss" in name and (split or names.split_of(name)) in ("val", "test")
        ]
        if losses and all(map(math.isfinite, losses)):
            self._end_streak()

    def _sound(self, loss: float, step: int | None, epoch: float | None) -> None:
        self._end_streak()
        self.before = {"loss": loss, "step": step, "epoch": epoch}
        if len(self._first) < SUMMARY:
            self._first.append(loss)
        self._recent.append(loss)
        if len(self._recent) == SUMMARY:
            self._best = min(self._best, mean(self._recent))

    def _end_streak(self) -> None:
        self.count, self.since, self._place = 0, None, None
        self._epochs.clear()

    def _bad(self, name: str, loss: float, step: int | None, epoch: float | None) -> None:
        place = (epoch, step)
        if self.count and place == self._place and place != (None, None):
            return
        if not self.count:
            self.since = {"name": name, "loss": str(loss), "step": step, "epoch": epoch}
            self._all_infinite = True
            self._is_average = names.loss_rank(name) == AVERAGE
        self.count += 1
        self._place = place
        self._all_infinite = self._all_infinite and math.isinf(loss)
        if epoch is not None and len(self._epochs) < NEVER_SOUND * EPOCHS:
            self._epochs.add(math.floor(epoch))

    def is_lost(self, values: int) -> bool:
        """Whether the training loss will not be a number again. `values`: as many on end."""
        times = 1 if self.before is not None else NEVER_SOUND
        if len(self._epochs) >= times * EPOCHS:
            return True
        if self.count < times * values:
            return False
        if not self._all_infinite and not self._is_average:
            return True
        return len(self._epochs) > 1 or self.count >= STEADY * values

    def is_sound(self) -> bool:
        """Whether the last losses are numbers and not far above what they were: what the weights
        are worth now is then worth keeping. False before the first one.
        """
        if self.since is not None or not self._first:
            return False
        if min(*self._recent, *self._first) <= 0:
            return True
        if len(self._recent) < SUMMARY:
            return self._recent[-1] <= TIMES_BEST * min(self._first)
        return mean(self._recent) <= TIMES_BEST * self._best

    def is_diverging(self) -> bool:
        """The last losses are far above the best and the first ones; only a hint."""
        if len(self._recent) < SUMMARY or min(*self._recent, *self._first) <= 0:
            return False
        now = min(self._recent)  # one wild value is none
        return now > TIMES_BEST * self._best and now > TIMES_FIRST * mean(self._first)


def is_masked(loss: float, metrics: dict[str, float]) -> bool:
    norm = next((metrics[name] for name in GRADIENT if name in metrics), 0.0)
    return loss == 0.0 and math.isnan(norm)


def mean(values: Any) -> float:
    return math.fsum(values) / len(values)
