"""What is compared: runs as outcomes, outcomes as arms, arms against one of them. Values only.

An outcome is one run with one seed. An arm is what differs in nothing but the seed; its numbers are
over its seeds, and how many there were is always told. What a repair has altered, and what has not
finished, is listed beside its arm and counts in none of its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from overnight.core import views

Seed = int | str
Which = Literal["best", "last", "at best validation"]
Kind = Literal["welch", "paired", "number", "none"]
CONFIDENCE = 0.95
FINISHED, IMPORTED = "finished", "imported"
PRUNED = "the search (pruned)"  # who stopped a run that the search has given up


class Place(NamedTuple):
    """Where a value was read: `source` is relative to the run's folder, `line` counts from 1."""

    step: int | None
    epoch: float | None
    source: str
    line: int | None

    def to_json(self) -> dict[str, Any]:
        return self._asdict()


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One metric of one run. A value is None where there is none; `last` may be NaN or infinite.

    `n` evaluations (None: not told). `at_best`: its value at the step where the run's validation
    metric `chosen_by` was best, which is how a test metric may be chosen. `source`: its file.
    """

    best: float | None
    best_place: Place | None
    last: float | None
    last_place: Place | None
    n: int | None
    goal: str | None
    split: str
    nonfinite: int = 0
    source: str = ""
    at_best: float | None = None
    at_best_place: Place | None = None
    chosen_by: str | None = None

    def value(self, which: Which) -> float | None:
        return {"best": self.best, "last": self.last, "at best validation": self.at_best}[which]

    def place(self, which: Which) -> Place | None:
        places = (self.best_place, self.last_place, self.at_best_place)
        return dict(zip(("best", "last", "at best validation"), places, strict=True))[which]

    def to_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("n", "goal", "split", "nonfinite", "source")}
        return {
            **told,
            "best": finite(self.best),
            "best_at": self.best_place.to_json() if self.best_place else None,
            "last": finite(self.last),
            "last_at": self.last_place.to_json() if self.last_place else None,
            "at_best_validation": finite(self.at_best),
            "chosen_by": self.chosen_by,
        }


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run. `config`: all that was set, flat; secrets are hidden already.

    `altered`: why it is another experiment than was asked for; empty where it is not. `reason` and
    `age_s`: why it stopped, and how old this word of it is (None: of now). `metrics` begins with
    the primary one. `point`, `index`, `is_base`: its place in a sweep.
    `so_far`: the best value of a run that goes on. `told`: the row of a server that this is from.
    """

    run: str
    server: str
    state: str
    seed: Seed | None
    config: Mapping[str, Any]
    metrics: Mapping[str, Measured]
    primary: str | None = None
    repairs: tuple[views.Repair, ...] = ()
    altered: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    age_s: float | None = None
    duration_s: float | None = None
    so_far: float | None = None
    point: Mapping[str, Any] | None = None
    is_base: bool = False
    index: int = 0
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_altered(self) -> bool:
        return bool(self.altered)

    @property
    def has_ended(self) -> bool:
        return self.state in (*views.ENDED, views.LOST, IMPORTED)

    @property
    def said(self) -> str:
        """The state, where a stop has a reason of ours: `pruned`."""
        return "pruned" if self.state == "stopped" and PRUNED in self.reason else self.state

    def to_json(self) -> dict[str, Any]:
        names = ("run", "server", "state", "seed", "primary", "reason", "age_s", "duration_s")
        return {
            **{name: getattr(self, name) for name in names},
            "config": strict(self.config),
            "metrics": {name: each.to_json() for name, each in self.metrics.items()},
            "repairs": [each.to_json() for each in self.repairs],
            "altered": list(self.altered),
            "provenance": strict(self.provenance),
        }


class Value(NamedTuple):
    """A run's number in the statistics of its arm."""

    run: str
    seed: Seed | None
    value: float
    place: Place | None

    def to_json(self) -> dict[str, Any]:
        place = self.place.to_json() if self.place else None
        return {"run": self.run, "seed": self.seed, "value": self.value, "at": place}


