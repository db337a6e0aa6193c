"""`overfit`: the validation got worse after its best while the training went on getting better."""

from __future__ import annotations

import numpy as np

from overnight.results.health.finding import OVERFIT, Finding
from overnight.results.health.leading import Leading, metric_of
from overnight.results.health.shape import Valley, valley
from overnight.results.health.view import View, together

FEWEST = 4
MOST_STREAK = 0.8
HINTED = 0.25  # of what makes a rise sure: enough for a hint
OF_FALL, OF_LEVEL = 0.05, 0.02  # a smaller rise is none: part of the fall before, of the level
STEADY = 0.02  # of its fall: how much the training has to gain after the best of the validation
SURE = 0.95
# Confidence at most: where no training loss is known, while the main metric goes on improving, and
# where in such a case the rise is small.
ALONE, DISPUTED, DOUBTED = 0.55, 0.6, 0.4
LARGE = 0.15  # of the level
LEARNT = 0.2  # of the best validation loss: a training loss below that need not fall any more


def findings(lead: Leading) -> list[Finding]:
    judged = lead.val or (lead.metric if lead.metric and lead.metric.split != "train" else None)
    if judged is None or judged.y.size < FEWEST:
        return []
    found = valley(judged.trend.y)
    sure = _confidence(judged, found)
    if sure is None:
        return []
    gain = _train_gain(lead.train, judged, found)
    if gain is not None and gain < STEADY and not (gain > -STEADY and _is_learnt(lead, found)):
        return []
    is_large = judged.is_loss and found.rise > LARGE * abs(found.level)
    if gain is None:
        sure = min(sure, ALONE if is_large else DOUBTED)
    elif _disputes(lead, judged, found):
        sure = min(sure, DISPUTED if is_large else DOUBTED)
    return [_finding(judged, found, sure, gain)]


def _confidence(view: View, found: Valley) -> float | None:
    """None where there is no rise that counts."""
    y = view.trend.y
    fall = float(np.median(y[: max(1, y.size // 50)])) - found.level
    needed = max(OF_FALL * fall, OF_LEVEL * abs(found.level))
    shown = found.gain / chance(y.size, view.trend.noise, found.streak)
    if found.rise <= needed or shown < HINTED:
        return None
    if shown < 1:
        return float(0.25 + 0.2 * shown)
    times = found.rise / needed if needed > 0 else np.inf
    return float(min(SURE, 0.5 + 0.15 * (times - 1)))


def chance(n: int, noise: float, streak: float) -> float:
    """What a valley gains over a fall in one of a hundred curves of noise about one level.

    Simulated for 5 to 400 values; a curve that falls gains less. Noise that comes in streaks is
    larger over long stretches than from one value to the next.
    """
    kept = min(max(streak, 0.0), MOST_STREAK)
    inflated = noise * noise * (1 + kept) / (1 - kept) ** 2
    return float(12 + 3.5 * np.log(n) + 120 / n) * inflated + 1e-300


def _train_gain(train: View | None, val: View, found: Valley) -> float | None:
    """What the training gained after the best of the validation, as a part of its whole fall."""
    if train is None or train.y.size < FEWEST:
        return None
    train_x, val_x = together(train, val)
    bottom = val_x[np.searchsorted(val.at, val.trend.at[found.bottom]).clip(0, val_x.size - 1)]
    after = train.y[train_x >= bottom]
    before = train.y[train_x < bottom]
    if after.size < 2:
        return None
    few = max(1, min(after.size // 3, 1 + after.size // 10))
    near = np.concatenate([before[-few:], after[:few]])
    end = float(np.median(after[-few:]))
    fall = float(train.y[0]) - end
    return (float(np.median(near)) - end) / fall if fall > 0 else 0.0


def _is_learnt(lead: Leading, found: Valley) -> bool:
    """Whether the training loss has nothing more to gain: it lies far below the validation's."""
    if lead.train is None or not lead.val or metric_of(lead.train) != metric_of(lead.val):
        return False
    end = float(np.median(lead.train.y[-max(1, lead.train.y.size // 10) :]))
    return 0 <= end < LEARNT * found.level


def _disputes(lead: Leading, judged: View, found: Valley) -> bool:
    """Whether the main metric still reached its best well after the loss had turned."""
    metric = lead.metric
    if metric is None or metric is judged or metric.split == "train" or metric.y.size < FEWEST:
        return False
    metric_x, val_x = together(metric, judged)
    bottom = val_x[
        np.searchsorted(judged.at, judged.trend.at[found.bottom]).clip(0, val_x.size - 1)
    ]
    before, after = metric.y[metric_x <= bottom], metric.y[metric_x > bottom]
    if not before.size or not after.size:
        return False
    return float(np.median(after[-max(1, after.size // 3) :])) <= float(before.min())


def _finding(view: View, found: Valley, sure: float, gain: float | None) -> Finding:
    place = int(np.argmin(view.y))
    best, last = float(view.sign * view.y[place]), float(view.sign * view.y[-1])
    evidence: dict[str, float | str | bool] = {
        "best": best,
        "best_at": float(view.at[place]),
        "last": last,
        "rise": found.rise,
        "rise_of_level": found.rise / abs(found.level) if found.level else np.inf,
        "values_since": int(view.y.size - 1 - place),
    }
    if gain is not None:
        evidence["train_gain_since"] = gain
    word = "falling" if view.goal == "max" else "rising"
    return Finding(
        finding=OVERFIT,
        series=view.name,
        split=view.split,
        at=float(view.at[place]),
        confidence=round(sure, 3),
        evidence=evidence,
        sentence=(
            f"{view.label}: best {best:.4g} at {view.at[place]:g}; {word} since, to {last:.4g}"
            + (
                " while the training loss went on down"
                if gain is not None and gain >= STEADY
                else ""
            )
        ),
    )
