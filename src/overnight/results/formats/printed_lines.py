"""What one printed line says: the node's parser, the families that only a log at rest needs, names.

This is the careful way, line by line; `printed_shapes` reads in bulk what it has proved to be read
here the same way. The memory holds what a line leaves for later ones (an epoch's heading, the
columns of a table) and is plain JSON.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from overnight.core import output

NUMBER = r"[-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf(?:inity)?)"
VALUE = re.compile(NUMBER, re.IGNORECASE)
CAFFE_NET = re.compile(
    r"(train|test) net output #\d+: ([\w./-]+) = (" + NUMBER + r")(?=\s|$)", re.I
)
CAFFE_TEST = re.compile(r"iteration (\d+), testing net", re.IGNORECASE)
REACHED = re.compile(
    r"epoch (\d+), (?:global )?step (\d+): '?([\w./@-]+)'? reached (" + NUMBER + r") \(best", re.I
)
BOOSTED = re.compile(r"(?:\[[^]]*\]\s*)?\[(\d+)\]\s+(?=[\w']+[\w' @.-]*:)")
BOOSTED_PAIR = re.compile(
    r"([\w'][\w' @.-]*?)\s*:\s*(" + NUMBER + r")(?:\s*[+]\s*[\d.e-]+)?(?=\s|$)", re.I
)
CATBOOST = re.compile(r"(\d+):\s+(learn|test): ")
CATBOOST_PAIR = re.compile(r"(learn|test): (" + NUMBER + r")")
DARKNET = re.compile(r"\s*(\d+): (" + NUMBER + r"), (" + NUMBER + r") avg(?: loss)?, ", re.I)
STARRED = re.compile(r"\s*\*\s")
FINAL_PAIR = re.compile(r"([a-z][\w/@.-]*):\s{1,60}(" + NUMBER + r")\s*$", re.IGNORECASE)
METRIC_HEAD = re.compile(r"\b(test|validate|validation) metric\b.*\bdataloader 0\b")
METRIC_ROW = re.compile(r"[\s│|]*([\w/@.-]+)[\s│|]+(" + NUMBER + r")[\s│|]*$", re.IGNORECASE)
RULE = re.compile(r"\s*[─━═┏┓┗┛┡┩╇┯┷└┘┴┬├┤┼╞╡╪+=-]{10,}\s*$")
CELL_NAME = re.compile(r"[A-Za-z][\w/@.() -]{0,60}$")
CELLS = re.compile(r"\s*[|\t]\s*|\s{2,}")
CLOCK = re.compile(r"\d+:\d\d(?::\d\d)?(?:\.\d+)?$")
UNREAD = re.compile(
    r"(?<![\w./-])((?:\w+[ _/])?(?:loss|acc|accuracy))\s?[:=]\s?(tensor\(\[|\[|none\b|-{2,}|n/a\b)"
)
RULER = "---"
# Beside the hints of the node's parser; what may say something holds one of them.
HINTS = (
    *("net output #", "testing net", "reached", "dataloader 0", "average precision", RULER),
    *("f1", "wer:", "iou", "dice", "auc", "ppl", "perplex", "bleu", "rouge", "psnr", "mse", "mae"),
)
METRICS = HINTS[6:]
ROUND = re.compile(rb"(?:\[[^]]*\]\s*)?\[\d+\]\s|\s*\d+:\s")
# A line of a configuration: losses are seldom whole numbers.
SETTING = re.compile(r"\s*[\"']?[\w.]*loss[\w.]*[\"']?\s*[:=]\s*\d+,?\s*$", re.IGNORECASE)
EMPTY = ("none", "-", "no log")
SAVED = re.compile(r"saving dict for global step (\d+): ", re.IGNORECASE)
AT = re.compile(
    r"(?:.*[\]|-] )?((?:[a-z]+[ _]){0,3}(?:loss|acc|accuracy|error|perplexity))(?: \([\w ]*\))?"
    r" (?:for|at|of|in|after) (?:the )?(epoch|step|iteration|iter) #?(\d+)"
    r"(?: ?(?:/|of) ?\d+)?(?: is| was)?\s?[:=]?\s?(" + NUMBER + r")%?\s*$",
    re.IGNORECASE,
)
AT_STEP = re.compile(
    r"\b(?:at|after|for) (?:global )?(?:step|iteration|iter) (\d+)\b", re.IGNORECASE
)
SECTION = re.compile(
    r"(?<![\w/.-])(train|training|val|valid|validation|eval|evaluation|dev|test)"
    r"(?: ?set)?\s*(?::|=|->|\||-|\()\s*(?=[a-z{\[(])"
)
QUOTES = re.compile(r"['\"{}\[\]]")
SHARE = re.compile(r"(accuracy): (\d+)/(\d+) \(", re.IGNORECASE)
COCO = re.compile(
    r".*average (?:precision|recall)\s+\((a[pr])\) @\[ ?iou=([\d.:]+)\s*\|\s*area=\s*(\w+)\s*\|"
    r"\s*maxdets=\s*(\d+)\s*\]\s*=\s*(\d+\.\d+)\s*$",
    re.IGNORECASE,
)
COUNTS = {
    "epoch": "epoch",
    **dict.fromkeys(
        ("step", "iteration", "iter", "global_step", "training step", "steps", "batch"), "step"
    ),
}
MOST_COLUMNS = 64
MOST_CHARACTERS = 4096


class Said(NamedTuple):
    """The values of a line: (name as written, split, value). `trouble`: why it was not read."""

    step: float | None
    epoch: float | None
    split: str | None
    values: tuple[tuple[str, str | None, float], ...]
    is_bar: bool = False
    trouble: str = ""


class Parser:
    """Reads line by line. `memory` is what an earlier reading of the same file left."""

    def __init__(self, memory: Mapping[str, Any] | None = None) -> None:
        self._node = output.Parser()
        self._fresh = self._node.memory()["lane"]
        self.recall(memory or {})

    def memory(self) -> dict[str, Any]:
        known = self._node.memory()
        kept = {key: known[key] for key in ("epoch", "bare_epoch", "columns")}
        return {**kept, "aside": self.aside, "table": list(self._table), "caffe": self._caffe,
                "ended": self._ended, "metrics": self._metrics, "rules": self._rules}  # fmt: skip

    def recall(self, memory: Mapping[str, Any]) -> None:
        self._node.recall({"epoch": None, "bare_epoch": None, "columns": [], **memory})
        self.aside: str | None = memory.get("aside")
        self._table: tuple[str, ...] = tuple(memory.get("table", ()))
        self._caffe: int | None = memory.get("caffe")
        self._ended: bool = memory.get("ended", False)
        self._metrics: str | None = memory.get("metrics")
        self._rules: int = memory.get("rules", 0)

    def heard(self, epoch: float | None, aside: str | None) -> None:
        """What lines left that were read elsewhere."""
        if epoch is not None:
            self._node.recall({"epoch": epoch})
        self.aside = aside

    @property
    def waits(self) -> bool:
        """Whether lines may now count that say nothing by themselves."""
        return bool(self._table) or self._ended or self._metrics is not None

    @property
    def epoch(self) -> float | None:
        known: float | None = self._node.epoch
        return known

    def line(self, text: str) -> Said | None:
        """What the line says; None where it says nothing. `text` without colours and line ends."""
        said = self._line(text, text.lower())
        if said is not None and said.values:
            self.aside = said.split
        return said

    def _line(self, text: str, low: str) -> Said | None:
        said = self._tabled(text, low)
        if said is None and ("net output #" in low or "testing net" in low):
            return self._of_caffe(text)
        if said is None and "reached" in low:
            said = _reached(text)
        if said is None and low[:1] in DIGIT_STARTS:
            said = _boosted(text)
        if said is None and self._ended:
            said = self._final(text, low)
        if said is not None:
            return said
        if "average precision" in low:
            return _coco(text)
        if output.interesting(low):
            return self._usual(text, low)
        self._ended |= low.strip() == RULER
        if any(each in low for each in METRICS):
            return self._said(output.prose(low), text)
        return None

    def _usual(self, text: str, low: str) -> Said | None:
        """By the node's parser; a configuration in front of the record is left out."""
        if SETTING.match(text):
            return None
        self._node.recall({"lane": self._fresh})
        said = self._sentence(low, text) or self._said(self._node.line(text), text)
        if said is None and "}, " in text:
            text = text[text.rfind("}, ") + 3 :]
            said = self._said(self._node.line(text), text)
        if said is None:
            trouble = UNREAD.search(low)
            if trouble and "(" not in trouble[1]:
                why = f"{trouble[1]} is no single number"
                return Said(None, None, None, (), trouble=why)
        return said

    def _sentence(self, low: str, text: str) -> Said | None:
        """Forms in which counter, split and value stand in an order of their own."""
        found = SAVED.search(text)
        if found:  # TensorFlow's estimators: the evaluation at a step
            values, _ = output.values(low[found.end() :], headed=True)
            kept = tuple((written(name, text), "val", value) for name, value in values.items())
            return Said(float(found[1]), None, "val", kept)
        found = AT.match(text) if " for " in low or " at " in low or " of " in low else None
        if found:
            name, counter, count, value = found.groups()
            split, number = output.split_of(name), float(count)
            step, epoch = (None, number) if counter.lower() == "epoch" else (number, None)
            if epoch is not None:
                self._node.recall({"epoch": epoch})
            return Said(step, epoch, split, ((name.strip(), split, float(value)),))
        return self._sections(low, text)

    def _sections(self, low: str, text: str) -> Said | None:
        """`epoch 3 | train: loss 0.5 acc 0.7 | val: loss 0.6 acc 0.65`: a name in each split."""
        cuts = list(SECTION.finditer(low))
        if len({found[1] for found in cuts}) < 2:
            return None
        names = [found[1] for found in output.PAIR.finditer(QUOTES.sub(" ", low))]
        if len(set(names)) == len(names):
            return None
        head = self._node.line(text[: cuts[0].start()].rstrip(" |-,") + " loss: 0.0")
        values: list[tuple[str, str | None, float]] = []
        for place, found in enumerate(cuts):
            end = cuts[place + 1].start() if place + 1 < len(cuts) else len(low)
            part = QUOTES.sub(" ", low[found.end() : end])
            split = output.split_of(found[1])
            for name, value in output.values(part, headed=True)[0].items():
                if output.is_wanted(name):
                    values.append((written(name, text), split, value))
        told = [(name, split) for name, split, _ in values]
        if not values or len(set(told)) < len(told):
            return None
        step, epoch = (head.step, head.epoch) if head else (None, None)
        return Said(step, epoch, None, tuple(values))

    def _said(self, sample: output.Sample | None, text: str) -> Said | None:
        if sample is None:
            return None
        split, step, epoch = sample.split, sample.step, sample.epoch
        if step is None and split in ("val", "test"):
            at = AT_STEP.search(text)
            step = int(at[1]) if at else None
        if epoch is None and step is None:
            epoch = self.epoch
        if split is None and STARRED.match(text) and not any(map(output.split_of, sample.metrics)):
            split = self.aside
        values = [
            (written(name, text), output.split_of(name) or split, value)
            for name, value in sample.metrics.items()
            if output.is_wanted(name)
        ]
        share = SHARE.search(text) if "accuracy" not in sample.metrics else None
        if share and values and float(share[3]):
            values.append((share[1], split, 100 * float(share[2]) / float(share[3])))
        is_bar = "%|" in text or "it [" in text or "━" in text
        return Said(step, epoch, split, tuple(values), is_bar)

    def _of_caffe(self, text: str) -> Said | None:
        test = CAFFE_TEST.search(text)
        if test:
            self._caffe = int(test[1])
            return None
        found = CAFFE_NET.search(text)
        if not found:
            return None
        split, name = found[1].lower(), found[2]
        if split == "train" and name == "loss":  # the solver's own line has told it
            return None
        step = float(self._caffe) if split == "test" and self._caffe is not None else None
        return Said(step, None, split, ((name, split, float(found[3])),))

    def _final(self, text: str, low: str) -> Said | None:
        """The lines `key:   value` behind `---`, with which some trainings end."""
        found = FINAL_PAIR.match(text)
        if not found or not output.is_metric(found[1], known_only=True):
            return None
        split = output.split_of(found[1])
        return Said(None, self.epoch, split, ((found[1], split, float(found[2])),))

    def _tabled(self, text: str, low: str) -> Said | None:
        if self._metrics is not None:
            said = self._metric_row(text, self._metrics)
            if said is not None:
                return said
        head = METRIC_HEAD.search(low) if "dataloader 0" in low else None
        if head:
            self._metrics, self._rules = output.split_of(head[1]), 2
            return None
        if self._table and any(each in text for each in DIGITS):
            said = self._row(text)
            if said is not None:
                return said
        self._head(text, low)
        return None

    def _metric_row(self, text: str, split: str) -> Said | None:
        """A row of the table that Lightning prints behind `test` and `validate`."""
        found = METRIC_ROW.match(text)
        if not found:
            if RULE.match(text):  # below the heading, then below the rows
                self._rules -= 1
                self._metrics = split if self._rules else None
            return None
        if not output.is_metric(found[1], known_only=False):
            return None
        split = output.split_of(found[1]) or split
        return Said(None, None, split, ((found[1], split, float(found[2])),))

    def _head(self, text: str, low: str) -> None:
        """The heading of a table of which each row is an epoch or some steps."""
        if "epoch" not in low and "step" not in low and "iter" not in low:
            return
        if ":" in text or "=" in text:
            return
        names = cells(text)
        if not 2 <= len(names) <= MOST_COLUMNS or not all(map(CELL_NAME.match, names)):
            return
        known = [name.lower() for name in names]
        counted = any(name in COUNTS for name in known)
        if counted and any(output.is_metric(name, known_only=True) for name in known):
            self._table = tuple(names)

    def _row(self, text: str) -> Said | None:
        row = cells(text)
        if len(row) != len(self._table):
            return None
        step = epoch = None
        values: list[tuple[str, str | None, float]] = []
        for name, cell in zip(self._table, row, strict=True):
            counter = COUNTS.get(name.lower())
            if not VALUE.fullmatch(cell):
                if counter or not _is_cell(cell):
                    return None
            elif counter == "epoch":
                epoch = float(cell)
            elif counter == "step":
                step = float(cell)
            elif output.is_metric(name, known_only=False):
                values.append((name, output.split_of(name), float(cell)))
        return Said(step, epoch, None, tuple(values)) if values else None


