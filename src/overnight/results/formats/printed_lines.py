"""What one printed line says: the node's parser, the families that only a log at rest needs, names.

This is the careful way, line by line; `printed_shapes` reads in bulk what it has proved to be read
here the same way. The memory holds what a line leaves for later ones (an epoch's heading, the
columns of a table) and is plain JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from overnight.core import output
from overnight.results.formats import printed_forms as forms
from overnight.results.formats.printed_forms import Said

CAFFE_NET = re.compile(
    r"(train|test) net output #\d+: ([\w./-]+) = (" + forms.NUMBER + r")(?=\s|$)", re.I
)
CAFFE_TEST = re.compile(r"iteration (\d+), testing net ", re.IGNORECASE)
STARRED = re.compile(r"\s*\*\s")
FINAL_PAIR = re.compile(r"([a-z][\w/@.-]*):\s{1,60}(" + forms.NUMBER + r")\s*$", re.IGNORECASE)
METRIC_HEAD = re.compile(r"\b(test|validate|validation) metric\b.*\bdataloader 0\b")
METRIC_ROW = re.compile(r"[\s│|]*([\w/@.-]+)[\s│|]+(" + forms.NUMBER + r")[\s│|]*$", re.IGNORECASE)
RULE = re.compile(r"\s*[─━═┏┓┗┛┡┩╇┯┷└┘┴┬├┤┼╞╡╪+=-]{10,}\s*$")
CELL_NAME = re.compile(r"[A-Za-z][\w/@.()% -]{0,60}$")
# Above the validation of each epoch of YOLO: `Class Images Instances Box(P R mAP50 mAP50-95)`
CLASSES = re.compile(
    r"\s*Class\s+Images\s+(?:Instances|Labels|Targets)\s+([\w(). @:-]+?)\)?:?\s*(?:\d+%\|.*)?$"
)
OF_CLASSES = ("class", "images", "instances")
UNREAD = re.compile(
    r"(?<![\w./-])((?:\w+[ _/])?(?:loss|acc|accuracy))\s?[:=]\s?(tensor\(\[|\[|none\b|-{2,}|n/a\b)"
)
RULER = "---"
# Beside the hints of the node's parser; what may say something holds one of them. No numbers.
HINTS = (
    *(" net ", "reached", "dataloader ", "average precision", RULER, "box(p", "map@"),
    *(
        "f1",
        "wer:",
        " wer",
        "cer:",
        " cer",
        "iou",
        "dice",
        "auc",
        "ppl",
        "perplex",
        "bleu",
        "psnr",
        "mse",
        "mae",
    ),
)
METRICS = HINTS[7:]
ROUND = re.compile(rb"(?:\[[^]]*\]\s*)?\[\d+\]\s|\s*\d+:\s")
# A line of a configuration: losses are seldom whole numbers.
SETTING = re.compile(r"\s*[\"']?[\w.]*loss[\w.]*[\"']?\s*[:=]\s*\d+,?\s*$", re.IGNORECASE)
# What is set in a line that tells a whole configuration: `mode=train`, `seed=None`, `amp=True`.
SET = re.compile(r"[a-z_]=(?:none|true|false|[a-z'\"\[{(/])")
MOST_SET = 4
# What a logger writes in front, where its own name could be taken for the text.
LOGGER = re.compile(
    r"\A\[?\d{4}-\d\d-\d\d[ t][\d:.,]+\]?[\s:|-]+(?:\[?[\w./\\<>-]+(?::\d+)?\]?[\s:|-]+){0,2}?"
    r"\[?(?:info|debug|warning)\]?[\s:|-]+",
    re.IGNORECASE,
)
SAVED = re.compile(r"saving dict for global step (\d+): ", re.IGNORECASE)
AT = re.compile(
    r"(?:.*[\]|-] )?((?:[a-z]+[ _]){0,3}(?:loss|acc|accuracy|error|perplexity))(?: \([\w ]*\))?"
    r" (?:for|at|of|in|after) (?:the )?(epoch|step|iteration|iter) #?(\d+)"
    r"(?: ?(?:/|of) ?\d+)?(?: is| was)?\s?[:=]?\s?(" + forms.NUMBER + r")%?\s*$",
    re.IGNORECASE,
)
AT_STEP = re.compile(
    r"\b(?:at|after|for) (?:global )?(?:step|iteration|iter) (\d+)\b", re.IGNORECASE
)
SPLIT_WORD = re.compile(
    r"(?<![\w/.-])(train|training|val|valid|validation|eval|evaluation|dev|test)(?![\w/.-])"
)
QUOTES = re.compile(r"['\"{}\[\]]")
# `Epoch 2 val {'loss': 0.5}`; Hugging Face's farewell holds means over the run.
NAMED_RECORD = re.compile(r"[^{}]{0,79}[a-z][^{}]{0,9}\{(?!.*train_runtime)['\"][^{}]*\}\s*\Z")
COUNTS = {
    "epoch": "epoch",
    **dict.fromkeys(
        ("step", "iteration", "iter", "global_step", "training step", "steps", "batch"), "step"
    ),
}
MOST_COLUMNS = 64
MOST_CHARACTERS = 4096


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
        if said is None and " net " in low and ("net output #" in low or "testing net " in low):
            return self._of_caffe(text)
        if said is None and "reached" in low:
            said = forms.reached(text)
        if said is None and low[:1] in DIGIT_STARTS:
            said = forms.boosted(text)
        if said is None and self._ended:
            said = self._final(text)
        if said is not None:
            return said
        if "average precision" in low:
            return forms.coco(text)
        if SETTING.match(text) or len(SET.findall(low)) >= MOST_SET:
            return None
        if output.interesting(low):
            return self._usual(text, low)
        self._ended |= low.strip() == RULER
        if any(each in low for each in METRICS):
            text = LOGGER.sub("", text, count=1)
            return self._said(output.prose(text.lower()), text)
        return None

    def _usual(self, text: str, low: str) -> Said | None:
        """By the node's parser; a configuration in front of the record is left out."""
        self._node.recall({"lane": self._fresh})
        said = self._sentence(low, text) or self._said(self._node.line(text), text)
        if said is None and "}, " in text:
            text = text[text.rfind("}, ") + 3 :]
            said = self._said(self._node.line(text), text)
        if (said is None or not said.values) and NAMED_RECORD.match(low):
            plain = QUOTES.sub(" ", text)
            said = self._said(self._node.line(plain), plain) or said
        if said is None:
            text = LOGGER.sub("", text, count=1)
            said = self._said(self._node.line(text), text) if len(text) < len(low) else None
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
            kept = tuple(
                (forms.written(name, text), "val", value) for name, value in values.items()
            )
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
        """`epoch 3 train: loss 0.5 acc 0.7 | val: loss 0.6 acc 0.65`: one name in each split."""
        cuts = list(SPLIT_WORD.finditer(low))
        if not cuts:
            return None
        low = QUOTES.sub(" ", low)
        names = [found[1] for found in output.PAIR.finditer(low)]
        if len(set(names)) == len(names):
            return None
        ends = [*(found.start() for found in cuts), len(low)]
        values: dict[tuple[str, str | None], float] = {}
        count = 0
        for begin, end, word in zip([0, *ends], ends, [None, *cuts], strict=False):
            split = output.split_of(word[1]) if word else None
            for name, value in output.values(low[begin:end], headed=True)[0].items():
                if output.is_wanted(name):
                    count += 1
                    spelled = forms.written(name, text[begin:end])
                    values[spelled, output.split_of(name) or split] = value
        whole = filter(output.is_wanted, output.values(low, headed=True)[0])
        if count != len(values) or count <= len(list(whole)):
            return None
        head = self._node.line(text[: ends[0]].rstrip(" |-,[(") + " loss: 0.0")
        if head is None:
            return None
        told = tuple((name, split, value) for (name, split), value in values.items())
        return Said(head.step, head.epoch, None, told)

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
            (forms.written(name, text), output.split_of(name) or split, value)
            for name, value in sample.metrics.items()
            if output.is_wanted(name)
        ]
        is_bar = "%|" in text or "it [" in text or ("━" in text and "•" in text)
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

    def _final(self, text: str) -> Said | None:
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
        if "images" in low and "map" in low and CLASSES.match(text):
            self._table = (*OF_CLASSES, *CLASSES.sub(r"\1", text).replace("Box(", "").split())
        else:
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
        names = forms.cells(text)
        if not 2 <= len(names) <= MOST_COLUMNS or not all(map(CELL_NAME.match, names)):
            return
        known = [name.lower() for name in names]
        counted = any(name in COUNTS for name in known)
        if counted and any(output.is_metric(name, known_only=True) for name in known):
            self._table = tuple(names)

    def _row(self, text: str) -> Said | None:
        row = forms.cells(text)
        if len(row) != len(self._table):
            return None
        if self._table[: len(OF_CLASSES)] == OF_CLASSES:
            return self._of_all_classes(row)
        step = epoch = None
        values: list[tuple[str, str | None, float]] = []
        for name, cell in zip(self._table, row, strict=True):
            counter = COUNTS.get(name.lower())
            cell = cell[:-1] if forms.PERCENT.fullmatch(cell) else cell
            if not forms.VALUE.fullmatch(cell):
                if counter or not forms.is_cell(cell):
                    return None
            elif counter == "epoch":
                epoch = float(cell)
            elif counter == "step":
                step = float(cell)
            elif output.is_metric(name, known_only=False):
                values.append((name, output.split_of(name), float(cell)))
        return Said(step, epoch, None, tuple(values)) if values else None

    def _of_all_classes(self, row: list[str]) -> Said | None:
        if row[0] != forms.ALL_CLASSES or not all(map(forms.VALUE.fullmatch, row[1:])):
            return None
        told = zip(self._table[3:], row[3:], strict=True)
        values = tuple((name, "val", float(cell)) for name, cell in told)
        return Said(None, self.epoch, "val", values)


DIGITS = "0123456789"
DIGIT_STARTS = frozenset(DIGITS + "[ ")
