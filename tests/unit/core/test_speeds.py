"""Relative speeds of GPU models."""

from __future__ import annotations

from overnight.core.speeds import Seen, by_model


def test_models_are_compared_by_the_same_work() -> None:
    """Twice as fast in the same command is speed 2; other commands say nothing of each other."""
    seen = [
        Seen("x", "A", 0.1),
        Seen("x", "A", 0.1),
        Seen("x", "B", 0.2),
        Seen("x", "C", 0.4),
        Seen("y", "D", 9.0),
    ]
    assert by_model(seen) == {"A": 2.0, "B": 1.0, "C": 0.5}


def test_nothing_seen_says_nothing() -> None:
    """Steps of no length, and servers without a known model, are passed over."""
    assert by_model([]) == {}
    assert by_model([Seen("x", "", 1.0), Seen("x", "A", 0.0), Seen("x", "B", 1.0)]) == {}
