"""The values of a report. Each says which run and server it is of, so that it can be traced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overnight.core import views
from overnight.core.incidents import Incident


def plain(value: Any) -> dict[str, Any]:
    """The fields of a value of plain fields."""
    return {
        key: list(each) if isinstance(each, tuple) else each for key, each in vars(value).items()
    }


@dataclass(frozen=True, kw_only=True)
class Window:
    """What a report covers, in Unix seconds; `why` in words: `since yesterday 18:00`."""

    since: float
    until: float
    why: str

    @property
    def length_s(self) -> float:
        return max(0.0, self.until - self.since)

    def has(self, at: float) -> bool:
        return self.since <= at <= self.until


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A run that waits for a person. `answers`: the commands that answer."""

    run: str
    server: str
    at: float
    reason: str
    answers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A run that has ended badly, as it stands. `meaning` and `mend` are sentences on its class."""

    run: str
    server: str
    state: str
    at: float
    attempts: int
    place: str
    kind: str | None
    meaning: str
    reason: str
    mend: str
    commands: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Mended:
    """A failure after which the run went on: what was seen, what was changed, how it is now."""

    run: str
    server: str
    incident: Incident
    meaning: str
    state: str
    changes_science: bool


@dataclass(frozen=True, kw_only=True)
class Number:
    """A value of the primary metric and where it was read: `file` relative to the run's folder;
    None where only the server's own record tells it."""

    value: float
    place: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is known of a finished run's primary metric.

    `difference`: best minus `target`, None where they cannot be compared (`note` says why).
    `source`: where the target is from. `verdict`: good, promising, bad or undecided with its
    `reasons`, of the run's `arm` over its seeds; "" where nobody judged. `altered`: a repair has
    changed the experiment.
    """

    run: str
    server: str
    at: float
    metric: str | None
    goal: str | None
    best: Number | None
    last: Number | None
    target: float | None = None
    source: str = ""
    difference: float | None = None
    is_better: bool | None = None
    note: str = ""
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    arm: str = ""
    altered: bool = False
    attempts: int = 1
    sweep: str = ""


@dataclass(frozen=True, kw_only=True)
class Health:
    """A finding about a curve of a run, in words."""

    run: str
    server: str
    finding: str
    words: str
    confidence: float | None


@dataclass(frozen=True, kw_only=True)
class Away:
    """A server that did not answer: since when (first asked in vain), and how old its word is."""

    server: str
    since: float | None
    age_s: float | None
    problem: str
    active: int


@dataclass(frozen=True, kw_only=True)
class Noticed:
    """What a run noticed about the machine it is on: `kind` is disk_low or gpu_fault."""

    kind: str
    server: str
    run: str
    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Spent:
    """GPU hours of one run in the window. `repeated`: of `used`, what later attempts did again;
    `unknown`: of `used`, how much of that is not known. `failed`: the run ended without a result.
    `idle`: at least so many while the process lived, as the node noticed."""

    run: str
    server: str
    used: float
    repeated: float = 0.0
    unknown: float = 0.0
    idle: float = 0.0
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Hours:
    """GPU hours of the window. `cards`: how many GPUs each server has, as last seen; a server of
    which nobody has seen them is in `unseen`. `until`: of a server that is away, when it was last
    heard of; what its runs used since then is not in here."""

    runs: tuple[Spent, ...]
    window_s: float
    cards: Mapping[str, int] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    until: Mapping[str, float] = field(default_factory=dict)

    @property
    def used(self) -> float:
        return sum(each.used for each in self.runs)

    @property
    def failed(self) -> float:
        return sum(each.used for each in self.runs if each.failed)

    @property
    def repeated(self) -> float:
        return sum(each.repeated for each in self.runs if not each.failed)

    @property
    def unknown(self) -> float:
        return sum(each.unknown for each in self.runs if not each.failed)

    @property
    def idle(self) -> float:
        return sum(each.idle for each in self.runs)

    @property
    def capacity(self) -> float | None:
        """GPU hours of all GPUs that are known; None where none are."""
        return sum(self.cards.values()) * self.window_s / 3600 if self.cards else None

    @property
    def held(self) -> float:
        """Used on servers whose GPUs are known."""
        return sum(each.used for each in self.runs if each.server in self.cards)

    def to_json(self) -> dict[str, Any]:
        names = ("used", "failed", "repeated", "unknown", "idle", "capacity", "held", "window_s")
        return {
            **{name: getattr(self, name) for name in names},
            "cards": dict(self.cards),
            "cards_unseen": list(self.unseen),
            "known_until": dict(self.until),
            "runs": [plain(each) for each in self.runs],
        }


@dataclass(frozen=True, kw_only=True)
class Active:
    """A run that has not ended; `state` as the laptop sees it."""

    run: str
    server: str
    state: str
    view: views.RunView


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """A run that a person, or a search, has ended."""

    run: str
    server: str
    at: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class SweepEnd:
    """A sweep whose last run has ended in the window. `lines`: its table for a terminal;
    `header` and `rows`: the same as cells; `best`: the place of its best row."""

    name: str
    title: str
    at: float
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A proposal: what, on which evidence, and the command that does it."""

    what: str
    why: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """What there is to tell of a project. Empty parts are parts where all is well.

    `old`: servers that were not asked now, and how old their word is (s).
    """

    project: str
    window: Window
    decisions: tuple[Decision, ...] = ()
    failed: tuple[Failed, ...] = ()
    mended: tuple[Mended, ...] = ()
    finished: tuple[Outcome, ...] = ()
    sweeps: tuple[SweepEnd, ...] = ()
    steps: tuple[Step, ...] = ()
    health: tuple[Health, ...] = ()
    stopped: tuple[Stopped, ...] = ()
    active: tuple[Active, ...] = ()
    away: tuple[Away, ...] = ()
    old: Mapping[str, float] = field(default_factory=dict)
    noticed: tuple[Noticed, ...] = ()
    hours: Hours | None = None

    def to_json(self) -> dict[str, Any]:
        simple = ("decisions", "failed", "stopped", "away", "noticed", "steps", "health", "sweeps")
        return {
            "project": self.project,
            "window": plain(self.window),
            **{name: [plain(each) for each in getattr(self, name)] for name in simple},
            "mended": [_mended(each) for each in self.mended],
            "finished": [_outcome(each) for each in self.finished],
            "active": [{"server": each.server, **each.view.to_json()} for each in self.active],
            "old": dict(self.old),
            "gpu_hours": self.hours.to_json() if self.hours else None,
        }


def _mended(each: Mended) -> dict[str, Any]:
    more = {"state": each.state, "changes_science": each.changes_science}
    return {"server": each.server, **each.incident.to_json(), **more}


def _outcome(each: Outcome) -> dict[str, Any]:
    best, last = (plain(n) if n else None for n in (each.best, each.last))
    return {**plain(each), "best": best, "last": last}


def newest(times: Sequence[float]) -> float:
    return max(times, default=0.0)