DIGITS = "0123456789"
DIGIT_STARTS = frozenset(DIGITS + "[ ")


def cells(text: str) -> list[str]:
    return CELLS.split(text.strip().strip("|").strip())


def _coco(text: str) -> Said | None:
    """A row of the COCO evaluation; -1, for what there was nothing of, is no value."""
    found = COCO.match(text)
    if not found:
        return None
    kind, overlap, area, most, value = found.groups()
    name = f"{kind} IoU={overlap} area={area} maxDets={most}"
    return Said(None, None, None, ((name, None, float(value)),))


def _reached(text: str) -> Said | None:
    """Lightning's word about a checkpoint; what stands in its path is the same value again."""
    found = REACHED.match(text)
    if not found:
        return None
    name, split = found[3], output.split_of(found[3])
    return Said(float(found[2]), float(found[1]), split, ((name, split, float(found[4])),))


def _boosted(text: str) -> Said | None:
    """Rounds of XGBoost, LightGBM and CatBoost, and Darknet's batches."""
    found = BOOSTED.match(text)
    if found:
        pairs = BOOSTED_PAIR.findall(text, found.end())
        kept = [(name, value) for name, value in pairs if _is_boosted(name)]
        values = tuple((name, _side(name), float(value)) for name, value in kept)
        return Said(float(found[1]), None, None, values) if values else None
    found = CATBOOST.match(text)
    if found:
        pairs = CATBOOST_PAIR.findall(text)
        values = tuple((n, "train" if n == "learn" else "test", float(v)) for n, v in pairs)
        return Said(float(found[1]), None, None, values)
    found = DARKNET.match(text)
    if found:
        both = (("loss", "train", float(found[2])), ("avg loss", "train", float(found[3])))
        return Said(float(found[1]), None, "train", both)
    return None


