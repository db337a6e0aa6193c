"""What goes wrong with the curves of a living training, as short flags. Pure, bounded.

A flag ends nothing and stays only as long as it is true: a curve that recovers loses it. Judged
are the training loss, the loss of the validation and the primary metric, each in at most `MOST`
points. All lags are on the safe side: a flag comes some values late rather than wrongly.

- `nan`: the last training losses are no numbers;
- `diverged`: the last ones have lost again nearly all that the training had learnt;
- `spikes`: one of the last losses stood far above those around it;
- `overfit`: the last validations are clearly worse than the best, and the training went on down;
- `plateau`: nothing useful was gained in the last half, and a good part of the training remains.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from typing import Any, NamedTuple, Sequence

from overnight.node import names, spellings
from overnight.node.patience import median

MOST = 96
RECENT = 48
FEW_BAD = 3
LEARNT = 20  # training losses before divergence is spoken of
ABOVE, LOST = 0.25, 0.8  # what it had to learn, of the first loss, and how much of that is lost
NORMAL = 1.4826  # median absolute deviation to standard deviation
FAR, TIMES = 12.0, 2.0  # a spike: deviations from the median, and as a multiple of it
CHECKS = 6  # validations before anything is said of them
OF_FALL, OF_LEVEL, OF_NOISE = 0.05, 0.02, 6.0
LONG, LITTLE, LEFT = 16, 0.01, 0.25
UNSEEN = 0.05  # of all that was gained: where the noise hides more, nothing is said
OF_MEDIANS = 2.5  # of the noise of a third: so far apart two medians of it may be
MANY = 24
NO_LOSS = 9


class Point(NamedTuple):
    """`at`: the number of training losses before it; `step` and `epoch` as printed."""

    at: float
    value: float
    step: float | None = None
    epoch: float | None = None


class Thin:
    """A curve in at most MOST points: the means of 1, 2, 4, … values each. The best is exact."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.best: Point | None = None
        self.size = 1
        self._open: list[Point] = []

    def add(self, point: Point) -> None:
        if self.best is None or point.value < self.best.value:
            self.best = point
        self._open.append(point)
        if len(self._open) < self.size:
            return
        self.points.append(_mean(self._open))
        self._open = []
        if len(self.points) == MOST:
            self.points = [_mean(pair) for pair in zip(self.points[::2], self.points[1::2])]
            self.size *= 2

    def values(self) -> list[float]:
        return [point.value for point in self.points]


def _mean(points: Sequence[Point]) -> Point:
    value = math.fsum(each.value for each in points) / len(points)
    return points[-1]._replace(value=value)


