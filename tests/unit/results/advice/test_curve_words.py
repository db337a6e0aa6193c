"""What is said of the curves of an arm: one line a kind of finding."""

from __future__ import annotations

from overnight.results.advice import curve_words
from overnight.results.comparison import pooling
from overnight.results.health.finding import Finding
from tests.unit.results import armed


def said(name: str, at: float | None = None, confidence: float = 0.9) -> Finding:
    return Finding(
        finding=name, series="loss", at=at, confidence=confidence, sentence=f"{name} at {at}"
    )


def test_each_kind_once_with_the_earliest_run() -> None:
    """Bad news first, three with their example, the others by name; hints are not said."""
    (arm,) = pooling.compare(armed.seeds("a", [90, 91, 92])).arms
    told = {
        "a-s0": [said("plateau", 30), said("overfit", 19), said("spikes", 5), said("nan", 1, 0.3)],
        "a-s1": [said("overfit", 12), said("overfit", 7), said("still_improving")],
        "a-s2": [said("overfit", 13)],
    }
    assert list(curve_words.lines(arm, told)) == [
        "overfit in 3 of 3 runs, first in a-s1: overfit at 7",
        "spikes in 1 of 3 runs, a-s0: spikes at 5",
        "plateau in 1 of 3 runs, a-s0: plateau at 30",
        "also: still improving in 1 of 3 runs",
    ]
    assert list(curve_words.lines(arm, told, ["spikes"])) == [
        "spikes in 1 of 3 runs, a-s0: spikes at 5"
    ]


def test_a_single_run_needs_no_count() -> None:
    (arm,) = pooling.compare([armed.run("a", 90.0)]).arms
    assert list(curve_words.lines(arm, {"a": [said("overfit", 7)]})) == ["overfit at 7"]