def _is_boosted(name: str) -> bool:
    return bool(re.match(r"(?:train|training|valid\w*|eval\w*|test\w*|dev)['\w]*[ -]", name)) or (
        output.is_metric(name, known_only=True)
    )


def _side(name: str) -> str | None:
    return output.split_of(name.split("_")[0].split("-")[0])


@functools.lru_cache(maxsize=512)
def _spelling(name: str) -> re.Pattern[str]:
    words = [re.escape(word) for word in name.split("_")]
    return re.compile(r"(?<![\w/.@-])" + r"(?:_|\.? )".join(words) + r"(?![\w/])", re.IGNORECASE)


def written(name: str, text: str) -> str:
    """The name as the line has it; `name` is in lower case and with `_` for spaces."""
    if name in text and not name.count("_"):
        place = text.find(name)
        before = text[place - 1 : place]
        if not (before.isalnum() or (before and before in "_/.@-")):
            return name
    found = _spelling(name).search(text)
    return found[0] if found else name


def may_be_row(text: str) -> bool:
    """Whether the line holds nothing but what the rows of a table hold."""
    row = cells(text)
    return len(row) > 1 and all(map(_is_cell, row))


def _is_cell(cell: str) -> bool:
    return bool(VALUE.fullmatch(cell) or CLOCK.match(cell)) or cell.lower() in EMPTY
