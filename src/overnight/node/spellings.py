"""Spellings of a metric's name, and which of them mean the same. Pure.

`Val/Acc`, `val_acc` and an `acc` on a line of the validation are one metric; what was measured on
another split never stands in for it.
"""

from __future__ import annotations

import re

TRAIN, VAL, TEST = "train", "val", "test"
_SPLITS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "vali", "valid", "validation", "eval", "evaluation", "dev"), VAL),
    **dict.fromkeys(("test", "testing"), TEST),
}
_SAME = {
    **dict.fromkeys(("accuracy", "acc1", "top1", "top_1", "top1_acc", "acc@1"), "acc"),
    "perplexity": "ppl",
    "f1_score": "f1",
    "losses": "loss",
}


_LONGEST_FIRST = sorted(_SPLITS, key=len, reverse=True)
_NAMED = "|".join(f"[{word[0].upper()}{word[0]}]{word[1:]}" for word in _LONGEST_FIRST)
_LAST = "|".join(word.title() for word in _LONGEST_FIRST)
_HUMPS = re.compile(rf"^(?:{_NAMED})(?=[A-Z])|(?<=[a-z0-9])(?=(?:{_LAST})$)")


def _words(name: str) -> list[str]:
    """In lower case; `valLoss` and `lossVal` are two words as well."""
    parted = _HUMPS.sub(lambda found: f"{found[0]}_", name)
    return [word for word in re.split(r"[\s/.:_-]+", parted.lower()) if word]


def split_of(word: str) -> str | None:
    """The split that a word names (`Valid` -> 'val'); None where it names none."""
    return _SPLITS.get(word.strip().lower())


def fold(name: str, split: str | None = None) -> tuple[str, str]:
    """(split, canonical name) of a metric as somebody wrote it; `split` where the line told it.

    `Val/Acc` -> ('val', 'val_acc'); `train_loss` -> ('train', 'loss'). What says nothing about
    its split belongs to the training. The metric's own word stays as it was written: `accuracy`
    does not become `acc` (see `same`).
    """
    words = _words(name)
    told = _SPLITS.get(split or "")
    for place in (0, -1):
        if len(words) > 1 and words[place] in _SPLITS:
            told = _SPLITS[words.pop(place)]
            break
    metric = "_".join(words)
    told = told or TRAIN
    return told, metric if told == TRAIN else f"{told}_{metric}"


def spelled(name: str, split: str | None = None) -> str:
    """The name as it was written, with the split in front where only the line told it."""
    plain = "_".join(_words(name))
    inside = any(word in _SPLITS for word in plain.split("_"))
    return f"{split}_{plain}" if split and not inside else plain


def same(name: str) -> tuple[str, str]:
    """(split, metric) in which spellings of one metric are equal: accuracy is acc, and so on."""
    split, canonical = fold(name)
    metric = canonical if split == TRAIN else canonical[len(split) + 1 :]
    return split, _SAME.get(metric, metric)
