"""Numbers that are none: a loss that has become NaN or infinite, and what libraries say of it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Sequence

from overnight.node import lines as training_lines
from overnight.node.diagnose.log import Line
from overnight.node.diagnose.rules import Found, Text, printed, raised

LOOKED_AT = 1500
CERTAIN = 0.7
NONFINITE = re.compile(r"(?<![A-Za-z])(?:nan|NaN|NAN|inf|Inf|INF|Infinity|-?inf)(?![A-Za-z])")
VALUE = (
    r"[\"']?\s{0,3}[:=|]?\s{0,3}[\"'(\[]{0,2}(?:tensor\("
    r"|np\.float\d\d\()?(?P<value>[-+]?(?:nan|inf(?:inity)?"
    r"|\d[\d.]*(?:e[-+]?\d+)?))(?![\w.])"
)
LOSS = re.compile(
    r"(?<![\w])(?P<name>(?:[\w./@-]{0,40}(?:loss(?:es)?|mse|nll|bpb|bpc|ppl"
    r"|perplexity|elbo|objective|rmse|cost|cross_?entropy)[\w./@-]{0,30}"
    r"|(?:total|avg|train|mean)?_?mae))(?: \([a-z ]{1,20}\))?" + VALUE,
    re.IGNORECASE,
)
ASIDE = re.compile(r"val|test|eval|dev\b", re.IGNORECASE)
NOT_A_LOSS = re.compile(
    r"scale|weight|coef|lr|lambda|best|min_|_min|patience|time|stop", re.IGNORECASE
)

RULES = (
    raised(
        "nan",
        r"[Ll]oss (?:is|was|became|has become|=|went|turned|diverged to|exploded to)?"
        r" ?:?=?\s?(?:-?nan|-?inf|NaN|Inf|infinite|not finite|non-?finite|inf or nan"
        r"|nan or inf)",
        "user code, MAE, DETR, detectron2",
        0.95,
    ),
    raised(
        "nan",
        r"(?:NaN|nan|Inf|inf|[Nn]on-?finite|[Ii]nfinit\w*)[^\n]{0,80}(?:loss|grad"
        r"|weight|logit|activation|parameter|output|tensor|value|norm|prediction)|"
        r"(?:loss|grad\w*|weights?|logits?|activations?|output|parameters?|tensor"
        r"|probabilit\w+|predictions?)\b[^\n]{0,80}(?:\bNaNs?\b|\bnans?\b|\b[Ii]nfs?\b"
        r"|non-?finite|not finite|infinite)",
        "torch, lightning, user code",
        0.9,
    ),
    raised(
        "nan",
        r"Input(?: \S+)? contains (?:NaN|infinity)|contains (?:NaN|nan|infinity|inf)\b"
        r"|must not contain (?:NaN|inf)|array must not contain infs or NaNs|cannot"
        r" convert float (?:NaN|infinity)"
        r"|has NaN|NaN (?:values? )?(?:found|detected|encountered|in)|nan (?:found"
        r"|detected|encountered)|Found nans? in|Found NaN",
        "sklearn, scipy, numpy",
        0.86,
    ),
    raised("nan", r"FloatingPointError", "CPython, jax_debug_nans, fairseq, detectron2", 0.93),
    raised(
        "nan",
        r"returned nan values in its|invalid value \(nan\) encountered|Invalid nan"
        r" value|Tensor had (?:NaN|Inf)|CheckNumerics|check_numerics"
        r"|NanLossDuringTraining|Model diverged|"
        r"[Ll]oss (?:has )?(?:diverged|exploded)|loss scale already at minimum|Minimum"
        r" loss scale reached|loss is probably exploding|training (?:has )?diverged"
        r"|[Dd]ivergence detected",
        "torch anomaly mode, jax, tensorflow, deepspeed, fairseq",
        0.94,
    ),
    raised(
        "nan",
        r"to satisfy the constraint[^\n]{0,120}(?s:.*)\bnan\b|probability tensor"
        r" contains either `inf`, `nan`|element < 0|the total norm of order|total"
        r" norm[^\n]{0,60}non-finite|"
        r"[Tt]he total norm [^\n]*is non-finite",
        "torch/distributions, torch/nn/utils/clip_grad.py",
        0.94,
    ),
    printed(
        "nan",
        "finite loss",
        r"[Nn]on-?finite loss\W{0,3}(?:ending|stopping|abort|exit|terminat)",
        "user code",
        0.92,
        fatal=True,
    ),
    printed(
        "nan",
        "stopping training",
        r"[Ll]oss is (?:nan|inf|-inf|NaN|Inf)",
        "MAE, DINO, DETR",
        0.93,
        fatal=True,
    ),
    printed(
        "nan", "nvalid loss, terminating training", "", "keras TerminateOnNaN", 0.95, fatal=True
    ),
    printed(
        "nan",
        "loss scale already at minimum",
        "",
        "deepspeed/runtime/fp16/loss_scaler.py",
        0.93,
        fatal=True,
    ),
    printed("nan", "Invalid nan value encountered", "", "jax_debug_nans", 0.8),
    printed("nan", "NaN/Inf", r"(?:loss|grad)[^\n]{0,30}NaN/Inf", "ultralytics", 0.55),
    printed("nan", "is nan or inf", r"[Ll]oss[^\n]{0,60}is nan or inf", "lightning", 0.85),
    printed(
        "nan",
        "iverged",
        r"(?:[Tt]raining|[Ll]oss|[Mm]odel)[^\n]{0,30}(?:has )?diverged",
        "user code",
        0.75,
    ),
)


class Series(NamedTuple):
    """One loss as it was printed: how many finite values, the last of them, what came after."""

    finite: int
    last_finite: int
    bad: int
    first_bad: int
    last_is_bad: bool


def nonfinite(lines: Sequence[Line], text: Text) -> Found | None:
    """A loss whose last printed values are NaN or infinite."""
    if not NONFINITE.search(text.whole):
        return None
    series = losses(lines)
    for name in sorted(series, key=lambda key: bool(ASIDE.search(key))):
        one = series[name]
        if not one.last_is_bad or (one.bad == 1 and one.finite > 2 and not ASIDE.search(name)):
            continue
        facts: dict[str, Any] = {"metric": name, **last_finite(lines, one)}
        sure = one.bad > 1 or not one.finite
        confidence = 0.6 if ASIDE.search(name) else (0.92 if sure else 0.75)
        return Found("nan", confidence, one.first_bad, facts)
    return None


def losses(lines: Sequence[Line]) -> dict[str, Series]:
    """The losses of the last lines by name."""
    found: dict[str, Series] = {}
    for index in range(max(0, len(lines) - LOOKED_AT), len(lines)):
        text = lines[index].text
        if text.startswith("  File "):
            continue
        times: dict[str, int] = {}
        for match in LOSS.finditer(text):
            name = match.group("name").lower()
            if NOT_A_LOSS.search(name):
                continue
            times[name] = times.get(name, 0) + 1
            name += f" ({times[name]})" * (times[name] > 1)
            bad = not match.group("value").lower().lstrip("+-")[0].isdigit()
            found[name] = _with(found.get(name), index, bad)
    return found


def _with(one: Series | None, index: int, bad: bool) -> Series:
    if one is None:
        one = Series(0, -1, 0, -1, False)
    if not bad:
        return Series(one.finite + 1, index, 0, -1, False)
    return one._replace(
        bad=one.bad + 1, first_bad=one.first_bad if one.bad else index, last_is_bad=True
    )


def last_finite(lines: Sequence[Line], one: Series) -> dict[str, Any]:
    """Step and epoch of the last good value and of the first bad one, where the lines tell."""
    facts: dict[str, Any] = {}
    for name, index in (("last_finite", one.last_finite), ("first_nonfinite", one.first_bad)):
        if index < 0:
            continue
        facts[f"{name}_line"] = lines[index].number
        sample = training_lines.Parser().line(lines[index].text)
        if sample is not None and sample.step is not None:
            facts[f"{name}_step"] = sample.step
        if sample is not None and sample.epoch is not None:
            facts[f"{name}_epoch"] = sample.epoch
    return facts
