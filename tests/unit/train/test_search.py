"""The whole search with the real Optuna, over runs that are played."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from overnight.core import errors, search_space
from overnight.train import optuna_adviser, search
from overnight.train.search import Seen, Trial

SPACE = search_space.parse(["lr=1e-4..1e-1:log", "layers=1..8", "aug=none,rand"])


def quality(params: Mapping[str, Any]) -> float:
    """Best (100) at lr 0.01 with `rand`."""
    return 100 - abs(params["lr"] - 0.01) * 500 - (params["aug"] == "none") * 5


@dataclass
class Played:
    """Each round every run trains one epoch of ten; `away` servers answer nothing."""

    epochs: dict[int, int] = field(default_factory=dict)
    params: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    launches: list[int] = field(default_factory=list)
    stopped: set[int] = field(default_factory=set)
    ends: Mapping[int, str] = field(default_factory=dict)
    is_away: bool = False
    dies_at_launch: bool = False

    def launch(self, trials: Sequence[Trial]) -> None:
        if self.dies_at_launch:
            raise KeyboardInterrupt
        for trial in trials:
            assert trial.number not in self.epochs, "launched twice"
            self.launches.append(trial.number)
            self.epochs[trial.number], self.params[trial.number] = 0, trial.params

    def observe(self, trials: Sequence[Trial]) -> Mapping[int, Seen | None]:
        if self.is_away:
            return {}
        return {trial.number: self.seen(trial.number) for trial in trials}

    def seen(self, number: int) -> Seen | None:
        if number not in self.epochs:
            return None
        if number in self.stopped:
            return Seen("stopped", True, 1.0, [], was_pruned=True)
        self.epochs[number] += 1
        done, best = self.epochs[number], quality(self.params[number])
        state = self.ends.get(number, "finished") if done >= 10 else "running"
        points = [(epoch, best * epoch / 10) for epoch in range(1, done + 1)]
        return Seen(state, done >= 10, best * done / 10, points, reason="KeyError")

    def stop(self, trial: Trial) -> None:
        self.stopped.add(trial.number)


@dataclass
class Disk:
    """The record of a search, and the process that works on it."""

    trials: list[Trial] = field(default_factory=list)

    def keep(self, trials: Sequence[Trial]) -> None:
        self.trials = copy.deepcopy(list(trials))

    def begin(self, runs: Played, wanted: int = 12, **more: Any) -> search.Search:
        trials = [search.trial_from(trial.to_json()) for trial in self.trials]
        adviser = optuna_adviser.make(SPACE, "max", trials, seed=7)
        return search.Search(
            adviser=adviser, runs=runs, keep=self.keep, trials=trials, wanted=wanted,
            **{"at_once": 3, **more},
        )  # fmt: skip


def rounds(going: search.Search, most: int = 1000) -> int:
    for number in range(most):
        if not going.step():
            return number + 1
    return most


def test_to_the_end() -> None:
    """So many trials, no more than K at once, each launched once; it finds what is good."""
    runs, disk = Played(), Disk()
    going = disk.begin(runs, wanted=30, prunes=False)
    while going.step():
        assert len(going.open) <= 3
    assert sorted(runs.launches) == list(range(30))
    assert {trial.state for trial in disk.trials} == {search.COMPLETE}
    values = [trial.value or 0.0 for trial in disk.trials]
    assert max(values[15:]) > max(values[:5])
    assert max(values) > 95


def test_hopeless_runs_are_stopped() -> None:
    """Only once five trials have shown what is usual, and never the best one."""
    runs, disk = Played(), Disk()
    rounds(disk.begin(runs, wanted=30))
    pruned = [trial for trial in disk.trials if trial.state == search.PRUNED]
    assert runs.stopped == {trial.number for trial in pruned}
    assert len(pruned) >= 3
    assert all(len(trial.points) >= search.POINTS_BEFORE_PRUNING for trial in pruned)
    best = max((trial for trial in disk.trials if trial.value), key=lambda trial: trial.value or 0)
    assert all(quality(trial.params) <= (best.value or 0) for trial in pruned)
    assert rounds(Disk().begin(Played(), wanted=10, prunes=False)) > 0


@pytest.mark.parametrize("after", range(1, 40, 3))
def test_cut_short_at_any_round_it_goes_on(after: int) -> None:
    """Another process with the same record: nothing twice, nothing forgotten."""
    runs, disk = Played(), Disk()
    rounds(disk.begin(runs), most=after)
    known = {trial.number: dict(trial.params) for trial in disk.trials}
    rounds(disk.begin(runs))
    assert sorted(runs.launches) == list(range(12))
    assert all(dict(disk.trials[number].params) == params for number, params in known.items())
    assert all(trial.state in (search.COMPLETE, search.PRUNED) for trial in disk.trials)
    assert len({str(dict(trial.params)) for trial in disk.trials}) == 12


def test_killed_between_the_question_and_the_launch() -> None:
    """What was asked is launched by the next process, with the same parameters."""
    runs, disk = Played(dies_at_launch=True), Disk()
    with pytest.raises(KeyboardInterrupt):
        disk.begin(runs).step()
    asked = {trial.number: dict(trial.params) for trial in disk.trials}
    assert set(asked) == {0, 1, 2}
    runs.dies_at_launch = False
    disk.begin(runs).step()
    assert runs.launches == [0, 1, 2]
    assert {number: dict(runs.params[number]) for number in asked} == asked


def test_ended_while_the_laptop_was_closed() -> None:
    """It is told with all of its points, and the next ones come."""
    runs, disk = Played(), Disk()
    rounds(disk.begin(runs), most=2)
    for _ in range(9):
        for number in range(3):
            runs.seen(number)
    going = disk.begin(runs)
    going.step()
    assert [trial.state for trial in disk.trials] == [search.COMPLETE] * 3 + [search.ASKED] * 3
    assert len(disk.trials[0].points) >= 10


def test_servers_that_are_away() -> None:
    """Law 1: nothing is launched anew, told or stopped."""
    runs, disk = Played(), Disk()
    going = disk.begin(runs)
    rounds(going, most=3)
    runs.is_away = True
    rounds(going, most=50)
    assert runs.launches == [0, 1, 2]
    assert {trial.state for trial in disk.trials} == {search.ASKED}


def test_failures() -> None:
    """One tells the adviser nothing; nothing but failures ends the search."""
    runs, disk = Played(ends={1: "failed"}), Disk()
    rounds(disk.begin(runs))
    assert disk.trials[1].state == search.FAILED
    assert disk.trials[1].note == "failed: KeyError"
    assert sum(trial.state == search.FAILED for trial in disk.trials) == 1
    runs, disk = Played(ends=dict.fromkeys(range(12), "failed")), Disk()
    with pytest.raises(errors.RunFailed, match="all 3 trials"):
        rounds(disk.begin(runs))
    assert len(runs.launches) == 3


def test_what_a_repair_has_changed_says_nothing_of_the_parameters() -> None:
    """Law 7."""
    seen = Seen("finished", True, 99.0, [], is_changed=True)
    state, value, note = search.judged(Trial(number=0, params={}), seen)
    assert (state, value) == (search.FAILED, None)
    assert "repair" in note


def test_optuna_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra; the error says how to get it."""
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(errors.UsageError) as error:
        optuna_adviser.make(SPACE, "max", [], 1)
    assert error.value.hint == "pip install 'overnight[search]'"


@pytest.mark.parametrize(("low", "is_hopeless"), [(10.0, True), (95.0, False)])
def test_pruning_after_a_pause(low: float, is_hopeless: bool) -> None:
    """The points of the record count, those of others and its own."""
    params = {"lr": 0.01, "layers": 2, "aug": "rand"}
    points = dict.fromkeys(range(1, 11), 90.0)
    ended = [
        Trial(number=n, params=params, state=search.COMPLETE, value=90.0, points=points)
        for n in range(optuna_adviser.STARTUP_TRIALS)
    ]
    open_ = Trial(number=len(ended), params=params, points=dict.fromkeys(range(1, 6), low))
    adviser = optuna_adviser.make(SPACE, "max", [*ended, open_], seed=7)
    assert adviser.is_hopeless(open_) is is_hopeless
