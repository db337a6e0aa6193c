"""What one line of a training's output says: step, epoch, losses, other metrics.

Pure functions for lines that stand alone (`record`, `prose`, `cell`) and the parts that the
parser with a memory (`progress.Parser`) puts together (`bar`, `metrics`). Every rule prefers
silence to a wrong number: configuration, paths, times and sizes look much like progress.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, NamedTuple


class Sample(NamedTuple):
    """What one line said. Counters are as printed: from 0 or from 1, as the training counts.

    `epoch` may be a fraction (Hugging Face). `metrics` has the names as printed, in lower case
    and with `_` for spaces; NaN and infinity stay floats. `split` is 'train', 'val' or 'test'
    where the line says so for all of its metrics. `eta_s` is the time left as printed, in
    seconds. `nested` tells that `step` and `steps` count within the epoch.
    """

    step: int | None = None
    steps: int | None = None
    epoch: float | None = None
    epochs: int | None = None
    split: str | None = None
    metrics: dict[str, float] = {}  # noqa: RUF012  a default that nobody changes
    eta_s: float | None = None
    nested: bool = False


class Bar(NamedTuple):
    """A progress bar taken apart: `text` stands before it, `postfix` behind the rate."""

    text: str
    step: int
    steps: int | None
    eta_s: float | None
    postfix: str


MAX_METRICS = 64

# A line without any of these cannot say anything; plain `in` is several times faster than `re`.
HINTS = ("epoch", "step", "loss", "iter", "it/s", "s/it", "acc", "updat", "episode", "━")
TALK = ('file "', "namespace(", "wandb:", "usage:", "warning:", "error:", "argument")

# Words in front of a counter or a metric that make it a mention instead of a record.
MENTION = re.compile(
    r"\b(?:load(?:ed|ing)?|resum\w*|restor\w*|sav(?:e|ed|ing)|best|from|checkpoints?|ckpt"
    r"|pretrained|early|skip\w*|non-?finite|overflow|every|until|after|sample|config\w*|args"
    r"|using|found|max|total|num|warmup|server)\b"
)
NUMBER = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan\b|inf(?:inity)?\b)"
PAIR = re.compile(
    r"\b([a-z][\w@./-]*)(?: ?\([a-z]+\))?(\s*[:=]\s*|\s+)['\"]?(" + NUMBER + r")"
    r"(?![\w:/^]|\.\w|,\d{3}|-\d| ?(?:[mun]?s|secs?|[kmgt]i?b|it/s|hours?|min)\b)(%?)"
)
COUNTER = re.compile(
    r"(global[ _]?step|epoch|step|iteration|iter|update|batch|episode)"
    r"(?: ?\((\w+)\))?[\s:=#]*\[?\s*(\d+(?:\.\d+)?)(?:\s*(?:/|of)\s*(\d+))?(?![\w%/]|[-.:]\w)"
)
SPLIT = re.compile(r"\b(train|val|eval|test|dev)(?:ing|ed|id|idation|idating|uation|uated|uating)?\b")
BRACKET = re.compile(r"\[\s*(\d+)\s*/\s*(\d+)\s*[\](]")
PAIRED = re.compile(r"\[(\d+),\s+(\d+)(?:\s*/\s*(\d+))?\]|\[(\d+)/(\d+)\]\s*\[\s*(\d+)/\s*(\d+)\]")
TOTALS = re.compile(r"\b(?:num epochs|(total optimization steps|overriding: max_iters)) = (\d+)")
ETA = re.compile(r"\beta:?\s+((?:\d+ days?, )?\d+:\d\d(?::\d\d)?)")
TQDM = re.compile(
    r"\d%\|[^|]*\|\s*([\d.]+[kMG]?)/([\d.]+[kMG]?) ?\[[^]<]*<([^],]*),[^],]*,?([^]]*)"
    r"|(?:^|[\s:])(\d+)it \[[\d:]+,[^],]*,?([^]]*)"
)
RICH = re.compile(r"[━╸╺]\s+(\d+)/(\d+)\s+\d+:\d\d:\d\d •\s+(\S*:\S*)?(.*)")
CELL = re.compile(r"\|\s+([\w/]+)\s+\|\s+(\S+)\s+\|\s*$")
WORD = re.compile(r"[a-z][a-z.]*$")
PROSE = re.compile(r"[a-z]{2,}")

LOSS_WORDS = frozenset("loss losses".split())
OBJECTIVES = frozenset("mse mae rmse nll ce bce bpb bpc bpd ppl perplexity elbo".split())
METRIC_WORDS = (
    LOSS_WORDS
    | OBJECTIVES
    | frozenset(
        "acc accuracy f1 auc auroc auprc map miou iou dice bleu rouge reward return score psnr ssim "
        "fid wer cer precision recall r2 mcc top pixacc ap ndcg mrr hits em kl entropy".split()
    )
)
ALONE = METRIC_WORDS - frozenset("top map return score recall precision em ap hits ce".split())
NOT_METRICS = frozenset(
    "lr lrm time eta sec secs second seconds ms s it its mem memory cpumem gpumem gpu gpus cpu data "
    "speed fps tok tokens mfu dt elapsed remaining size samples wd decay momentum seed num version v "
    "pid rank port id params flops flos runtime date weight weights step steps epoch epochs iter iters "
    "batch learning timestamp percent progress throughput scale beta alpha gamma eps epsilon "
    "patience dropout warmup threshold temperature world worker workers max total best kimg rate "
    "left duration bs".split()
)
FILLERS = frozenset("with trained and the for is of done at in by epoch step iter info".split())
CURRENT = frozenset("train training total step batch iter cur current".split())
AVERAGED = CURRENT | frozenset("avg average ave mean epoch running smoothed".split())
STEP_KEYS = (
    "step", "global_step", "iteration", "iter", "update", "num_updates", "total_timesteps", "batch",
)  # fmt: skip
SPLIT_KEYS = ("split", "mode", "phase")


def interesting(low: str) -> bool:
    """False for the many lines that cannot say anything; `low` is in lower case."""
    for hint in HINTS:
        if hint in low:
            return True
    return low[:1] == "|" or "{" in low


def tokens(name: str) -> list[str]:
    """`train/Top-1_acc` as ['train', 'top', 'acc']; trailing counts (`acc1`, `map@50`) dropped."""
    parts = re.split(r"[\W_]+", name.lower())
    return [part if part in METRIC_WORDS else part.rstrip("0123456789") for part in parts if part]


def is_metric(name: str, *, known_only: bool, vocabulary: Iterable[str] = METRIC_WORDS) -> bool:
    """Whether a value of this name is worth keeping. `known_only` asks for a usual name."""
    words = tokens(name)
    if len(words) > 1 and words[-1] in ("step", "epoch"):  # Lightning: train_loss_step
        words = words[:-1]
    if words and words[-1] in vocabulary:
        return True
    return not known_only and bool(words) and NOT_METRICS.isdisjoint(words)


def split_of(name: str) -> str | None:
    """'train', 'val' or 'test' where the first word of a metric's name says so."""
    words = tokens(name)
    found = SPLIT.fullmatch(words[0]) if words else None
    if not found:
        return None
    return found[1] if found[1] in ("train", "test") else "val"


