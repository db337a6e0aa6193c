"""`nan`: values that are no numbers, and whether the training died of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from overnight.results.health.finding import NAN, Finding
from overnight.results.health.view import View

DEAD, UNDEFINED, PASSED = 0.98, 0.55, 0.6
MOSTLY = 0.5  # of the values after the first that is none: so many on end are no accident
FEW = 3  # bad values at the end that are enough; fewer where they are a good part of the curve


def findings(views: Sequence[View]) -> list[Finding]:
    trained = any(_is_training(each) and each.finite.size for each in views)
    return [each for each in (_one(view, trained) for view in views) if each]


def _is_training(view: View) -> bool:
    return view.is_loss and view.split == "train"


def _one(view: View, trained: bool) -> Finding | None:
    bad = np.flatnonzero(~np.isfinite(view.value))
    if not bad.size:
        return None
    # An empty column beside a training loss that is a number was never computed.
    counts = _is_training(view) if trained else view.is_loss
    is_dead = counts and _died(view, bad)
    return _finding(view, bad, is_dead)


def _died(view: View, bad: np.ndarray) -> bool:
    """Whether the loss went and did not come back."""
    after = view.value.size - bad[0]
    at_end = view.value.size - 1 - (view.finite[-1] if view.finite.size else -1)
    if view.finite.size and at_end >= min(FEW, max(1, view.value.size // 10)):
        return True
    return bool(bad.size >= FEW and bad.size > MOSTLY * after)


def _finding(view: View, bad: np.ndarray, is_dead: bool) -> Finding:
    first, never = int(bad[0]), not view.finite.size
    at = float(view.x[first])
    evidence: dict[str, float | str | bool] = {
        "dead": is_dead,
        "nonfinite": int(bad.size),
        "n": int(view.value.size),
        "first": at,
        "kind": "nan" if np.isnan(view.value[first]) else "inf",
    }
    before = view.finite[view.finite < first]
    if before.size:
        evidence["last_finite"] = float(view.value[before[-1]])
        evidence["last_finite_at"] = float(view.x[before[-1]])
    return Finding(
        finding=NAN,
        series=view.name,
        split=view.split,
        at=at,
        confidence=DEAD if is_dead else UNDEFINED if never else PASSED,
        evidence=evidence,
        sentence=_sentence(view, evidence, is_dead, never),
    )


def _sentence(view: View, told: dict[str, float | str | bool], is_dead: bool, never: bool) -> str:
    if is_dead:
        return f"{view.label} is no number from {told['first']:g} on: the training is dead"
    if never:
        return f"{view.label} was never a number: not computed or not defined; the run is not dead"
    return f"{view.label}: {told['nonfinite']} of {told['n']} values are no numbers; it went on"