@dataclass(frozen=True, kw_only=True)
class Stat:
    """Over the seeds of an arm; all values are finite. `sd` (n - 1) and the 95 % t interval of the
    mean, `low` to `high`, are None where n = 1; the interval also where all values are equal."""

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None
    values: tuple[Value, ...]

    def to_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("n", "mean", "sd", "low", "high")}
        return {**told, "values": [each.to_json() for each in self.values]}


class LeftOut(NamedTuple):
    """A run of an arm that is not pooled, and why in words."""

    outcome: Outcome
    why: str

    def to_json(self) -> dict[str, Any]:
        return {"run": self.outcome.run, "state": self.outcome.state, "why": self.why}


@dataclass(frozen=True, kw_only=True)
class Arm:
    """`label` is unique in its comparison; `config`: only the keys in which the arms differ.

    `stats` by metric; a metric that no pooled run has is not in it. `by_which`: of the table's
    metric also the values that were not chosen.
    """

    label: str
    config: Mapping[str, Any]
    pooled: tuple[Outcome, ...]
    left_out: tuple[LeftOut, ...]
    stats: Mapping[str, Stat]
    by_which: Mapping[str, Stat] = field(default_factory=dict)
    is_baseline: bool = False

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return (*self.pooled, *(each.outcome for each in self.left_out))

    @property
    def altered(self) -> tuple[Outcome, ...]:
        return tuple(each for each in self.outcomes if each.is_altered)

    @property
    def repaired(self) -> tuple[Outcome, ...]:
        return tuple(each for each in self.outcomes if each.repairs)

    def to_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "config": strict(self.config),
            "baseline": self.is_baseline,
            "stats": {name: each.to_json() for name, each in self.stats.items()},
            "by_which": {which: each.to_json() for which, each in self.by_which.items()},
            "runs": [each.run for each in self.pooled],
            "not_counted": [each.to_json() for each in self.left_out],
            "altered": [each.run for each in self.altered],
        }


class Pair(NamedTuple):
    """The same seed on both sides: arm's value minus that of the other."""

    seed: Seed
    run: str
    against_run: str
    difference: float


@dataclass(frozen=True, kw_only=True)
class Test:
    """One arm against another (labels): mean minus mean, its 95 % interval and p value.

    `kind` 'paired': over `pairs`; 'number': against a number from elsewhere, so no test (`p` None),
    only our own interval; 'none': nothing can be said, and `note` tells why. `n` and `n_against`
    are the seeds of each side (`n_against` 0 for a number). `p_holm` is corrected for all the
    comparisons of this table. `is_clear`: `p_holm` below 5 %; never without a test.
    `is_better`: in the direction of the goal, None without a goal.
    """

    __test__ = False  # nothing that pytest should collect

    arm: str
    against: str
    kind: Kind
    n: int
    n_against: int
    difference: float | None
    low: float | None = None
    high: float | None = None
    t: float | None = None
    df: float | None = None
    p: float | None = None
    p_holm: float | None = None
    is_clear: bool = False
    is_better: bool | None = None
    pairs: tuple[Pair, ...] = ()
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        told = {name: value for name, value in vars(self).items() if name != "pairs"}
        told = {**told, "t": finite(self.t)}
        return {**told, "confidence": CONFIDENCE, "pairs": [each._asdict() for each in self.pairs]}


@dataclass(frozen=True, kw_only=True)
class Power:
    """How many seeds would tell `arm` from `against`, if the difference and spread seen are true.

    `more`: further seeds for each of the two for a chance of 80 %; None where nothing can be said;
    more than MOST is told as MOST + 1 (`is_capped`: "more than 100"). `visible`: the smallest
    difference that the seeds of now would show with that chance. `words` is the whole sentence.
    """

    arm: str
    against: str
    n: int
    more: int | None
    is_capped: bool
    visible: float | None
    words: str

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What the others are measured against: an `arm` of the table (its label), or a `value`.

    `source` says where a number is from. `note`: what makes it hard to compare (its scale).
    """

    arm: str | None
    value: float | None
    source: str
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One row of what differed: `values` by the arm's label, as words; "" where it has none.

    `kind`: 'config', 'code', 'environment' or 'repairs'.
    """

    kind: Literal["config", "code", "environment", "repairs"]
    key: str
    values: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "key": self.key, "values": dict(self.values)}


