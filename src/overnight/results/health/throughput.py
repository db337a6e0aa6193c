"""`throughput_drop`: the training became slower and stayed so."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from overnight.results.curves import Floats
from overnight.results.health.course import spread
from overnight.results.health.finding import THROUGHPUT, Finding
from overnight.results.health.view import View

FEWEST = 12
DROP = 0.7  # of the speed before
FAR = 4.0
FAST = re.compile(
    r"(per_second|per_sec|/s$|/sec\b|_ps$|throughput|\bfps\b|\bmfu\b|tok_s|it_s)", re.I
)
SLOW = re.compile(
    r"((step|iter|batch|epoch)[ _/]?(time|ms|seconds?)|(sec|time|ms)[ _/]*per|^time$|^dt$)", re.I
)
TOTAL = re.compile(r"(total|elapsed|runtime|remaining|eta|eval|val|test)", re.I)


def findings(views: Sequence[View]) -> list[Finding]:
    """Of the first series that tells a speed; else of the clock beside the steps."""
    for view in views:
        if TOTAL.search(view.name) or view.finite.size < FEWEST:
            continue
        if FAST.search(view.name) or SLOW.search(view.name):
            values = view.value[view.finite]
            speed = values if FAST.search(view.name) else _inverse(values)
            return _drop(view, view.at, speed)
    return _by_clock(views)


def _inverse(seconds: Floats) -> Floats:
    return 1.0 / np.where(seconds > 0, seconds, np.nan)


def _by_clock(views: Sequence[View]) -> list[Finding]:
    timed = [each for each in views if each.split == "train" and each.value.size >= FEWEST]
    for view in sorted(timed, key=lambda each: -each.value.size)[:1]:
        time, step = (column[view.place] for column in (view.series.time, view.series.step))
        if np.isnan(time).any() or np.isnan(step).any():
            return []
        speed = np.diff(step) / np.where(np.diff(time) > 0, np.diff(time), np.nan)
        return _drop(view, view.x[1:], speed)
    return []


def _drop(view: View, at: Floats, speed: Floats) -> list[Finding]:
    told = np.isfinite(speed) & (speed > 0)
    at, speed = at[told], speed[told]
    if speed.size < FEWEST or not (np.diff(speed) != 0).any():
        return []
    before = float(np.median(speed[: speed.size // 2]))
    last = speed[-max(3, speed.size // 5) :]
    after = float(np.median(last))
    if after >= DROP * before or float(np.quantile(last, 0.9)) >= before:
        return []
    if before - after <= FAR * spread(speed[: speed.size // 2]) / np.sqrt(last.size):
        return []
    slow = speed < (before + after) / 2
    first = int(np.flatnonzero(~slow)[-1]) + 1 if not slow.all() else 0
    first = min(first, speed.size - 1)
    return [
        Finding(
            finding=THROUGHPUT,
            series=view.name,
            split=view.split,
            at=float(at[first]),
            confidence=round(min(0.9, 0.5 + (DROP - after / before)), 3),
            evidence={"before": before, "after": after, "part": after / before},
            sentence=(
                f"since {at[first]:g} the training runs at {100 * after / before:.0f} % of the "
                f"speed that it had (by {view.name})"
            ),
        )
    ]
