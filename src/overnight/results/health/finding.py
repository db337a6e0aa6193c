"""What is said about a curve, and with how much confidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NAN = "nan"
DIVERGED = "diverged"
SPIKES = "spikes"
EARLY = "early_instability"
PLATEAU = "plateau"
OVERFIT = "overfit"
GAP = "generalisation_gap"
RATE = "learning_rate_high"
THROUGHPUT = "throughput_drop"
IMPROVING = "still_improving"
CONVERGED = "converged"
NOISY = "noisy"
RUNS = "several_runs"
# Bad news first: in this order people are told.
FINDINGS = (
    NAN, DIVERGED, OVERFIT, SPIKES, EARLY, THROUGHPUT, RUNS, PLATEAU, GAP, RATE,
    IMPROVING, CONVERGED, NOISY,
)  # fmt: skip

# Nothing that anybody has to do something about.
QUIET = (CONVERGED, NOISY)

# Confidence at and above which a finding is asserted; below, it is a hint.
ASSERTED = 0.5
TAKEN_BACK = 0.3  # at most, where a surer finding excludes it


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`finding` is one of FINDINGS, `series` the name of the series as its file writes it,
    `split` what it belongs to.

    `at`: where on the axis of that series (steps where told, else epochs, else the number of the
    value); None for the curve as a whole. `confidence`: 0 to 1. `evidence`: the numbers it rests
    on. `sentence`: the same for a person, without the name of the run; holds names as the file
    writes them, so it is hostile until escaped.
    """

    finding: str
    series: str
    at: float | None
    confidence: float
    sentence: str
    split: str = ""
    evidence: Mapping[str, float | str | bool] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Strict JSON: what is not finite is null."""
        return {
            "finding": self.finding,
            "at": _plain(self.at),
            "confidence": self.confidence,
            "evidence": {key: _plain(value) for key, value in self.evidence.items()},
            "series": self.series,
            "split": self.split,
            "sentence": self.sentence,
        }

    @property
    def is_asserted(self) -> bool:
        return self.confidence >= ASSERTED

    @property
    def is_loud(self) -> bool:
        """Whether it is sure, and calls for something to be done."""
        return self.is_asserted and self.finding not in QUIET


def _plain(value: float | str | bool | None) -> float | str | bool | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def health_lines(findings: Sequence[Finding]) -> list[str]:
    """Findings as sentences, bad news first, hints last; these say that they are some.

    What a surer finding has taken back is not said at all.
    """
    told = [each for each in findings if each.confidence > TAKEN_BACK]
    told.sort(key=lambda each: (not each.is_asserted, _weight(each), -each.confidence))
    return [each.sentence if each.is_asserted else f"perhaps: {each.sentence}" for each in told]


def _weight(finding: Finding) -> int:
    is_column = finding.evidence.get("dead") is False  # of a run that lives
    return len(FINDINGS) if is_column else FINDINGS.index(finding.finding)
