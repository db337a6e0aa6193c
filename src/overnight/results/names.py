"""Names of metrics: one spelling for each, the split they belong to, and which way is better.

Training metrics have their bare name (`loss`), others `val_` or `test_` in front. The splits are
never mixed: what was measured on the test set does not stand in for a validation.
"""

from __future__ import annotations

import re

from overnight.core.spellings import TEST, TRAIN, VAL, fold, same, spelled, split_of

__all__ = ["TEST", "TRAIN", "VAL", "fold", "goal", "is_share", "same", "spelled", "split_of"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LOWER = _words(
    "loss losses ppl perplexity bpb bpc bpd error errors err wer cer mer ter mae mse rmse mape "
    "smape rmsle nrmse nmse msle mase rmsd fid fvd kid nll bce lpips mpjpe eer brier ece logloss"
)
_HIGHER = _words(
    "acc accuracy f1 fscore auc auroc auprc ap map miou iou dice macc aacc mdice mf1 bleu "
    "sacrebleu chrf meteor cider rouge rougel rougelsum reward rewards rew return returns score "
    "scores precision recall r2 mcc kappa psnr ssim ndcg mrr top em jaccard specificity "
    "sensitivity meaniu meaniou fb1"
)
_SHARES = _words(
    "acc accuracy f1 fscore auc auroc auprc ap precision recall map iou miou dice macc aacc mdice "
    "top1 top5 acc1 acc5 wer cer em error err jaccard specificity sensitivity"
)
# Mean an accuracy alone, but beside another metric only say which one: `top1_err`.
_QUALIFIERS = _words("top top1 top5")
# Beside one of these a known word means something else: `neg_mean_squared_error`, `loss_scale`.
_UNCLEAR = _words(
    "neg negative minus inverse scale weight weights lr time count num std stdev var variance "
    "stderr grad gradient coef coeff threshold"
)
_PARTS = re.compile(r"[\s/.:_@()\[\]{},|+-]+|(?<=[a-z])(?=[A-Z][a-z])")


def goal(name: str) -> str | None:
    """'min' or 'max' where the metric is a known one; None is never replaced by a guess."""
    words = _parts(name)
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
    return not _SHARES.isdisjoint(_parts(name))


def is_other_scale(metric: str, one: float, other: float) -> bool:
    """Whether one of two values of a metric looks like a fraction and the other like percent."""
    low, high = sorted((one, other))
    return is_share(metric) and 0 <= low <= 1 and high > 1.5


def _parts(name: str) -> set[str]:
    """Its words, also those of `valLoss` and `mAP50(B)`."""
    humps = {word.lower() for word in _PARTS.split(name)}
    return humps | set(re.split(r"[\s/.:_@()\[\]{},|+-]+", name.lower()))
