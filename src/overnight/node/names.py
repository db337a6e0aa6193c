"""Metrics of a training by their names: which numbers of a line count, and which is the loss."""

from __future__ import annotations

import functools
import re
from typing import AbstractSet


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAX_METRICS = 64

LOSS_WORDS = _words("loss losses")
OBJECTIVES = _words("mse mae rmse nll ce bce bpb bpc bpd ppl perplexity elbo")
METRIC_WORDS = (
    LOSS_WORDS
    | OBJECTIVES
    | _words(
        "acc accuracy f1 auc auroc auprc map miou iou dice bleu rouge reward rew return score "
        "psnr ssim fid error err wer cer precision recall r2 mcc top1 top5 pixacc ap ndcg mrr "
        "hits em kl entropy mdice dsc jaccard kappa logloss mape smape meteor cider chrf lpips "
        "meaniu meaniou fb1"
    )
)
ALONE = METRIC_WORDS - _words("map return score error err recall precision em ap hits ce")
NOT_METRICS = _words(
    "lr lrm learning rate time eta sec secs second seconds ms s it its elapsed remaining left "
    "duration dur runtime date timestamp speed fps throughput tok tokens mfu dt mem memory cpumem "
    "gpumem gpu gpus cpu data size samples params flops flos kimg wd decay weight weights momentum "
    "beta alpha gamma eps epsilon scale dropout temperature threshold patience warmup seed num "
    "version v pid rank port id world worker workers step steps epoch epochs iter iters iteration "
    "iterations timesteps updates n batch bs max total best percent progress"
)
FILLERS = _words("with trained and the for is of done at in by epoch step iter info")
CURRENT = _words("train training total step batch iter cur current")
AVERAGED = CURRENT | _words("avg average ave mean epoch running smoothed")
ELSEWHERE = _words("best ema")
SPLIT = re.compile(
    r"\b(train|val|eval|test|dev)(?:ing|ed|i|id|idation|idating|uation|uated|uating)?\b(?![./]\w)"
)

# Words in front of a counter or a metric that make it a mention instead of a record.
MENTION = re.compile(
    r"\b(?:load(?:ed|ing)?|resum\w*|restor\w*|sav(?:e|ed|ing)|best|from|checkpoints?|ckpt"
    r"|pretrained|early|skip\w*|non-?finite|overflow|every|until|after|sample|config\w*|args"
    r"|using|found|max|total|num|warmup|monitored|\w+error|\w*warning)\b"
)
# Repetitions are bounded, so that no line, however odd, takes long.
NUMBER = (
    r"[-+]?(?:\d{1,400}(?:\.\d{0,40})?(?:e[-+]?\d{1,4})?|\.\d{1,40}(?:e[-+]?\d{1,4})?"
    r"|nan\b|inf(?:inity)?\b)"
)
PAIR = re.compile(
    r"(?<![\w/.@])([a-z][\w@./-]{0,60})(?: ?\([a-z]{1,20}(?: [a-z]{1,20})?\)| so far)?"
    r"(\s{0,9}[:=]\s{0,9}|\s{1,9}(?:is\s{1,9}(?!nan|inf))?)"
    r"(?:['\"]|tensor\(|np\.float\d\d\()?(" + NUMBER + r")"
    r"(?![\w:/^]|\.\w|,\d{3}|-\d| {0,2}[-=]{1,2}>"
    r"| ?(?:[mun]?s|secs?|[kmgt]i?b|it/s|hours?|min)\b)(%?)"
)
HITS = re.compile(r"(?<![\w/.@-])(accuracy): (\d{1,12})/(\d{1,12}) \(")
WORD_BEFORE = re.compile(r"(?<![\w./@-])(?!nan |inf )([a-z][\w.]*|top-\d{1,3}) $")


def tokens(name: str) -> list[str]:
    """`train/Top-1_acc` as ['train', 'top', 'acc']; trailing counts (`acc1`, `map@50`) dropped."""
    parts = re.split(r"[\W_]+", name.lower())
    words = (part if part in METRIC_WORDS else part.rstrip("0123456789") for part in parts)
    return [word for word in words if word]


