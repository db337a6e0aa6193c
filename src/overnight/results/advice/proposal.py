"""A proposal: what to run next and why, and the points of the sweep that it can be turned into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from overnight.results.advice import knob_effects
from overnight.results.comparison import grouping, settings
from overnight.results.comparison.arms import Arm, Comparison, Outcome

Kind = Literal["seeds", "knob", "longer", "regularise", "lower lr", "repeat", "retry", "settled"]
# How useful: what is broken first, then what is cheap and would settle something.
BROKEN, ALTERED, FAILED, FEW_SEEDS, EDGE, LONGER, OVERFIT, BOTH, MIDDLE, MANY, EQUAL = (
    90, 80, 75, 70, 65, 60, 55, 50, 40, 30, 10,
)  # fmt: skip

MOST_PAIRED = 3

Point = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """`what` to do and `why`, sentences. `evidence`: the numbers and the runs that they are of.

    `points`: what each run changes of the command that is `based_on` (a run); with `seeds` (none:
    as the command has it) they are a sweep. No points: `command` says what to type, or there is
    nothing to type.
    """

    kind: Kind
    what: str
    why: str
    use: float
    evidence: Mapping[str, Any] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    seeds: tuple[int, ...] = ()
    based_on: str = ""
    command: str = ""

    @property
    def is_sweep(self) -> bool:
        """Two runs are the least that a sweep has."""
        return len(self.points) * max(1, len(self.seeds)) > 1

    @property
    def runs(self) -> int:
        return len(self.points) * max(1, len(self.seeds))

    def to_json(self) -> dict[str, Any]:
        told = {
            name: getattr(self, name) for name in ("kind", "what", "why", "based_on", "command")
        }
        return {
            **told,
            "evidence": dict(self.evidence),
            "points": [dict(each) for each in self.points],
            "seeds": list(self.seeds),
            "runs": self.runs,
        }


# -- points -----------------------------------------------------------------------------------


def at(
    found: Comparison,
    arms: Sequence[Arm],
    seeds: tuple[int, ...] = (),
    changes: Sequence[Mapping[str, Any]] = ({},),
) -> dict[str, Any]:
    """The points of these arms with each of `changes`, and the run whose command they change.

    Without points where an arm is made by what a sweep cannot set: other code, a variable.
    """
    lead = leader(found, arms)
    if lead is None or any(not is_settable(arm) for arm in arms):
        return {}
    points = tuple(
        {**point_of(arm, lead), **{sweep_key(key): value for key, value in change.items()}}
        for arm in arms
        for change in changes
    )
    return {"points": points, "seeds": seeds, "based_on": lead.run}


def seeds_of(arm: Arm) -> tuple[int, ...]:
    """The first seeds of the arm, so that what changes one setting can be paired with it."""
    told = [settings.whole(each.seed) for each in arm.pooled]
    known = sorted({seed for seed in told if seed is not None})
    return tuple(known[:MOST_PAIRED])


def leader(found: Comparison, arms: Sequence[Arm]) -> Outcome | None:
    """The run whose command is the start: the sweep's base, else the first of the arms."""
    base = next((each for each in found.outcomes if each.is_base), None)
    return base or next((each for arm in arms for each in arm.outcomes), None)


def point_of(arm: Arm, lead: Outcome) -> dict[str, Any]:
    """What the arm changes of the lead's command, or of that of its sweep."""
    first = arm.outcomes[0]
    if first.point is not None and lead.point is not None:
        before = unchanged(lead)
        return {key: value for key, value in first.point.items() if before.get(key, ()) != value}
    if any(each.run == lead.run for each in arm.outcomes):
        return {}
    return {
        sweep_key(key): knob_effects.typed(value)
        for key, value in arm.config.items()
        if key != grouping.CODE
    }


def unchanged(lead: Outcome) -> Mapping[str, Any]:
    """The values of the sweep's axes in its command as it is; empty where that is not known."""
    sweep = lead.provenance.get("sweep")
    keys = sweep.get("keys") if isinstance(sweep, Mapping) else None
    if isinstance(keys, Mapping):
        return keys
    return (lead.point or {}) if lead.is_base else {}


def is_settable(arm: Arm) -> bool:
    return grouping.CODE not in arm.config and all(sweepable(key) for key in arm.config)


def sweepable(key: str) -> bool:
    """Whether a sweep can set it: a flag, an override, a key of a file."""
    return not key.startswith(("env ", "argument ")) and key not in (settings.SCRIPT, grouping.CODE)


def sweep_key(key: str) -> str:
    """As a sweep has it: `lr` of `--lr`, `configs/base.yaml:lr` of `configs/base.yaml lr`."""
    path, is_file, name = key.partition(" ")
    return f"{path}:{name}" if is_file else key.lstrip("-")


def settings_of(arm: Arm) -> dict[str, Any]:
    """All that its first run has set, numbers as numbers."""
    first = arm.outcomes[0]
    return {
        key: knob_effects.typed(v) for key, v in {**(first.point or {}), **first.config}.items()
    }


def number(value: float) -> int | float:
    """Whole where it is."""
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else value