@dataclass(frozen=True, kw_only=True)
class Swept:
    """The sweep that the arms are of; `away`: servers that did not answer, and why."""

    name: str
    mode: str
    total: int
    away: Mapping[str, str]


class Shown(NamedTuple):
    """A metric of the table and which value of its curves counts, the same for all arms."""

    name: str
    goal: str | None
    split: str
    which: Which
    why: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`arms`: the best first, those without a value last. `which` value of each curve counts, the
    same for all arms, and `why_which` in words.

    `indistinguishable`: labels of the best arm and of those which a test cannot tell from it; a
    table makes them bold. An arm without a test is not among them: it is unproven, not equal. Empty
    where nothing can be called best (no goal, or fewer than two arms with a value).

    `tests`: against the baseline arm, or number, where there is one, else against the best arm;
    `to_best`: always against the best arm. `metrics`: all that any arm has, this one first;
    their numbers are in `Arm.stats`.
    """

    metric: str | None
    goal: str | None
    split: str
    which: Which
    why_which: str
    arms: tuple[Arm, ...]
    baseline: Baseline | None
    tests: tuple[Test, ...]
    indistinguishable: frozenset[str]
    power: tuple[Power, ...]
    differences: tuple[Difference, ...]
    metrics: tuple[Shown, ...]
    notes: tuple[str, ...]
    to_best: tuple[Test, ...] = ()
    by: str = "seed"
    sweep: Swept | None = None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return tuple(each for arm in self.arms for each in arm.outcomes)

    @property
    def best(self) -> Arm | None:
        """The arm with the best mean, also where it is not proven; None without a goal."""
        has_best = self.goal is not None and self.arms and self.metric in self.arms[0].stats
        return self.arms[0] if has_best else None

    @property
    def is_picked(self) -> bool:
        """Whether the tests are against the best, which the same numbers have picked."""
        return self.baseline is None

    @property
    def compared(self) -> int:
        """For how many comparisons `p_holm` of the tests is corrected."""
        tested = sum(each.p is not None for each in self.tests)
        return family(tested, self.is_picked)

    def arm(self, label: str) -> Arm:
        return next(each for each in self.arms if each.label == label)

    def stat(self, arm: Arm) -> Stat | None:
        return arm.stats.get(self.metric or "")

    def test(self, arm: str) -> Test | None:
        """That of the arm against the baseline, or against the best."""
        return next((each for each in self.tests if each.arm == arm), None)

    def to_json(self) -> dict[str, Any]:
        names = ("metric", "goal", "split", "which", "why_which", "by")
        return {
            **{name: getattr(self, name) for name in names},
            "best": self.best.label if self.best else None,
            "indistinguishable": sorted(self.indistinguishable),
            "baseline": self.baseline.to_json() if self.baseline else None,
            "arms": [each.to_json() for each in self.arms],
            "tests": [each.to_json() for each in self.tests],
            "tests_to_best": [each.to_json() for each in self.to_best],
            "power": [each.to_json() for each in self.power],
            "differences": [each.to_json() for each in self.differences],
            "metrics": [each._asdict() for each in self.metrics],
            "notes": list(self.notes),
            "runs": [each.to_json() for each in self.outcomes],
        }


def family(tests: int, is_picked: bool) -> int:
    """How many comparisons the p values of so many tests are corrected for: as many, or all pairs
    where the one that all are tested against was picked by the same numbers.
    """
    return tests * (tests + 1) // 2 if is_picked else tests


def strict(value: Any) -> Any:
    """For JSON, which knows neither NaN nor infinity: as text, `nan`, since it was set so."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: strict(each) for key, each in value.items()}
    return [strict(each) for each in value] if isinstance(value, (list, tuple)) else value


def finite(value: float | None) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return value if value is not None and math.isfinite(value) else None
