"""What the curves ask for: a lower learning rate, a longer training, more regularisation. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from overnight.results import wording
from overnight.results.advice import curve_words, knob_effects, verdict
from overnight.results.advice.curve_words import Findings
from overnight.results.advice.proposal import (
    BROKEN,
    LONGER,
    OVERFIT,
    Kind,
    Proposal,
    at,
    number,
    seeds_of,
    settings_of,
    sweepable,
)
from overnight.results.comparison import grouping
from overnight.results.comparison.arms import Arm, Comparison

UNSTABLE = ("nan", "diverged", "spikes", "early_instability")
IMPROVING, OVERFITS = ("still_improving",), ("overfit",)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LR = _words("lr learningrate baselr lrinit initlr peaklr maxlr")
LENGTH = _words(
    "epochs epoch maxepochs numepochs nepochs numtrainepochs trainepochs totalepochs maxsteps "
    "steps numsteps trainsteps totalsteps maxiters iters maxiter iterations niters"
)
DECAYS = {"weightdecay": 0.01, "wd": 0.01, "l2": 0.001}  # with what to begin where it is 0
SHARES = {"dropout": 0.1, "droppath": 0.1, "labelsmoothing": 0.1}
HIGHEST_SHARE = 0.8


def of_curves(found: Comparison, findings: Findings) -> Iterator[Proposal]:
    for arm in found.arms:
        yield from steadier(found, arm, findings)
    best = found.best or (found.arms[0] if len(found.arms) == 1 else None)
    if best is not None:
        yield from longer(found, best, findings)
        yield from regularised(found, best, findings)


def steadier(found: Comparison, arm: Arm, findings: Findings) -> Iterator[Proposal]:
    """A lower learning rate for an arm that diverged or showed spikes."""
    runs = most(arm, findings, UNSTABLE)
    if runs:
        key = key_of(arm, LR)
        value = float(settings_of(arm)[key]) if key else 0.0
        yield turned(
            found,
            arm,
            "lower lr",
            BROKEN,
            runs=runs,
            why=sentences(arm, findings, UNSTABLE),
            key=key,
            values=[rounded(value / 3), rounded(value / 10)],
            otherwise=f"a lower learning rate for {arm.label}",
        )


def longer(found: Comparison, arm: Arm, findings: Findings) -> Iterator[Proposal]:
    """Up to twice as long, where it still improved at the end; not what overfits already."""
    runs = [] if most(arm, findings, OVERFITS) else most(arm, findings, IMPROVING)
    if runs:
        key = key_of(arm, LENGTH)
        value = float(settings_of(arm)[key]) if key else 0.0
        yield turned(
            found,
            arm,
            "longer",
            LONGER,
            runs=runs,
            why=sentences(arm, findings, IMPROVING),
            key=key,
            values=[float(round(1.5 * value)), 2 * value],
            otherwise=f"train {arm.label} longer",
        )


def regularised(found: Comparison, arm: Arm, findings: Findings) -> Iterator[Proposal]:
    """More of a regulariser that the command has, else an earlier end."""
    runs = most(arm, findings, OVERFITS)
    if runs:
        key = key_of(arm, frozenset({**DECAYS, **SHARES}), least=0.0)
        yield turned(
            found,
            arm,
            "regularise",
            OVERFIT,
            runs=runs,
            why=sentences(arm, findings, OVERFITS),
            key=key,
            values=stronger(grouping.joined(key), float(settings_of(arm)[key])) if key else [],
            otherwise=f"stop {arm.label} earlier, or regularise it more",
        )


def stronger(name: str, value: float) -> list[float]:
    """Two larger values of a regulariser."""
    if name in SHARES:
        told = [2 * value, 3 * value] if value else [SHARES[name], 3 * SHARES[name]]
        return [rounded(each) for each in told if each <= HIGHEST_SHARE]
    begun = DECAYS[name]
    return [rounded(each) for each in ([3 * value, 10 * value] if value else [begun, 10 * begun])]


def turned(
    found: Comparison,
    arm: Arm,
    kind: Kind,
    use: float,
    *,
    runs: Sequence[str],
    why: str,
    key: str | None,
    values: Sequence[float],
    otherwise: str,
) -> Proposal:
    """The arm with other values of one setting; only in words where it has no such setting."""
    if key is None or not values:
        return Proposal(kind=kind, what=otherwise, why=why, use=use, evidence={"runs": list(runs)})
    before, tried = settings_of(arm)[key], [number(each) for each in values]
    shown = " and ".join(wording.number(each) for each in tried)
    return Proposal(
        kind=kind,
        what=f"{grouping.last(key)} {shown} instead of {wording.number(before)} for {arm.label}",
        why=why,
        use=use,
        evidence={"runs": list(runs), "key": key, "value": before},
        **at(found, [arm], seeds_of(arm), [{key: each} for each in tried]),
    )


def key_of(arm: Arm, wanted: frozenset[str], least: float = 1e-300) -> str | None:
    """The first setting of that meaning with a number of at least `least`."""
    for key, value in settings_of(arm).items():
        is_meant = grouping.joined(key) in wanted and sweepable(key)
        if is_meant and knob_effects.is_number(value) and value >= least:
            return key
    return None


def most(arm: Arm, findings: Findings, wanted: Sequence[str]) -> list[str]:
    """The runs of which one of these is said for sure, where that is half of the arm or more."""
    runs = verdict.asserted(arm, findings, wanted)
    return runs if 2 * len(runs) >= len(arm.outcomes) else []


def sentences(arm: Arm, findings: Findings, wanted: Sequence[str]) -> str:
    """What is said of its curves."""
    return "; ".join(curve_words.lines(arm, findings, wanted))


def rounded(value: float) -> float:
    return float(f"{value:.2g}")
