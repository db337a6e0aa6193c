"""`early_instability`: in the first third the curve got much worse than it began, and came back."""

from __future__ import annotations

import numpy as np

from overnight.results.health.finding import EARLY, Finding
from overnight.results.health.view import View, some

FEWEST = 8
THIRD = 3
OF_GAIN = 0.5  # how far above its start, as a part of what it gained in the end
OF_LEVEL = 0.1
FAR = 8.0


def finding(view: View) -> Finding | None:
    y = view.y
    if y.size < FEWEST:
        return None
    start = float(np.median(y[: max(1, y.size // 200)]))
    worst = int(np.argmax(y[: max(3, y.size // THIRD)]))
    end = float(np.median(some(y[-max(1, y.size // 10) :])))
    gained, above = start - end, float(y[worst]) - start
    later = y[y.size // 2 :]
    noise = float(np.median(np.abs(some(np.diff(later))))) if later.size > 1 else 0.0
    if gained <= 0 or above <= max(OF_GAIN * gained, OF_LEVEL * abs(start), FAR * noise):
        return None
    sure = 0.4 + 0.4 * min(1.0, above / gained - OF_GAIN)
    return Finding(
        finding=EARLY,
        series=view.name,
        split=view.split,
        at=float(view.at[worst]),
        confidence=round(sure, 3),
        evidence={
            "start": view.sign * start,
            "worst": float(view.sign * y[worst]),
            "end": view.sign * end,
        },
        sentence=(
            f"{view.label} was unstable at first: {view.sign * start:.4g}, then "
            f"{view.sign * y[worst]:.4g} at {view.at[worst]:g}, in the end {view.sign * end:.4g}"
        ),
    )
