"""`diverged`: a loss (or the main metric) lost most of what it had gained, for good."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overnight.results.health.finding import DIVERGED, Finding
from overnight.results.health.leading import Leading
from overnight.results.health.overfit import chance
from overnight.results.health.shape import valley
from overnight.results.health.view import View
from overnight.results.names import TRAIN

FEWEST = 5
LOST = 0.6  # part of the gain that has to be lost again
OF_LEVEL = 0.2  # and how far above its best the loss has to be, as a part of it
AROUND = 2  # values on each side of the bottom of the fit, among which the lowest is named
FEWEST_AFTER = 3  # values that have to be that bad at the end
PLAYING = 0.4  # confidence for losses that play against each other, or are one part of several
METRIC = 0.6


def findings(lead: Leading) -> list[Finding]:
    """Of the training loss; a validation that gets worse while that goes down is overfitting."""
    judged = [lead.train] if lead.train else [lead.val, lead.metric]
    found = [each for each in map(_one, filter(None, judged)) if each][:1]
    if lead.other_parts_fall or lead.is_policy:
        found = [replace(each, confidence=min(each.confidence, PLAYING)) for each in found]
    return found


def _one(view: View) -> Finding | None:
    y = view.trend.y
    if y.size < FEWEST:
        return None
    found = valley(y)
    start = float(np.median(y[: max(1, y.size // 50)]))
    gained = max(0.0, start - found.level)
    end = found.level + found.rise
    needed = max(LOST * gained, OF_LEVEL * abs(found.level))
    if found.rise <= needed:
        return None
    if found.gain <= chance(y.size, view.trend.noise, found.streak):
        return None
    if y[-FEWEST_AFTER:].min() - found.level <= needed:
        return None
    sure = 0.95 if end > start + 0.1 * abs(start) else 0.7
    if sure < 0.95 and view.split != TRAIN:  # the training may well go on learning by heart
        sure = PLAYING
    if view.is_playing:
        sure = min(sure, PLAYING)
    elif not view.is_loss:
        sure = min(sure, METRIC)
    near = max(0, found.bottom - AROUND)
    bottom = near + int(np.argmin(y[near : found.bottom + AROUND + 1]))
    return _finding(view, bottom, found.level, end, start, sure)


def _finding(
    view: View, bottom: int, level: float, end: float, start: float, sure: float
) -> Finding:
    at = float(view.trend.at[bottom])
    told = {"best": level, "start": start, "end": end}
    evidence: dict[str, float | str | bool] = {k: view.sign * v for k, v in told.items()}
    evidence["worst"] = float(view.sign * view.y.max())
    return Finding(
        finding=DIVERGED,
        series=view.name,
        split=view.split,
        at=at,
        confidence=sure,
        evidence=evidence,
        sentence=(
            f"{view.label} went away after {at:g}: from {view.sign * level:.4g} to "
            f"{view.sign * end:.4g} (it began at {view.sign * start:.4g})"
        ),
    )
