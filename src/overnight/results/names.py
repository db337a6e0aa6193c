"""Names of metrics: one spelling for each, the split they belong to, and which way is better.

Training metrics have their bare name (`loss`), others `val_` or `test_` in front. The splits are
never mixed: what was measured on the test set does not stand in for a validation.
"""

from __future__ import annotations

import re

from overnight.core.spellings import TEST, TRAIN, VAL, fold, same, spelled

__all__ = ["TEST", "TRAIN", "VAL", "fold", "goal", "is_share", "same", "spelled"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


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
# Mean an accuracy alone, but beside another metric only say which one: `top1_err`.
_QUALIFIERS = _words("top top1 top5")
# Beside one of these a known word means something else: `neg_mean_squared_error`, `loss_scale`.
_UNCLEAR = _words("neg negative minus inverse scale weight weights lr time count num")


def goal(name: str) -> str | None:
    """'min' or 'max' where the metric is a known one; None is never replaced by a guess."""
    words = set(re.split(r"[^a-z0-9]+", name.lower()))
    words |= {word.rstrip("0123456789") for word in words}
    if words & _UNCLEAR:
        return None
    if words & (_LOWER | _HIGHER) - _QUALIFIERS:
        words -= _QUALIFIERS
    lower, higher = bool(words & _LOWER), bool(words & _HIGHER)
    if lower == higher:
        return None
    return "min" if lower else "max"


def is_share(name: str) -> bool:
    """Whether the metric is a part of one, which some write as a fraction and some in percent."""
    return not _SHARES.isdisjoint(re.split(r"[\s/.:_@-]+", name.lower()))
