"""Progress learnt from a training's output: where it is, how the loss goes, when it will end.

`Parser` reads line after line and remembers what spans lines (Keras' epoch line, which of
several progress bars is the training). `Tracker` folds what was read into one small state.
Time comes in as an argument; memory and work are bounded whatever the output is.
"""

from __future__ import annotations

import math
import re
from collections import deque
from typing import Any, Iterable, Iterator

from overnight.node import families

Sample = families.Sample

MAX_LINE = 4096
MAX_TRACE = 256
MAX_INTERVALS = 64
SUMMARY = 5
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]|[\x00-\x08\x0e-\x1f\x7f]")
KERAS_EPOCH = re.compile(r"epoch (\d+)/(\d+)$")
KERAS_LINE = re.compile(r"(?:(\d+)/(\d+|unknown)\s+(?:\[|━|- )|- \d+m?s\b)")
YOLO_HEAD = re.compile(r"\s*epoch\s+gpu_mem\s+(.*)")
YOLO_ROW = re.compile(r"\s*(\d+)/(\d+)\s+[\d.]+[gmk]?\s+([\d.\snainf]+):?$")
TRAINING_BAR = re.compile(
    r"(?:train(?:ing)?(?: (?:steps?|progress|loop|epoch|batch(?:es)?|model))?|steps?|iters?|iterations?"
    r"|batch(?:es)?|fine-?tuning|optimization|progress)\W*"
)


def clean(text: str) -> str:
    """Without colours, cursor movements and other control characters."""
    return CONTROLS.sub("", text)


class Parser:
    """Turns lines into samples, with the memory that some formats need."""

    def __init__(self) -> None:
        self._epoch: float | None = None
        self._epochs: int | None = None
        self._bare_epoch: float | None = None
        self._columns: list[str] = []
        self._lane = _Lane()

    def line(self, text: str) -> Sample | None:
        """What the line says about the training, or None. `text` is one line, without colours."""
        low = text.lower()
        if not families.interesting(low):
            return None
        sample = self._sample(text, low)
        if sample is None:
            return None
        if sample.epoch is not None:
            self._epoch = sample.epoch
        elif sample.metrics and sample.step is None:
            sample = sample._replace(epoch=self._epoch)
        return sample

    def _sample(self, text: str, low: str) -> Sample | None:
        if "{" in text and "%|" not in text:
            sample = families.record(text)
            if sample is not None or text.startswith("{"):
                return self._trained(sample)
        if "%|" in text or "it [" in text or "━" in text:
            bar = families.bar(text)
            if bar is not None:
                return self._from_bar(bar)
        if low.startswith("|"):
            return families.cell(text)
        return self._keras(low.strip()) or self._prose(text, low)

    def _prose(self, text: str, low: str) -> Sample | None:
        header = YOLO_HEAD.match(low)
        if header:
            self._columns = header[1].split()
            return None
        sample = families.prose(text)
        if sample and not sample.metrics and sample.epochs is sample.step is sample.steps is None:
            return self._bare(sample)
        return self._trained(sample)

    def _bare(self, sample: Sample) -> Sample | None:
        """`Epoch: 7` and nothing else may be configuration: believed at 0 and 1 and when it counts on."""
        before, self._bare_epoch = self._bare_epoch, sample.epoch
        known = (0, 1, self._epoch, before + 1 if before is not None else None)
        return sample if sample.epoch in known else None

    def _trained(self, sample: Sample | None) -> Sample | None:
        if sample and _has_loss(sample.metrics):
            self._lane.trained()
        return sample

    def _keras(self, low: str) -> Sample | None:
        """Keras: `Epoch 4/200`, then `29/29 ━━━ 4s 92ms/step - loss: 1.2 - val_loss: 1.1`."""
        found = KERAS_EPOCH.match(low)
        if found:
            self._epochs = int(found[2])
            return Sample(epoch=float(found[1]), epochs=self._epochs)
        found = KERAS_LINE.match(low)
        if not found:
            return None
        metrics, _ = families.metrics(low, headed=True)
        if not metrics:
            return None
        steps = int(found[2]) if found[2] and found[2] != "unknown" else None
        step = int(found[1]) if found[1] else None
        return Sample(step, steps, self._epoch, self._epochs, None, metrics, None, nested=True)

    def _from_bar(self, bar: families.Bar) -> Sample | None:
        low = bar.text.lower()
        row = YOLO_ROW.match(low)
        if row:
            return self._yolo(bar, row)
        metrics, _ = families.metrics(bar.postfix.lower(), headed=True)
        word = families.SPLIT.search(low)
        split = families.split_of(word[0]) if word else families.line_split(metrics)
        count = families.counters(low) or families.Counters()
        if word and split != "train":
            return Sample(epoch=count.epoch, split=split, metrics=metrics) if metrics else None
        if low.strip(" :") in ("epoch", "epochs"):  # a bar over whole epochs
            epoch = float(bar.step) or None
            return Sample(epoch=epoch, epochs=bar.steps, metrics=metrics, eta_s=bar.eta_s)
        named = count.epoch is not None or TRAINING_BAR.fullmatch(low) or _has_loss(metrics)
        if not named and (low.strip() or not self._lane.admits(bar)):
            return None
        if named:
            self._lane.name(bar)
        return Sample(
            bar.step, bar.steps, count.epoch, count.epochs, split, metrics, bar.eta_s,
            nested=count.epoch is not None,
        )  # fmt: skip

    def _yolo(self, bar: families.Bar, row: re.Match[str]) -> Sample:
        """Ultralytics: a header of column names, then `1/100  2.3G  1.23  2.34 …` before the bar."""
        values = [families.number(value) for value in row[3].split()]
        metrics = {
            name: value
            for name, value in zip(self._columns, values)
            if value is not None and families.is_metric(name, known_only=True)
        }
        return Sample(
            bar.step, bar.steps, float(row[1]), int(row[2]), None, metrics, None, nested=True
        )


