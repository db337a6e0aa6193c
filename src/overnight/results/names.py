"""Names of metrics: one spelling for each, the split they belong to, and which way is better.

Training metrics have their bare name (`loss`), others `val_` or `test_` in front. The splits are
never mixed: what was measured on the test set does not stand in for a validation.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TRAIN, VAL, TEST = "train", "val", "test"
_SPLITS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "eval", "evaluation", "dev"), VAL),
    **dict.fromkeys(("test", "testing"), TEST),
}
_SAME = {
    **dict.fromkeys(("accuracy", "acc1", "top1", "top_1", "top1_acc", "acc@1"), "acc"),
    "perplexity": "ppl",
    "f1_score": "f1",
    "losses": "loss",
}
_LOWER = _words(
    "loss losses ppl perplexity bpb bpc bpd error err wer cer mae mse rmse mape fid nll lpips"
)
_HIGHER = _words(
    "acc accuracy f1 auc auroc auprc map miou iou dice bleu rouge rougel reward return score "
    "precision recall r2 mcc psnr ssim ndcg mrr top1 top5 em"
)
_SHARES = _words(
    "acc accuracy f1 auc auroc precision recall map iou miou dice top1 top5 acc1 acc5 wer cer em "
    "error err"
)
# Beside one of these a known word means something else: `neg_mean_squared_error`, `loss_scale`.
_UNCLEAR = _words("neg negative minus inverse scale weight weights lr time count num")


def fold(name: str, split: str | None = None) -> tuple[str, str]:
    """(split, canonical name) of a metric as somebody wrote it; `split` where the line told it.

    `Val/Acc` -> ('val', 'val_acc'); `train_loss` -> ('train', 'loss'). What says nothing about
    its split belongs to the training. The metric's own word stays as it was written: `accuracy`
    does not become `acc` (see `same`).
    """
    words = [word for word in re.split(r"[\s/.:_-]+", name.lower()) if word]
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
    plain = "_".join(word for word in re.split(r"[\s/.:_-]+", name.lower()) if word)
    inside = any(word in _SPLITS for word in plain.split("_"))
    return f"{split}_{plain}" if split and not inside else plain


def same(name: str) -> tuple[str, str]:
    """(split, metric) in which spellings of one metric are equal: accuracy is acc, and so on."""
    split, canonical = fold(name)
    metric = canonical if split == TRAIN else canonical[len(split) + 1 :]
    return split, _SAME.get(metric, metric)


def goal(name: str) -> str | None:
    """'min' or 'max' where the metric is a known one; None is never replaced by a guess."""
    words = set(re.split(r"[\s/.:_@-]+", name.lower()))
    words |= {word.rstrip("0123456789") for word in words}
    if words & _UNCLEAR:
        return None
    lower, higher = bool(words & _LOWER), bool(words & _HIGHER)
    if lower == higher:
        return None
    return "min" if lower else "max"


def is_share(name: str) -> bool:
    """Whether the metric is a part of one, which some write as a fraction and some in percent."""
    return not _SHARES.isdisjoint(re.split(r"[\s/.:_@-]+", name.lower()))
