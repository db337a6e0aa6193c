"""What is said about a curve, and with how much confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
FINDINGS = (
    NAN, DIVERGED, SPIKES, EARLY, PLATEAU, OVERFIT, GAP, RATE, THROUGHPUT,
    IMPROVING, CONVERGED, NOISY, RUNS,
)  # fmt: skip

# Confidence at and above which a finding is asserted; below, it is a hint.
ASSERTED = 0.5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`finding` is one of FINDINGS, `series` the name of the series as its file writes it.

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
    evidence: Mapping[str, float | str | bool] = field(default_factory=dict)

    @property
    def is_asserted(self) -> bool:
        return self.confidence >= ASSERTED


def health_lines(findings: Sequence[Finding]) -> list[str]:
    """Findings as sentences, the surest first; those that are only hinted at say so."""
    sure = sorted(findings, key=lambda each: -each.confidence)
    return [each.sentence if each.is_asserted else f"perhaps: {each.sentence}" for each in sure]
