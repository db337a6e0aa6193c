"""Reads a training's output line by line: chunks cut into lines, lines turned into samples.

`Parser` remembers what spans lines: Keras' epoch line, the columns of Ultralytics, which of
several progress bars is the training. Memory is bounded whatever the output is.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Iterable, Iterator, Mapping

from overnight.node import families, names
from overnight.node.families import Sample

MAX_LINE = 4096
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]|[\x00-\x08\x0e-\x1f\x7f]")
WRITER = re.compile(r"\A\[default\d{1,5}\]:\s?")  # torchrun --tee
KERAS_EPOCH = re.compile(r"epoch (\d{1,9})/(\d{1,9})$")
KERAS_LINE = re.compile(r"(?:(\d{1,12})/(\d{1,12}|unknown)\s{1,9}(?:\[|━|- )|- \d{1,9}m?s\b)")
YOLO_HEAD = re.compile(r"\s*epoch\s+gpu_mem\s+(.*)")
YOLO_ROW = re.compile(r"\s*(\d+)/(\d+)\s+[\d.]+[gmk]?\s+([\d.\snainf]+):?$")
TRAINING_BAR = re.compile(
    r"(?:train(?:ing)?(?: (?:steps?|progress|loop|epoch|batch(?:es)?|model))?|steps?|iters?"
    r"|iterations?|batch(?:es)?|fine-?tuning|optimization|progress)\W*"
)


def clean(text: str) -> str:
    """Without colours, cursor movements and other control characters."""
    return CONTROLS.sub("", text)


def said(text: str) -> str:
    """What the line says, without colours and without the mark of the rank that wrote it."""
    text = clean(text)
    return WRITER.sub("", text, count=1) if text.startswith("[default") else text


class Parser:
    """Turns lines into samples, with the memory that some formats need."""

    def __init__(self) -> None:
        self._epoch: float | None = None
        self._epochs: int | None = None
        self._bare_epoch: float | None = None
        self._columns: list[str] = []
        self._lane = _Lane()

    @property
    def epoch(self) -> float | None:
        """The epoch that was told last."""
        return self._epoch

    def memory(self) -> dict[str, Any]:
        """All that is remembered, as JSON."""
        return {
            "epoch": self._epoch,
            "epochs": self._epochs,
            "bare_epoch": self._bare_epoch,
            "columns": list(self._columns),
            "lane": self._lane.memory(),
        }

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Goes on with what `memory` gave; what it does not name stays as it is."""
        self._epoch = memory.get("epoch", self._epoch)
        self._epochs = memory.get("epochs", self._epochs)
        self._bare_epoch = memory.get("bare_epoch", self._bare_epoch)
        self._columns = list(memory.get("columns", self._columns))
        self._lane.recall(memory.get("lane", {}))

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
            cell = families.cell(low)
            if cell is not None:
                return cell
        return self._keras(low.strip()) or self._prose(low)

    def _prose(self, low: str) -> Sample | None:
        header = YOLO_HEAD.match(low)
        if header:
            self._columns = header[1].split()
            return None
        sample = families.prose(low)
        if sample and not sample.metrics and sample.epochs is sample.step is sample.steps is None:
            return self._bare(sample)
        return self._trained(sample)

    def _bare(self, sample: Sample) -> Sample | None:
        """`Epoch: 7` alone may be configuration: believed at 0 and 1 and when it counts on."""
        before, self._bare_epoch = self._bare_epoch, sample.epoch
        known = {0.0, 1.0}
        for epoch in (before, self._epoch):
            if epoch is not None:
                known |= {epoch, epoch + 1}
        return sample if sample.epoch in known else None

    def _trained(self, sample: Sample | None) -> Sample | None:
        if sample and has_loss(sample.metrics):
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
        metrics, _ = names.values(low, headed=True)
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
        metrics, _ = names.values(bar.postfix.lower(), headed=True)
        count, said_split = _title(low)
        split = said_split or families.line_split(metrics)
        if said_split in ("val", "test"):
            return Sample(epoch=count.epoch, split=split, metrics=metrics) if metrics else None
        if low.strip(" :") in ("epoch", "epochs"):  # a bar over whole epochs
            epoch = float(bar.step) or None
            return Sample(epoch=epoch, epochs=bar.steps, metrics=metrics, eta_s=bar.eta_s)
        named = count.epoch is not None or TRAINING_BAR.fullmatch(low) or has_loss(metrics)
        if not named and (low.strip() or not self._lane.admits(bar)):
            return None
        if named:
            self._lane.name(bar)
        return Sample(
            bar.step, bar.steps, count.epoch, count.epochs, split, metrics, bar.eta_s,
            nested=count.epoch is not None,
        )  # fmt: skip

    def _yolo(self, bar: families.Bar, row: re.Match[str]) -> Sample:
        """Ultralytics: names in a header, then `1/100  2.3G  1.23  2.34 …` before the bar."""
        values = [families.number(value) for value in row[3].split()]
        metrics = {
            name: value
            for name, value in zip(self._columns, values)
            if value is not None and names.is_metric(name, known_only=True)
        }
        return Sample(
            bar.step, bar.steps, float(row[1]), int(row[2]), None, metrics, None, nested=True
        )


@functools.lru_cache(maxsize=16)
def _title(low: str) -> tuple[families.Counters, str | None]:
    """Counters and split in what stands before a bar; the same for many bars on end."""
    word = names.SPLIT.search(low)
    split = names.split_of(word[0]) if word else None
    return families.counters(low) or families.Counters(), split


class _Lane:
    """Which of the progress bars without a name is the training.

    The first one, until it is complete; what was complete before any loss was seen was
    preparation, unless it comes again. A bar beside the training is an evaluation.
    """

    def __init__(self) -> None:
        self._total: int | None = None
        self._former: int | None = None
        self._complete = False
        self._trains = False

    def memory(self) -> dict[str, Any]:
        return {
            "total": self._total,
            "former": self._former,
            "complete": self._complete,
            "trains": self._trains,
        }

    def recall(self, memory: Mapping[str, Any]) -> None:
        self._total = memory.get("total", self._total)
        self._former = memory.get("former", self._former)
        self._complete = memory.get("complete", self._complete)
        self._trains = memory.get("trains", self._trains)

    def trained(self) -> None:
        self._trains = True

    def name(self, bar: families.Bar) -> None:
        """This bar says itself that it is the training."""
        self._total, self._trains, self._complete = bar.steps, True, False

    def admits(self, bar: families.Bar) -> bool:
        total = bar.steps
        if total != self._total:
            fresh = self._total is None or (self._complete and not self._trains)
            back = total is not None and total == self._former and total > (self._total or 0)
            if not fresh and not back:
                return False
            self._former, self._total = self._total, total
            self._trains |= back
        self._complete = bar.step == total
        return True


def has_loss(metrics: dict[str, float]) -> bool:
    return any(names.loss_rank(name) is not None for name in metrics)


def samples(lines: Iterable[str]) -> Iterator[tuple[int, Sample]]:
    """Yields (line number from 1, sample); the progress bars of one line share its number."""
    parser = Parser()
    for number, line in enumerate(lines, 1):
        for part in clean_parts(line):
            sample = parser.line(part)
            if sample is not None:
                yield number, sample


def clean_parts(line: str) -> list[str]:
    return [said(part)[:MAX_LINE] for part in re.split(r"[\r\n]", line) if part]


class Lines:
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
        return text if text.isprintable() and text[:1] != "[" else said(text)
