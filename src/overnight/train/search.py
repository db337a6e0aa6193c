"""A hyper-parameter search by ask and tell, over runs that live longer than this process.

The record of the trials is ours and is written before anything happens because of it; the adviser
(Optuna) is made anew from it each time. So a search that was cut short at any moment goes on when
it is typed again: what was asked is launched, what runs is found by its number, what has ended is
told, and nothing happens twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from overnight.core import errors

ASKED, COMPLETE, PRUNED, FAILED = "asked", "complete", "pruned", "failed"
POINTS_BEFORE_PRUNING = 5
ALL_FAIL = 3

Point = tuple[int, float]  # step or epoch, value


@dataclass(kw_only=True)
class Trial:
    """One set of parameters, as the adviser suggested them. `is_given_up`: it was told to stop.

    `of`: how many trials there were to be when it was asked for.
    """

    number: int
    params: Mapping[str, Any]
    of: int = 0
    state: str = ASKED
    value: float | None = None
    points: dict[int, float] = field(default_factory=dict)
    is_given_up: bool = False
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "params": dict(self.params), "points": list(self.points.items())}


def trial_from(value: Mapping[str, Any]) -> Trial:
    return Trial(**{**value, "points": {int(at): float(v) for at, v in value["points"]}})


class Seen(NamedTuple):
    """A run of a trial as its server has it. `value` is the best of the primary metric, None while
    there is none; `is_changed`: a repair has changed the experiment.
    """

    state: str
    has_ended: bool
    value: float | None
    points: Sequence[Point]
    is_changed: bool = False
    was_pruned: bool = False
    reason: str = ""


class Runs(Protocol):
    """What a search needs of the runs. Trials whose server cannot be reached are not `observe`d."""

    def launch(self, trials: Sequence[Trial]) -> None:
        """Idempotent: a trial that runs already is left alone."""
        ...

    def observe(self, trials: Sequence[Trial]) -> Mapping[int, Seen | None]:
        """By number; None where all servers answered and none has a run of it."""
        ...

    def stop(self, trial: Trial) -> None: ...


class Adviser(Protocol):
    """Knows all trials of the record; `ask` gives the parameters of the next."""

    def ask(self) -> Mapping[str, Any]: ...

    def report(self, trial: Trial, point: Point) -> None: ...

    def is_hopeless(self, trial: Trial) -> bool: ...

    def tell(self, trial: Trial) -> None: ...


@dataclass(kw_only=True)
class Search:
    """`keep(trials)` makes the record last. `trials` and `at_once` are how many there are to be."""

    adviser: Adviser
    runs: Runs
    keep: Callable[[Sequence[Trial]], None]
    trials: list[Trial]
    wanted: int
    at_once: int
    prunes: bool = True

    @property
    def open(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state == ASKED]

    @property
    def is_done(self) -> bool:
        return not self.open and len(self.trials) >= self.wanted

    def step(self) -> bool:
        """One look at everything, and what follows from it. False where nothing is left to do."""
        seen = self.runs.observe(self.open)
        for trial in self.open:
            if (found := seen.get(trial.number)) is not None:
                self.attend(trial, found)
        self.refuse_to_go_on()
        missing = [trial for trial in self.open if trial.number in seen and not seen[trial.number]]
        fresh = list(self.next_trials())
        self.keep(self.trials)
        if missing or fresh:
            self.runs.launch([*missing, *fresh])
        return not self.is_done

    def attend(self, trial: Trial, seen: Seen) -> None:
        for at, value in seen.points:
            if at not in trial.points:
                trial.points[at] = value
                self.adviser.report(trial, (at, value))
        if seen.has_ended:
            trial.state, trial.value, trial.note = judged(trial, seen)
            self.adviser.tell(trial)
        elif self.prunes and self.may_prune(trial) and self.adviser.is_hopeless(trial):
            trial.is_given_up = True
            self.keep(self.trials)
            self.runs.stop(trial)

    def may_prune(self, trial: Trial) -> bool:
        """A stop that was asked for is asked for again: it may not have arrived."""
        return trial.is_given_up or len(trial.points) >= POINTS_BEFORE_PRUNING

    def next_trials(self) -> Iterable[Trial]:
        while len(self.open) < self.at_once and len(self.trials) < self.wanted:
            params = dict(self.adviser.ask())
            trial = Trial(number=len(self.trials), params=params, of=self.wanted)
            self.trials.append(trial)
            yield trial

    def refuse_to_go_on(self) -> None:
        """Where nothing but failures has come, more of them would cost a night."""
        told = [trial for trial in self.trials if trial.state != ASKED]
        if len(told) >= ALL_FAIL and all(trial.state == FAILED for trial in told):
            self.keep(self.trials)
            raise errors.RunFailed(
                f"all {len(told)} trials that have ended were of no use ({told[-1].note}); "
                "no more are started",
                hint="overnight incidents",
            )


def judged(trial: Trial, seen: Seen) -> tuple[str, float | None, str]:
    """(state, value, why not complete) of a trial whose run has ended.

    A run whose experiment was changed by a repair says nothing of these parameters (law 7).
    """
    if seen.was_pruned or (trial.is_given_up and seen.state == "stopped"):
        return PRUNED, None, "pruned"
    if seen.state != "finished":
        return FAILED, None, f"{seen.state}: {seen.reason}" if seen.reason else seen.state
    if seen.is_changed:
        return FAILED, None, "a repair changed the experiment"
    if seen.value is None:
        return FAILED, None, "its output had no value of the primary metric"
    return COMPLETE, seen.value, ""