def loss_rank(name: str) -> int | None:
    """How surely a metric is the training loss: 0 `train_loss`, 1 `avg_loss`, 2 `policy_loss`, 3 `mse`.

    None for whatever belongs to validation or is no loss at all.
    """
    words = set(tokens(name))
    if split_of(name) in ("val", "test") or not words.isdisjoint(("best", "ema", "valid", "val", "test")):
        return None
    if words & LOSS_WORDS:
        others = words - LOSS_WORDS
        return 0 if others <= CURRENT else 1 if others <= AVERAGED else 2
    return 3 if words & OBJECTIVES or "td_error" in name else None


def number(text: Any) -> float | None:
    """A float, also from text such as '1.107' or 'NaN' (newer Hugging Face); else None."""
    if isinstance(text, bool) or not isinstance(text, (int, float, str)):
        return None
    try:
        return float(text)
    except (ValueError, OverflowError):
        return None


def whole(text: Any) -> int | None:
    """A counter that is not negative, with tqdm's `12.1k`; else None."""
    factor = 1
    if isinstance(text, str) and text[-1:] in ("k", "M", "G"):
        factor = {"k": 10**3, "M": 10**6, "G": 10**9}[text[-1]]
        text = text[:-1]
    value = number(text)
    return int(value * factor) if value is not None and 0 <= value < 1e15 else None


def seconds(text: str | None) -> float | None:
    """Seconds of `3:43`, `1:24:44` or `2 days, 3:00:00`; None for `?`."""
    days, _, clock = (text or "").strip().rpartition(" day")
    try:
        total = 0.0
        for part in clock.lstrip("s, ").split(":"):
            total = total * 60 + int(part)
        return total + 86400 * int(days or 0)
    except ValueError:
        return None


