"""`generalisation_gap`: the validation loss ends far above the training loss, and was nearer."""

from __future__ import annotations

import numpy as np

from overnight.results.health.finding import GAP, Finding
from overnight.results.health.leading import Leading, metric_of
from overnight.results.health.view import View

FEWEST = 4
WIDE = 0.5  # of the validation's value
MOST = 0.75


def findings(lead: Leading) -> list[Finding]:
    train, val = lead.train, lead.val
    if train is None or val is None or min(train.y.size, val.y.size) < FEWEST:
        return []
    if metric_of(train) != metric_of(val) or min(train.y.min(), val.y.min()) < 0:
        return []
    first = _part(val, 0) - _part(train, 0)
    train_end, val_end = _part(train, -1), _part(val, -1)
    gap = val_end - train_end
    if gap <= WIDE * val_end or gap <= max(0.0, first):
        return []
    return [_finding(val, train, train_end, val_end)]


def _part(view: View, end: int) -> float:
    """The median of the first (0) or last (-1) tenth."""
    few = max(1, view.y.size // 10)
    return float(np.median(view.y[-few:] if end else view.y[:few]))


def _finding(val: View, train: View, train_end: float, val_end: float) -> Finding:
    share = (val_end - train_end) / val_end
    return Finding(
        finding=GAP,
        series=val.name,
        split=val.split,
        at=float(val.at[-1]),
        confidence=round(min(MOST, 0.4 + 0.7 * (share - WIDE)), 3),
        evidence={"train": train_end, "validation": val_end, "gap_of_validation": share},
        sentence=(
            f"{val.label} ends at {val_end:.4g}, {train.label} at {train_end:.4g}: the training "
            "says little about unseen data any more"
        ),
    )