class _Lane:
    """Which of the progress bars without a name is the training.

    The first one, until it is complete; what was complete before any loss was seen was
    preparation. A bar beside a training that is under way is an evaluation.
    """

    def __init__(self) -> None:
        self._total: int | None = None
        self._former: int | None = None
        self._complete = True
        self._trains = False

    def trained(self) -> None:
        self._trains = True

    def name(self, bar: families.Bar) -> None:
        """This bar says itself that it is the training."""
        self._total, self._trains, self._complete = bar.steps, True, False

    def admits(self, bar: families.Bar) -> bool:
        total = bar.steps
        if total != self._total:
            fresh = self._complete and not self._trains
            back = total is not None and total == self._former and total > (self._total or 0)
            if not fresh and not back:
                return False
            self._former, self._total = self._total, total
        self._complete = bar.step == total
        return True


def _has_loss(metrics: dict[str, float]) -> bool:
    return any(families.loss_rank(name) is not None for name in metrics)


def samples(lines: Iterable[str]) -> Iterator[tuple[int, Sample]]:
    """Yields (line number from 1, sample) for what the lines say; progress bars may share a line."""
    parser = Parser()
    for number, line in enumerate(lines, 1):
        for part in clean_parts(line):
            sample = parser.line(part)
            if sample is not None:
                yield number, sample


def clean_parts(line: str) -> list[str]:
    return [clean(part)[:MAX_LINE] for part in re.split(r"[\r\n]", line) if part]


class _Lines:
    """Cuts chunks into lines of bounded length; the start of an unfinished line is kept."""

    def __init__(self) -> None:
        self._partial = b""

    def split(self, chunk: bytes) -> list[str]:
        parts = chunk.replace(b"\r", b"\n").split(b"\n")
        parts[0] = self._partial + parts[0][:MAX_LINE]
        self._partial = parts.pop()[:MAX_LINE]
        return [self._text(part) for part in parts if part]

    def rest(self) -> str:
        """The unfinished line, which then is finished."""
        partial, self._partial = self._partial, b""
        return self._text(partial)

    @staticmethod
    def _text(part: bytes) -> str:
        text = part[:MAX_LINE].decode("utf-8", "replace")
        return text if text.isprintable() else clean(text)


class _Pace:
    """Seconds per unit, learnt from (time, units) marks. Robust: the median of recent intervals.

    The first interval is left out: it holds compilation, caches and the filling of queues.
    """

    def __init__(self) -> None:
        self._marks: list[tuple[float, float]] = []
        self._warm = False

    def mark(self, units: float, now: float) -> None:
        marks = self._marks
        if marks and units <= marks[-1][1]:
            return
        if marks and now <= marks[-1][0]:
            marks[-1] = (marks[-1][0], units)
            return
        marks.append((now, units))
        if len(marks) > (MAX_INTERVALS + 1 if self._warm else 2):
            del marks[0]
            self._warm = True

    def seconds_per_unit(self) -> float | None:
        marks = self._marks
        if not self._warm:
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