def bar(text: str) -> Bar | None:
    """The progress bar of tqdm (with or without a total) or rich in the line, or None."""
    found = TQDM.search(text)
    if found and found[1]:
        step, steps = whole(found[1]), whole(found[2])
        start = text.rfind(" ", 0, found.start() + 1) + 1
        before = text[:start].rstrip()
        postfix, eta_s = found[4], seconds(found[3])
    elif found:
        step, steps, eta_s, postfix = whole(found[5]), None, None, found[6]
        before = text[: found.start(5)].rstrip()
    else:
        found = RICH.search(text)
        if not found:
            return None
        step, steps = int(found[1]), int(found[2])
        before, postfix = text[: text.find("━")].rstrip(), found[4]
        eta_s = seconds(found[3])
    return Bar(before, step, steps, eta_s, postfix) if step is not None else None


def metrics(low: str, *, headed: bool) -> tuple[dict[str, float], int]:
    """Names and values of a line in lower case, and where the first name begins.

    `headed` says that a step or an epoch was found, so that unusual names count as well.
    """
    found: dict[str, float] = {}
    begin = len(low)
    for match in PAIR.finditer(low):
        name, sign, value, percent = match.groups()
        loose = not headed or bool(percent) or sign.isspace() or value.isdigit()
        if not is_metric(name, known_only=loose, vocabulary=METRIC_WORDS if headed else ALONE):
            continue
        start = match.start()
        name, start = _with_words_before(low, name, start)
        if "best" in name or len(found) >= MAX_METRICS:
            continue
        begin = min(begin, start)
        found[name] = float(value)
    return found, begin


def _with_words_before(low: str, name: str, start: int) -> tuple[str, int]:
    """Up to two plain words in front belong to the name: `val loss`, `train f1 score`."""
    for _ in range(2):
        before = low[max(0, start - 24) : start]
        if before[-1:] != " " or before[-2:-1] in (" ", ""):
            break
        word = before.split()[-1]
        if not WORD.match(word) or word in FILLERS or word.rstrip(".") in NOT_METRICS:
            break
        start -= len(word) + 1
        name = word.rstrip(".") + "_" + name
    return name, start


def record(text: str) -> Sample | None:
    """A line that is one JSON object or Python dict with a step or an epoch and a usual metric."""
    start = text.find("{")
    end = text.rstrip()
    if start < 0 or start > 80 or not end.endswith("}") or "=" in text[:start]:
        return None
    pairs = _pairs(end[start:])
    sample = from_mapping(pairs) if pairs else None
    if sample is None or (sample.step is None and sample.epoch is None):
        return None
    usual = any(is_metric(name, known_only=True) for name in sample.metrics)
    return sample if usual else None


DICT_PAIR = re.compile(r"'([\w./@ -]+)': '?(" + NUMBER + r"|[a-z]+)'?(?=[,}])", re.IGNORECASE)


