"""Progress learnt from a training's output: where it is, how the loss goes, when it will end.

`Tracker` folds what `lines.Parser` reads into one small state. Time comes in as an argument;
memory and work are bounded whatever the output is.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any, Iterable

from overnight.node import families, flags, lines, names, primary, sanity

Sample = families.Sample
Parser = lines.Parser
samples = lines.samples

MAX_TRACE = 256
MAX_INTERVALS = 64
SUMMARY = 5


class _Pace:
    """Seconds per unit, learnt from (time, units) marks. Robust: the median of recent intervals.

    The first interval is left out: it holds compilation, caches and the filling of queues.
    """

    def __init__(self) -> None:
        self._marks: list[tuple[float, float]] = []
        self._warm = False

    def mark(self, units: float, now: float) -> None:
        marks = self._marks
        if marks and units == marks[-1][1]:
            return
        if marks and (now < marks[-1][0] or units < marks[-1][1]):
            marks.clear()  # the clock was set back, or the count began anew
        if marks and now == marks[-1][0]:
            marks[-1] = (now, units)
            return
        marks.append((now, units))
        if len(marks) > (MAX_INTERVALS + 1 if self._warm else 2):
            del marks[0]
            self._warm = True

    def seconds_per_unit(self) -> float | None:
        marks = self._marks
        if not self._warm or len(marks) < 2:
            return None
        paces = sorted(
            (after[0] - before[0]) / (after[1] - before[1])
            for before, after in zip(marks, marks[1:])
        )
        middle = len(paces) // 2
        return paces[middle] if len(paces) % 2 else (paces[middle - 1] + paces[middle]) / 2


class _Losses:
    """The training loss in brief: count, first and last values, a decimated curve."""

    def __init__(self) -> None:
        self.count = 0
        self.trace: list[tuple[float, float]] = []
        self._first: list[float] = []
        self._last: deque[float] = deque(maxlen=SUMMARY)
        self._stride = 1
        self._finite = 0

    def add(self, at: float, value: float) -> None:
        self.count += 1
        if not math.isfinite(value):
            return
        if len(self._first) < SUMMARY:
            self._first.append(value)
        self._last.append(value)
        if self._finite % self._stride == 0:
            self._plot(at, value)
        self._finite += 1

    def _plot(self, at: float, value: float) -> None:
        """Every `stride`-th value is kept; when the curve is full, every second point goes."""
        self.trace.append((max(at, self.trace[-1][0]) if self.trace else at, value))
        if len(self.trace) == MAX_TRACE:
            del self.trace[1::2]
            self._stride *= 2

    def first(self) -> float | None:
        return _mean(self._first)

    def last(self) -> float | None:
        return _mean(self._last)


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return math.fsum(known) / len(known) if known else None


class _Place:
    """Step and epoch as printed last, and what follows from how they move.

    `axis` counts steps since the start, going on where the step restarts with each epoch.
    `nested` tells whether the step restarts; the way a line is written says so at first, the
    first change of the epoch proves it. `furthest` orders attempts: (epoch, step), or with
    steps that run through, (0, step).
    """

    def __init__(self) -> None:
        self.step: int | None = None
        self.steps: int | None = None
        self.epoch: float | None = None
        self.epochs: int | None = None
        self.axis = 0
        self.nested = False
        self.furthest: tuple[float, int] | None = None
        self._proved: bool | None = None
        self._by_epoch = False
        self._from_zero = False
        self._last_step: int | None = None
        self._offset = 0
        self._cycles = 0

    def take(self, sample: Sample) -> bool:
        """True where the sample is a step forward."""
        before = (self.epoch, self.step, self.axis)
        new_epoch = sample.epoch is not None and sample.epoch != self.epoch
        rises = new_epoch and (self.epoch is None or (sample.epoch or 0) > self.epoch)
        self.epochs = sample.epochs or self.epochs
        if sample.epoch is not None:
            self.epoch = sample.epoch
            self._from_zero |= sample.epoch < 1
        if sample.step is not None and not self._is_aside(sample, new_epoch):
            self._count(sample, sample.step, rises)
        elif sample.step is None:
            self.steps = sample.steps or self.steps
            self.step = None if new_epoch and self.nested else self.step
        self._extend()
        return before != (self.epoch, self.step, self.axis)

    def was_preparation(self, sample: Sample) -> bool:
        """Whether the sample starts another count than the one so far.

        Before any loss was seen, that one was the preparation of a data set.
        """
        if self.epoch is not None or self.step is None or sample.step is None:
            return False
        return bool(self.steps and sample.steps and self.steps != sample.steps)

    def _is_aside(self, sample: Sample, new_epoch: bool) -> bool:
        """Whether the sample belongs to a smaller count beside the training."""
        if self.step is None or not self.steps or not sample.steps or new_epoch:
            return False
        under_way = self.epoch is not None or self.step < self.steps
        return under_way and sample.steps < self.steps

    def _count(self, sample: Sample, step: int, rises: bool) -> None:
        last = self._last_step
        if last is not None and (step < last or (rises and sample.nested and step == last)):
            if not rises and step * 2 > last:
                return  # a late line of another rank
            self._offset = max(self.axis, self._offset + (self.steps or 0))
            self._cycles += 1
            if self.epoch is not None:
                self._proved = True
        elif last and rises and self.epoch == int(self.epoch or 0) and step > last:
            self._proved = False
        self.nested = sample.nested if self._proved is None else self._proved
        self._by_epoch |= self.nested
        if last is None and not self._by_epoch:
            self.furthest = None  # epochs alone ordered it, from now on steps do
        self._last_step = self.step = step
        if sample.steps or (self.steps and step > self.steps):
            self.steps = sample.steps
        self.axis = max(self.axis, self._offset + step)

    def _extend(self) -> None:
        major: float = self._cycles
        if self.epoch is not None and (self._by_epoch or self.step is None):
            major = self.epoch
        place = (major, self.step or 0)
        if place != (0, 0) and (self.furthest is None or place > self.furthest):
            self.furthest = place

    def epochs_left(self) -> float | None:
        """None where the epoch or the number of epochs is not known."""
        if self.epoch is None or not self.epochs:
            return None
        first = 0 if self._from_zero else 1
        if self.epoch != int(self.epoch):
            done = self.epoch
        elif self.nested and self.step is not None:
            done = self.epoch - first + (self.step / self.steps if self.steps else 0)
        else:  # lines that come once per epoch come at its end
            done = self.epoch - first + 1
        return max(0.0, self.epochs - done)

    def steps_left(self) -> int | None:
        """None where the number of steps of the whole training is not known."""
        if self.nested or self._cycles or self.step is None or not self.steps:
            return None
        return max(0, self.steps - self.step)


class Tracker:
    """The progress of one attempt. Feed it the output as it comes, in chunks of any size.

    `loss` is the last training loss; `metrics` holds the last value of each name (with `val_` or
    `test_` in front where only the line says so); `nonfinite` is the first training loss that
    was NaN or infinite; `primary` follows the primary metric where one was named; `flags` tell
    what is wrong with the curves;
    `advanced_at` is the time of the last step forward. `metrics.jsonl`, written for machines, is
    believed over the output for the loss and for step and epoch once it has told them.
    """

    def __init__(self) -> None:
        self.loss: float | None = None
        self.metrics: dict[str, float] = {}
        self.nonfinite: dict[str, Any] | None = None
        self.sanity = sanity.Sanity()
        self.primary: primary.Curve | None = None
        self.flags = flags.Flags()
        self.advanced_at: float | None = None
        self._now = 0.0
        self._output, self._jsonl = lines.Lines(), lines.Lines()
        self._parser = lines.Parser()
        self._losses = _Losses()
        self._loss_rank, self._loss_name = 9, ""
        self._jsonl_tells_loss = self._jsonl_tells_step = self._jsonl_tells_epoch = False
        self._output_tells_epoch = False
        self._place = _Place()
        self._step_pace, self._epoch_pace = _Pace(), _Pace()
        self._printed_end: float | None = None

    def feed(self, chunk: bytes, now: float) -> None:
        """Takes the next bytes of the output. `now` in seconds, of any clock."""
        self._now = now
        for line in self._output.split(chunk):
            self._read(line, now)

    def feed_jsonl(self, chunk: bytes, now: float) -> None:
        """Takes the next bytes of `metrics.jsonl`."""
        self._now = now
        for line in self._jsonl.split(chunk):
            self._read_jsonl(line, now)

    def finish(self, now: float) -> None:
        """Reads last lines that have no newline; to be called when the process has ended."""
        self._now = now
        self._read(self._output.rest(), now)
        self._read_jsonl(self._jsonl.rest(), now)

    def _read(self, line: str, now: float) -> None:
        sample = self._parser.line(line)
        if sample is None:
            return
        self._take_primary(sample, primary.OUTPUT)
        if self._jsonl_tells_step:
            epoch = None if self._jsonl_tells_epoch else sample.epoch
            sample = sample._replace(step=None, steps=None, epoch=epoch)
        self._output_tells_epoch |= sample.epoch is not None
        self._take(sample, now, counts_loss=not self._jsonl_tells_loss)

    def _read_jsonl(self, line: str, now: float) -> None:
        sample = families.jsonl(line)
        if sample is None:
            return
        self._take_primary(sample, primary.JSONL)
        if sample.step is None and self._output_tells_epoch and not self._jsonl_tells_epoch:
            sample = sample._replace(epoch=None)  # the output counts finer
        if sample.step is not None and not self._jsonl_tells_step:
            self._jsonl_tells_step = True
            self._start_over()
        self._jsonl_tells_epoch |= sample.epoch is not None
        if not self._jsonl_tells_loss and lines.has_loss(sample.metrics):
            self._jsonl_tells_loss = True
            self._loss_rank = 9
        self._take(sample, now, counts_loss=True)

    def _take_primary(self, sample: Sample, source: str) -> None:
        curve = self.primary
        if curve is None:
            return
        before = curve.count
        curve.take(sample, source)
        if curve.count > before:
            self.flags.measured(curve.name, curve.sign, curve.tail[-1])

    def _take(self, sample: Sample, now: float, *, counts_loss: bool) -> None:
        if not self._losses.count and self._place.was_preparation(sample):
            self._start_over()
        place = self._place
        moved = place.take(sample)
        if sample.eta_s is not None:
            self._printed_end = now + sample.eta_s
        counted = counts_loss and self._count_loss(sample)
        self.sanity.evaluated(sample.split, sample.metrics)
        self.flags.checked(sample.split, sample.metrics, place.step, _tidy(place.epoch))
        self._keep_metrics(sample)
        if moved or (counted and sample.step is None):
            self.advanced_at = now
        if moved:
            self._step_pace.mark(place.axis, now)
            if place.epoch is not None:
                self._epoch_pace.mark(place.epoch, now)

    def _start_over(self) -> None:
        self._place = _Place()
        self._step_pace, self._epoch_pace = _Pace(), _Pace()
        self._printed_end = None

    def _keep_metrics(self, sample: Sample) -> None:
        prefix = f"{sample.split}_" if sample.split in ("val", "test") else ""
        for name, value in sample.metrics.items():
            if prefix and names.split_of(name) is None:
                name = prefix + name
            if name in self.metrics or len(self.metrics) < names.MAX_METRICS:
                self.metrics[name] = value

    def _count_loss(self, sample: Sample) -> bool:
        """Follows one kind of training loss; where a surer one appears, starts over with it."""
        if sample.split in ("val", "test"):
            return False
        ranked = [(names.loss_rank(name), name) for name in sample.metrics]
        known = [(rank, name) for rank, name in ranked if rank is not None]
        if not known:
            return False
        rank, name = min(known, key=lambda pair: pair[0])
        if rank < self._loss_rank:
            self._losses = _Losses()
            self.flags.start_over()
        elif self._loss_rank and self._loss_name in sample.metrics:
            rank, name = self._loss_rank, self._loss_name
        elif rank:
            return False
        self._loss_rank, self._loss_name = rank, name
        self._note_loss(name, sample.metrics)
        return True

    def _note_loss(self, name: str, metrics: dict[str, float]) -> None:
        place, value = self._place, metrics[name]
        self.sanity.took(name, value, place.step, _tidy(place.epoch), metrics)
        self.flags.trained(name, value, place.step, _tidy(place.epoch))
        self.loss = value
        self._losses.add(place.axis or self._losses.count, value)
        if not math.isfinite(value) and self.nonfinite is None:
            self.nonfinite = {"name": name, "step": place.step, "epoch": _tidy(place.epoch)}

    def position(self) -> list[float] | None:
        """The furthest place, for comparison with that of another attempt; None at the start."""
        furthest = self._place.furthest
        return [_tidy(furthest[0]) or 0, furthest[1]] if furthest else None

    def axis(self) -> int | None:
        """Steps since the start, going on where the step restarts; None where none is counted."""
        return self._place.axis if self._place.step is not None else None

    def steps_to_pause(self) -> int | None:
        """Steps left until the epoch, or the training, has ended; None where that is not known."""
        place = self._place
        if place.step is None or not place.steps:
            return None
        return max(0, place.steps - place.step)

    def is_at_end(self) -> bool:
        """Whether the last step of the last epoch was seen."""
        return self._place.steps_left() == 0 or self._place.epochs_left() == 0

    def step_time_s(self) -> float | None:
        return self._step_pace.seconds_per_unit()

    def eta_s(self, now: float) -> float | None:
        """Seconds left of the whole training; None where its length or its pace is not known."""
        left = self._work_left_s()
        if left is not None and self.advanced_at is not None:
            return max(0.0, left - max(0.0, now - self.advanced_at))
        if self._printed_end is not None and self._place.steps_left() is not None:
            return max(0.0, self._printed_end - now)
        return None

    def _work_left_s(self) -> float | None:
        place, step_s = self._place, self.step_time_s()
        steps_left = place.steps_left()
        if steps_left is not None:
            return steps_left * step_s if step_s is not None else None
        epochs_left = place.epochs_left()
        if epochs_left is None:
            return None
        epoch_s = self._epoch_pace.seconds_per_unit()
        if epoch_s is None and step_s is not None and place.nested and place.steps:
            epoch_s = step_s * place.steps
        return epochs_left * epoch_s if epoch_s is not None else None

    def _part_left(self) -> float | None:
        """What remains of the training, from 0 to 1; None where its length is not known."""
        place = self._place
        if (steps := place.steps_left()) is not None and place.steps:
            return steps / place.steps
        epochs = place.epochs_left()
        return epochs / place.epochs if epochs is not None and place.epochs else None

    def loss_trace(self) -> list[tuple[float, float]]:
        """At most 256 points (steps since the start, or the count of losses; finite loss)."""
        return list(self._losses.trace)

    def to_dict(self, now: float | None = None) -> dict[str, Any]:
        """Plain JSON. A loss or metric that is NaN or infinite is None; see `nonfinite`."""
        place, losses = self._place, self._losses
        return {
            "step": place.step,
            "steps": place.steps,
            "epoch": _tidy(place.epoch),
            "epochs": place.epochs,
            "loss": _finite(self.loss),
            "metrics": {name: _finite(value) for name, value in self.metrics.items()},
            "nonfinite": self.nonfinite,
            "loss_n": losses.count,
            "loss_first": losses.first(),
            "loss_last": losses.last(),
            "step_time_s": self.step_time_s(),
            "eta_s": self.eta_s(self._now if now is None else now),
            "position": self.position(),
            "flags": self.flags.now(self._part_left()),
            **({"primary": self.primary.brief()} if self.primary is not None else {}),
        }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _tidy(epoch: float | None) -> float | None:
    """A whole epoch as an int, as it was printed."""
    return int(epoch) if epoch is not None and epoch == int(epoch) else epoch
