"""How fast GPU models are for this project's work, from what was seen before. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import NamedTuple


class Seen(NamedTuple):
    """Seconds per step of some work on some GPU model. Equal `work` means the same command."""

    work: str
    model: str
    step_time_s: float


def by_model(seen: Iterable[Seen]) -> dict[str, float]:
    """Relative speed of each model: 2 takes half the time. Models without a comparison are absent.

    For each work the models are compared with the middle one among them; of several works the
    median counts.
    """
    times: dict[str, dict[str, list[float]]] = {}
    for each in seen:
        if each.step_time_s > 0 and each.model:
            times.setdefault(each.work, {}).setdefault(each.model, []).append(each.step_time_s)
    ratios: dict[str, list[float]] = {}
    for models in times.values():
        medians = {model: statistics.median(listed) for model, listed in models.items()}
        if len(medians) < 2:
            continue
        middle = statistics.median_low(medians.values())
        for model, step_time_s in medians.items():
            ratios.setdefault(model, []).append(middle / step_time_s)
    return {model: statistics.median(listed) for model, listed in ratios.items()}