class Flags:
    """Feed it training losses and what validations say; `now` tells the flags."""

    def __init__(self) -> None:
        self._train, self._val, self._primary = Thin(), Thin(), Thin()
        self._name = self._val_name = self._primary_name = ""
        self._sign, self._rank, self._count, self._bad = 1.0, NO_LOSS, 0, 0
        self._since: Point | None = None
        self._recent: deque[Point] = deque(maxlen=RECENT)
        self._first: list[float] = []
        self._told: tuple[int, list[dict[str, Any]]] = (-1, [])
        self._news = 0

    def start_over(self) -> None:
        """The training loss is another series from now on."""
        self._train, self._count, self._bad, self._since = Thin(), 0, 0, None
        self._recent.clear()
        self._first = []

    def trained(self, name: str, value: float, step: float | None, epoch: float | None) -> None:
        self._name, self._news = name, self._news + 1
        self._count += 1
        point = Point(self._count, value, step, epoch)
        if not math.isfinite(value):
            self._since = self._since or point
            self._bad += 1
            return
        self._bad, self._since = 0, None
        self._recent.append(point)
        if len(self._first) < FEW_BAD:
            self._first.append(value)
        self._train.add(point)

    def checked(
        self,
        split: str | None,
        metrics: dict[str, float],
        step: float | None,
        epoch: float | None,
    ) -> None:
        """A line's metrics; the loss of the validation among them counts."""
        for name, value in metrics.items():
            rank, name = val_loss(name, split)
            if rank > self._rank or rank == NO_LOSS or not math.isfinite(value):
                continue
            if rank < self._rank or name != self._val_name:
                if rank == self._rank:
                    continue
                self._rank, self._val, self._val_name = rank, Thin(), name
            self._val.add(Point(self._count, value, step, epoch))
            self._news += 1

    def measured(self, name: str, sign: float, row: Sequence[float | None]) -> None:
        """The primary metric: [step, epoch, value]; `sign` -1 where lower is better."""
        step, epoch, value = row
        if value is None:
            return
        if name != self._primary_name:
            self._primary, self._primary_name, self._sign = Thin(), name, -sign
        self._primary.add(Point(self._count, self._sign * value, step, epoch))
        self._news += 1

    def now(self, left: float | None) -> list[dict[str, Any]]:
        """[{"finding", "at", "sentence"}]. `left`: the part of the training that remains."""
        if self._told[0] != self._news:
            lost = self._nan() or self._diverged()
            found = [lost] if lost else [self._spike(), self._of_checks(left)]
            self._told = (self._news, [each for each in found if each])
        return self._told[1]

    # -- the training loss ----------------------------------------------------------------------

    def _nan(self) -> dict[str, Any] | None:
        if self._bad < FEW_BAD or self._since is None:
            return None
        return flag("nan", self._since, f"{self._name} is no number since {place(self._since)}")

    def _diverged(self) -> dict[str, Any] | None:
        best = self._train.best
        if self._count < LEARNT or best is None or len(self._recent) < 2 * FEW_BAD:
            return None
        start = math.fsum(self._first) / len(self._first)
        values = self._train.values()
        learnt = start - min(values)
        sound = values[: values.index(min(values)) + 1]
        if learnt <= max(ABOVE * abs(start), OF_NOISE * noise(sound)):
            return None
        lowest = min(point.value for point in list(self._recent)[-2 * FEW_BAD :])
        if lowest <= start - (1 - LOST) * learnt:
            return None
        said = f"{self._name} {short(lowest)}, it began at {short(start)}; best at {place(best)}"
        return flag("diverged", best, said)

    def _spike(self) -> dict[str, Any] | None:
        if len(self._recent) < RECENT // 2 or self._count < RECENT:
            return None
        values = [point.value for point in self._recent]
        middle = median(values)
        spread = NORMAL * median([abs(value - middle) for value in values])
        high = max(self._recent, key=lambda point: point.value)
        if high.value <= max(TIMES * abs(middle), middle + FAR * spread):
            return None
        return flag(
            "spikes",
            high,
            f"{self._name} {short(high.value)} at {place(high)}, around it {short(middle)}",
        )

    # -- validations ----------------------------------------------------------------------------

    def _of_checks(self, left: float | None) -> dict[str, Any] | None:
        found = self._overfit(self._val, self._val_name, 1.0)
        found = found or self._overfit(self._primary, self._primary_name, self._sign)
        if found:
            return found
        if self._primary_name:
            return self._plateau(self._primary, self._primary_name, left)
        return self._plateau(self._val, self._val_name, left)

    def _overfit(self, curve: Thin, name: str, sign: float) -> dict[str, Any] | None:
        best, values = curve.best, curve.values()
        if best is None or len(values) < CHECKS:
            return None
        lowest_mean = min(curve.points, key=lambda point: point.value)  # as noisy as the others
        since = [point for point in curve.points if point.at > lowest_mean.at]
        if len(since) < max(FEW_BAD, len(values) // 5) or not self._went_on(lowest_mean):
            return None
        level, now = lowest_mean.value, min(values[-FEW_BAD:])
        needed = max(OF_FALL * (values[0] - level), OF_LEVEL * abs(level), OF_NOISE * noise(values))
        if now - level <= needed:
            return None
        worse = "rising" if sign > 0 else "falling"
        said = f"{name} best {short(sign * best.value)} at {place(best)}, {worse} since"
        return flag("overfit", best, said)

    def _went_on(self, best: Point) -> bool:
        """Whether the training loss went on down after that."""
        values = self._train.values()
        after = [point.value for point in self._train.points if point.at > best.at]
        if len(after) < FEW_BAD:
            return False
        then = math.fsum(after[:FEW_BAD]) / FEW_BAD
        last = math.fsum(after[-FEW_BAD:]) / FEW_BAD
        return then - last > OF_LEVEL * (values[0] - min(values)) > 0

    def _plateau(self, curve: Thin, name: str, left: float | None) -> dict[str, Any] | None:
        values, best = curve.values(), curve.best
        if best is None or len(values) < LONG or left is None or left < LEFT:
            return None
        half = len(values) // 2
        third = half // 2
        before, last = median(values[half : half + third]), median(values[-third:])
        gained = max(values[:2]) - min(values)
        unseen = OF_MEDIANS * noise(values) / math.sqrt(third)
        if abs(before - last) > max(LITTLE * gained, unseen) or unseen > UNSEEN * gained:
            return None
        where = curve.points[half]
        said = f"{name} has gained nothing since {place(where)}; {100 * left:.0f} % remain"
        return flag("plateau", where, said)


def flag(finding: str, at: Point, sentence: str) -> dict[str, Any]:
    where = at.step if at.step is not None else at.epoch
    return {"finding": finding, "at": where, "sentence": sentence}


def place(point: Point) -> str:
    if point.epoch is not None and point.step is None:
        return f"epoch {point.epoch:g}"
    return f"step {point.step:g}" if point.step is not None else f"value {point.at:g}"


def short(value: float) -> str:
    return f"{value:.4g}"


def noise(values: Sequence[float]) -> float:
    """Of one value, from second differences: a trend counts for nothing."""
    second = sorted(abs(a - 2 * b + c) for a, b, c in zip(values, values[1:], values[2:]))
    if not second:
        return 0.0
    robust = NORMAL * median(second)
    if len(second) < MANY:  # of a few the median may be far too small
        kept = second[: max(1, len(second) - len(second) // 8)]
        robust = max(robust, math.fsum(kept) / len(kept) / 0.8)
    return robust / math.sqrt(6.0)


@functools.lru_cache(maxsize=512)
def val_loss(name: str, split: str | None) -> tuple[int, str]:
    """How surely it is the loss of the validation, and what it is called.

    As `names.loss_rank`; NO_LOSS for no such.
    """
    if spellings.fold(name, split)[0] != spellings.VAL:
        return NO_LOSS, name
    words = [word for word in names.tokens(name) if names.split_of(word) is None]
    rank = names.loss_rank("_".join(words)) if words else None
    return NO_LOSS if rank is None else rank, spellings.spelled(name, split)