def _pairs(text: str) -> dict[str, Any]:
    if text.startswith("{'"):  # a Python dict; `nan` in it is no literal, so no `literal_eval`
        return dict(DICT_PAIR.findall(text)) if "{" not in text[1:] else {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def from_mapping(pairs: dict[str, Any]) -> Sample | None:
    """A sample from the keys of a record: step, epoch, split, and every number that is a metric."""
    if "train_runtime" in pairs:  # Hugging Face's farewell: means over the run, not last values
        return None
    step = next((whole(pairs[key]) for key in STEP_KEYS if key in pairs), None)
    split = next((split_of(str(pairs[key])) for key in SPLIT_KEYS if key in pairs), None)
    found: dict[str, float] = {}
    for name, raw in pairs.items():
        value = number(raw)
        if value is None or len(found) >= MAX_METRICS or not is_metric(name, known_only=False):
            continue
        if not name.endswith(("_runtime", "_per_second")):
            found[name.strip().lower().replace(" ", "_")] = value
    epoch = number(pairs.get("epoch"))
    if epoch is not None and not 0 <= epoch < 1e9:
        epoch = None
    return Sample(
        step=step,
        steps=whole(pairs.get("steps", pairs.get("total_steps", pairs.get("max_steps")))) or None,
        epoch=epoch,
        epochs=whole(pairs.get("epochs", pairs.get("num_epochs"))) or None,
        split=split or line_split(found),
        metrics=found,
    )


def line_split(found: Iterable[str]) -> str | None:
    """The split of a line from its names: the first name's, unless training is named as well."""
    splits = [split_of(name) for name in found]
    return splits[0] if splits and ("train" not in splits or splits[0] == "train") else None


def cell(text: str) -> Sample | None:
    """A row of the table that stable-baselines3 prints."""
    found = CELL.match(text)
    value = number(found[2]) if found else None
    if not found or value is None:
        return None
    name = found[1].lower()
    if name == "total_timesteps":
        return Sample(step=whole(value))
    return Sample(metrics={name: value}) if is_metric(name, known_only=True) else None


class Counters(NamedTuple):
    """The counters of a line, and `begin` and `end` of the text that they take."""

    step: int | None = None
    steps: int | None = None
    epoch: float | None = None
    epochs: int | None = None
    phase: str = ""
    nested: bool = False
    begin: int = 0
    end: int = 0


def counters(low: str) -> Counters | None:
    """Step and epoch of a line in lower case, or None where none is said as a record."""
    paired = PAIRED.search(low)
    if paired:
        a, b, c, d, e, f, g = (int(x) if x else None for x in paired.groups())
        if a is not None:
            return Counters(b, c, a, None, "", True, paired.start(), paired.end())
        if "epoch" not in low[: paired.start()]:
            return Counters(f, g, d, e, "", True, paired.start(), paired.end())
    found = Counters()
    weak = None  # a batch or an episode counts only where nothing better is said
    for match in COUNTER.finditer(low):
        if low[match.start() - 1 : match.start()].isalnum() or (
            match.start() and low[match.start() - 1] in "_/.-'\""
        ):
            continue
        kind, phase, value, total = match.groups()
        steps = int(total) if total else None
        begin = found.begin if found.end else match.start()
        if kind == "epoch" and found.epoch is None:
            found = found._replace(
                epoch=float(value), epochs=steps, phase=phase or "", begin=begin, end=match.end()
            )
        elif kind in ("batch", "episode"):
            weak = weak or (int(float(value)), steps, match.end())
            found = found._replace(begin=begin, end=max(found.end, match.end()))
        elif kind != "epoch" and found.step is None and "." not in value:
            found = found._replace(
                step=int(value), steps=steps, phase=phase or found.phase, begin=begin,
                end=match.end(), nested=found.epoch is not None,
            )  # fmt: skip
    if found.step is None and weak:
        found = found._replace(step=weak[0], steps=weak[1], nested=found.epoch is not None)
    return found if found.end and not MENTION.search(low, 0, found.begin) else None


def prose(text: str) -> Sample | None:
    """A line written for people: `epoch 3/50 loss 0.213`, `Epoch: [0] [10/500] loss: 6.9 (7.0)`."""
    low = text.lower()
    for talk in TALK:
        if talk in low:
            return None
    totals = TOTALS.search(low)
    if totals:
        count = int(totals[2])
        return Sample(steps=count) if totals[1] else Sample(epochs=count)
    count = counters(low)
    found, begin = metrics(low, headed=count is not None)
    if count is None:
        return _headless(low, found, begin)
    return _headed(low, count, found, begin)


def _headed(low: str, count: Counters, found: dict[str, float], begin: int) -> Sample | None:
    step, steps, nested = count.step, count.steps, count.nested
    if step is None:
        bracket = BRACKET.search(low, count.end)
        if bracket:
            step, steps, nested = int(bracket[1]), int(bracket[2]), True
    word = SPLIT.search(low, 0, begin)
    split = line_split(found)
    if count.phase or word:
        split = split_of(count.phase or (word[0] if word else ""))
        if split != "train" and (count.phase or count.epoch is not None or word.start() < count.begin):
            step = steps = None
    if not found and not _is_bare_record(low, count, step):
        return None
    eta = ETA.search(low)
    return Sample(
        step, steps, count.epoch, count.epochs, split, found, seconds(eta[1]) if eta else None, nested
    )


def _is_bare_record(low: str, count: Counters, step: int | None) -> bool:
    """Whether counters without any metric are progress and not the title of something else."""
    if count.epoch is not None:
        return True
    return step is not None and count.steps is not None and not PROSE.search(low, count.end)


def _headless(low: str, found: dict[str, float], begin: int) -> Sample | None:
    """Metrics without step or epoch count where little but a logger's prefix stands before."""
    before = low[:begin]
    if not found or MENTION.search(before) or any(mark in before for mark in "\"'={"):
        return None
    if len(PROSE.findall(before)) > 3:
        return None
    word = SPLIT.search(before)
    bracket = BRACKET.search(low, begin)
    return Sample(
        step=int(bracket[1]) if bracket else None,
        steps=int(bracket[2]) if bracket else None,
        split=split_of(word[0]) if word else line_split(found),
        metrics=found,
        nested=bracket is not None,
    )
