"""What the curves ask for: a lower learning rate, a longer training, more regularisation. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What is done about a finding: other `values` of a setting called one of `keys` and at least
    `least`, from its name and value. `words`: the same for an arm without such a setting.
    """

    kind: Kind
    use: float
    findings: Sequence[str]
    keys: frozenset[str]
    values: Callable[[str, float], list[float]]
    words: str
    least: float = 1e-300


def stronger(name: str, value: float) -> list[float]:
    """Two larger values of a regulariser."""
    if name in SHARES:
        told = [2 * value, 3 * value] if value else [SHARES[name], 3 * SHARES[name]]
        return [rounded(each) for each in told if each <= HIGHEST_SHARE]
    begun = DECAYS[name]
    return [rounded(each) for each in ([3 * value, 10 * value] if value else [begun, 10 * begun])]


def rounded(value: float) -> float:
    return float(f"{value:.2g}")


STEADIER = Remedy(
    kind="lower lr",
    use=BROKEN,
    findings=("nan", "diverged", "spikes", "early_instability"),
    keys=LR,
    values=lambda _, value: [rounded(value / 3), rounded(value / 10)],
    words="a lower learning rate for {arm}",
)
TWICE_AS_LONG = Remedy(
    kind="longer",
    use=LONGER,
    findings=("still_improving",),
    keys=LENGTH,
    values=lambda _, value: [float(round(1.5 * value)), 2 * value],
    words="train {arm} longer",
)
REGULARISED = Remedy(
    kind="regularise",
    use=OVERFIT,
    findings=("overfit",),
    keys=frozenset({**DECAYS, **SHARES}),
    values=stronger,
    words="stop {arm} earlier, or regularise it more",
    least=0.0,
)


def of_curves(found: Comparison, findings: Findings) -> Iterator[Proposal]:
    """For each arm that is not steady, and for the best one; what overfits is trained no longer."""
    for arm in found.arms:
        yield from remedied(found, arm, findings, STEADIER)
    best = found.best or (found.arms[0] if len(found.arms) == 1 else None)
    if best is not None:
        if not most(best, findings, REGULARISED.findings):
            yield from remedied(found, best, findings, TWICE_AS_LONG)
        yield from remedied(found, best, findings, REGULARISED)


def remedied(found: Comparison, arm: Arm, findings: Findings, remedy: Remedy) -> Iterator[Proposal]:
    """The arm with other values of one setting; only in words where it has no such setting."""
    runs = most(arm, findings, remedy.findings)
    if not runs:
        return
    why = "; ".join(curve_words.lines(arm, findings, remedy.findings))
    key = key_of(arm, remedy.keys, remedy.least)
    before = float(settings_of(arm)[key]) if key else 0.0
    tried = [number(each) for each in remedy.values(grouping.joined(key), before)] if key else []
    if key is None or not tried:
        yield Proposal(
            kind=remedy.kind,
            what=remedy.words.format(arm=arm.label),
            why=why,
            use=remedy.use,
            evidence={"runs": runs},
        )
        return
    value = settings_of(arm)[key]
    shown = " and ".join(wording.number(each) for each in tried)
    yield Proposal(
        kind=remedy.kind,
        what=f"{grouping.last(key)} {shown} instead of {wording.number(value)} for {arm.label}",
        why=why,
        use=remedy.use,
        evidence={"runs": runs, "key": key, "value": value},
        **at(found, [arm], seeds_of(arm), [{key: each} for each in tried]),
    )


def key_of(arm: Arm, wanted: frozenset[str], least: float) -> str | None:
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
