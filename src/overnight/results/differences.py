"""A value of a metric less another one: without dust, and whether it is a gain."""

from __future__ import annotations


def tidy(difference: float) -> float:
    """Without the dust of subtraction: 93.7 - 95.5 is -1.8."""
    return float(f"{difference:.12g}")


def is_better(difference: float | None, goal: str | None) -> bool | None:
    """None where there is no difference, or nobody knows which way is better."""
    if difference is None or goal is None:
        return None
    return difference < 0 if goal == "min" else difference > 0