@functools.lru_cache(maxsize=512)
def is_metric(name: str, *, known_only: bool, vocabulary: AbstractSet[str] = METRIC_WORDS) -> bool:
    """Whether a value of this name is worth keeping. `known_only` asks for a usual name."""
    words = tokens(name)
    if len(words) > 1 and words[-1] in ("step", "epoch"):  # Lightning: train_loss_step
        words = words[:-1]
    if len(words) > 1 and words[-1] == "score":
        words = words[:-1]
    if words and words[-1] in vocabulary:
        return True
    return not known_only and bool(words) and NOT_METRICS.isdisjoint(words)


@functools.lru_cache(maxsize=512)
def split_of(name: str) -> str | None:
    """'train', 'val' or 'test' where a word of a metric's name says so; the first one counts."""
    for word in tokens(name):
        found = SPLIT.fullmatch(word)
        if found:
            return found[1] if found[1] in ("train", "test") else "val"
    return None


@functools.lru_cache(maxsize=512)
def loss_rank(name: str) -> int | None:
    """How surely a metric is the training loss: 0 `train_loss`, 1 `avg_loss`, 2 `d_loss`, 3 `mse`.

    None for whatever belongs to validation or is no loss at all.
    """
    words = set(tokens(name))
    if split_of(name) in ("val", "test") or words & ELSEWHERE:
        return None
    if words & LOSS_WORDS:
        others = words - LOSS_WORDS
        return 0 if others <= CURRENT else 1 if others <= AVERAGED else 2
    return 3 if words & OBJECTIVES or "td_error" in name else None


def values(low: str, *, headed: bool) -> tuple[dict[str, float], int]:
    """Names and values of a line in lower case, and where the first name begins.

    `headed` says that a step or an epoch was found, so that unusual names count as well. Without
    one a name must be clear alone; those beside it need only be usual.
    """
    vocabulary = METRIC_WORDS if headed else ALONE
    found, begin = _values(low, headed, vocabulary)
    if found and not headed and low.count(":") + low.count("=") > 1:
        return _values(low, headed, METRIC_WORDS)
    return found, begin


def _values(low: str, headed: bool, vocabulary: AbstractSet[str]) -> tuple[dict[str, float], int]:
    found: dict[str, float] = {}
    begin = len(low)
    for match in PAIR.finditer(low):
        name, sign, value, percent = match.groups()
        loose = not headed or bool(percent) or sign.strip() in ("", "is") or value.isdigit()
        if not is_metric(name, known_only=loose, vocabulary=vocabulary):
            continue
        start = match.start()
        name, start = _with_words_before(low, name, start)
        if "best" in name or len(found) >= MAX_METRICS:
            continue
        begin = min(begin, start)
        found[name] = float(value)
    _add_hits(low, found)
    return found, begin


def _add_hits(low: str, found: dict[str, float]) -> None:
    """`accuracy: 9713/10000 (97%)` beside other values, in percent: the rounded one says less."""
    hits = HITS.search(low) if found else None
    if hits and hits[1] not in found and float(hits[3]):
        found[hits[1]] = 100 * float(hits[2]) / float(hits[3])


def _with_words_before(low: str, name: str, start: int) -> tuple[str, int]:
    """Up to two plain words in front belong to the name: `val loss`, `train f1 score`."""
    for _ in range(2):
        if low[start - 1 : start] != " ":
            break
        word = WORD_BEFORE.search(low, max(0, start - 24), start)
        if word and word[1] == "best":  # said again, not measured now
            return "best_" + name, start
        if word and len(word[1]) > 5 and word[1].endswith("."):  # another sentence
            break
        if not word or word[1] in FILLERS or (MENTION.match(word[1]) and word[1] != "total"):
            break
        start = word.start(1)
        name = word[1].rstrip(".") + "_" + name
    return name, start
