"""Lengths of time as people write them."""

from __future__ import annotations


def text(seconds: float | None) -> str:
    """2 h 10 min, 4 min, 12 s; "" for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min" if minutes else f"{rest} s"
