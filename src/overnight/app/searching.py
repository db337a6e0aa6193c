"""A hyper-parameter search over the servers: trials are runs of a sweep, launched a few at a time.

The laptop thinks which trial comes next; while it is closed, those that were launched go on. Typed
again, the search goes on from its record and from what the servers say.
"""

from __future__ import annotations

import dataclasses
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from overnight.app import Overnight, comparing, sweep_results
from overnight.app.search_record import Record
from overnight.app.search_trials import SweptTrials, Wanted, run_name
from overnight.core import errors, search_space, sweep
from overnight.core.search_space import Space
from overnight.results.comparison import sweeps
from overnight.results.comparison.arms import Comparison
from overnight.sync import manifest
from overnight.train import optuna_adviser, search
from overnight.train.search import Trial

POLL_S = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Searched:
    """A search that has come to its end."""

    comparison: Comparison
    trials: tuple[Trial, ...]

    def to_json(self) -> dict[str, Any]:
        trials = [trial.to_json() for trial in self.trials]
        return {**sweeps.to_json(self.comparison), "trials": trials}


def run(o: Overnight, wanted: Wanted, *, pause: Callable[[float], None] = time.sleep) -> Searched:
    """Until all trials have ended. Ctrl-C leaves those that run alone."""
    metrics = comparing.metrics_of(o, "a search has to know what is better")
    axes = search_space.ends(wanted.space)
    wish = dataclasses.replace(wanted.wish, mode=sweep.SEARCH, axes=axes, seeds=())
    kept = {**wish.kept(), "space": search_space.to_json(wanted.space)}
    name = sweep.checked_name(wish.name or sweep.default_name(wish.keys, kept))
    record = Record(o.root, name)
    with record.alone():
        told = {"primary": metrics.primary, "goal": metrics.goal}
        definition = {**kept, **told, "snapshot": manifest.build(o.root).id}
        before, trials = record.read()
        if before is not None:
            record.check_same(before, definition)
        going = search.Search(
            adviser=optuna_adviser.make(wanted.space, metrics.goal, trials, seed_of(name)),
            runs=SweptTrials(o, dataclasses.replace(wish, name=name), wanted, trials),
            keep=lambda trials: record.write(definition, trials),
            trials=trials,
            wanted=max(wanted.trials, len(trials)),
            at_once=wanted.at_once,
            prunes=wanted.prunes,
        )
        follow(o, going, News(name, wanted.space, metrics.goal, trials), pause)
    return Searched(comparison=sweep_results.compared(o, name), trials=tuple(going.trials))


def seed_of(name: str) -> int:
    """The same for the same search, another one for another."""
    return zlib.crc32(name.encode())


def follow(o: Overnight, going: search.Search, news: News, pause: Callable[[float], None]) -> None:
    """Round after round; a server that is away ends nothing."""
    problem = ""
    try:
        while True:
            goes_on = True
            try:
                goes_on = going.step()
                problem = ""
            except (errors.Unreachable, errors.ServerError) as error:
                if error.message != problem:
                    problem = error.message
                    o.talk.say(f"{problem}; trying again, what runs goes on")
            for line in news.since(going.trials):
                o.talk.say(line)
            if not goes_on:
                return
            pause(POLL_S)
    except KeyboardInterrupt:
        left = " ".join(run_name(news.name, trial) for trial in going.open)
        o.talk.say(f"the same typed again goes on; still under way: {left or 'none'}")
        raise


class News:
    """What is said of the trials as they begin and end."""

    def __init__(self, name: str, space: Space, goal: str, trials: Sequence[Trial]) -> None:
        self.name, self.space, self.goal = name, space, goal
        self._told = {trial.number: trial.state for trial in trials}

    def since(self, trials: Sequence[Trial]) -> Iterable[str]:
        """A line for each trial that has begun or ended since this was called last."""
        values = [trial.value for trial in trials if trial.value is not None]
        top = (min if self.goal == "min" else max)(values, default=0.0)
        for trial in trials:
            if self._told.get(trial.number) != trial.state:
                self._told[trial.number] = trial.state
                yield f"{run_name(self.name, trial)}: {self.said(trial, top)}"

    def said(self, trial: Trial, top: float) -> str:
        if trial.state == search.ASKED:
            values = {
                key: search_space.value_of(axis, trial.params[key])
                for key, axis in self.space.items()
            }
            return " ".join(f"{key}={value.text}" for key, value in values.items())
        if trial.value is None:
            return "pruned" if trial.state == search.PRUNED else f"{trial.state} ({trial.note})"
        is_top = trial.value == top
        return f"{trial.value:.6g}, " + ("the best so far" if is_top else f"best so far {top:.6g}")