class Tracker:
    """The progress of one attempt. Feed it the output as it comes, in chunks of any size.

    `step`, `steps`, `epoch`, `epochs` are as printed last; `loss` is the last training loss;
    `metrics` holds the last value of each name (validation's with `val_` in front where only
    the line says so); `nonfinite` is the first training loss that was NaN or infinite;
    `advanced_at` is the time of the last step forward. `metrics.jsonl`, written for machines,
    is believed over the output for the loss and for the place once it has told them.
    """

    def __init__(self) -> None:
        self.step: int | None = None
        self.steps: int | None = None
        self.epoch: float | None = None
        self.epochs: int | None = None
        self.loss: float | None = None
        self.metrics: dict[str, float] = {}
        self.nonfinite: dict[str, Any] | None = None
        self.advanced_at: float | None = None
        self._output, self._jsonl = _Lines(), _Lines()
        self._parser = Parser()
        self._losses = _Losses()
        self._loss_key: tuple[int, str] | None = None
        self._loss_from_jsonl = self._place_from_jsonl = False
        self._position: tuple[float, int] | None = None
        self._steps_pace, self._epochs_pace = _Pace(), _Pace()
        self._axis = self._offset = 0  # steps since the start, counted on where the step restarts
        self._cycles = 0
        self._nested = self._from_zero = False
        self._printed_end: float | None = None
        self._now = 0.0

    def feed(self, chunk: bytes, now: float) -> None:
        """Takes the next bytes of the output. `now` in seconds, of any clock that only goes on."""
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
        if sample is not None:
            if self._place_from_jsonl:
                sample = sample._replace(step=None, steps=None, epoch=None)
            self._take(sample, now, counts_loss=not self._loss_from_jsonl)

    def _read_jsonl(self, line: str, now: float) -> None:
        sample = families.jsonl(line)
        if sample is not None:
            self._place_from_jsonl |= sample.step is not None or sample.epoch is not None
            self._loss_from_jsonl |= sample.split in (None, "train") and _has_loss(sample.metrics)
            self._take(sample, now, counts_loss=True)

    def _take(self, sample: Sample, now: float, *, counts_loss: bool) -> None:
        before = (self.epoch, self.step, self._axis)
        self._place(sample)
        moved = before != (self.epoch, self.step, self._axis)
        if sample.eta_s is not None and sample.epoch is None:
            self._printed_end = now + sample.eta_s
        counted = self._measure(sample, counts_loss=counts_loss)
        if moved or (counted and sample.step is None):
            self.advanced_at = now
            self._steps_pace.mark(self._axis, now)
            if self.epoch is not None:
                self._epochs_pace.mark(self.epoch, now)

    def _place(self, sample: Sample) -> None:
        new_epoch = sample.epoch is not None and sample.epoch != self.epoch
        if sample.epochs:
            self.epochs = sample.epochs
        if sample.epoch is not None:
            self.epoch = sample.epoch
            self._from_zero |= sample.epoch < 1
        if sample.step is None:
            if new_epoch and self._nested:
                self.step = None
            if sample.steps:
                self.steps = sample.steps
        elif not self._is_aside(sample, new_epoch):
            self._nested = sample.nested
            self._advance(sample, new_epoch)
        place = (self.epoch if self.epoch is not None else self._cycles, self.step or 0)
        if place != (0, 0) and (self._position is None or place > self._position):
            self._position = place

    def _is_aside(self, sample: Sample, new_epoch: bool) -> bool:
        """Whether another, smaller count runs beside; what ran before any loss was preparation."""
        if not sample.steps or not self.steps or sample.steps == self.steps or self.step is None:
            return False
        if not self._losses.count and self.epoch is None:
            self._position, self._steps_pace = None, _Pace()
            self._axis = self._offset = self._cycles = 0
            self.step = None
            return False
        return sample.steps < self.steps and not new_epoch

    def _advance(self, sample: Sample, new_epoch: bool) -> None:
        step = sample.step or 0
        if self.step is None and new_epoch ...
