"""Optuna as the adviser of a search. It keeps nothing: it is made anew from the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from overnight.core import errors
from overnight.core.search_space import Axis, Choice, Space
from overnight.train import search
from overnight.train.search import Point, Trial

if TYPE_CHECKING:
    import optuna

STARTUP_TRIALS = 5  # before the first one is pruned


def make(space: Space, goal: str, trials: Sequence[Trial], seed: int) -> OptunaAdviser:
    """Raises `errors.UsageError` where Optuna is not installed."""
    try:
        import optuna  # takes a second, and most people never search
    except ImportError as error:
        raise errors.UsageError(
            f"a search needs Optuna, which is not installed here ({error})",
            hint="pip install 'overnight[search]'",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="minimize" if goal == "min" else "maximize",
        # The seed moves on with the trials, so that what is asked after a pause is new.
        sampler=optuna.samplers.TPESampler(seed=seed + len(trials), constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    )
    return OptunaAdviser(study, space, trials)


class OptunaAdviser:
    def __init__(self, study: optuna.Study, space: Space, trials: Sequence[Trial]) -> None:
        self.study = study
        self.distributions = {key: self.distribution(axis) for key, axis in space.items()}
        self._asked: dict[int, optuna.Trial] = {}
        for trial in trials:
            self.take_in(trial)

    def distribution(self, axis: Axis) -> optuna.distributions.BaseDistribution:
        from optuna import distributions as kinds

        if isinstance(axis, Choice):
            return kinds.CategoricalDistribution([each.text for each in axis.values])
        if axis.is_whole:
            return kinds.IntDistribution(int(axis.low), int(axis.high), log=axis.is_log)
        return kinds.FloatDistribution(axis.low, axis.high, log=axis.is_log)

    def take_in(self, trial: Trial) -> None:
        """A trial of the record, with all that was told of it."""
        from optuna import trial as trials

        self.study.add_trial(
            trials.create_trial(
                state=self.state(trial),
                params=dict(trial.params),
                distributions=self.distributions,
                value=trial.value if trial.state == search.COMPLETE else None,
                intermediate_values=dict(trial.points),
            )
        )
        if trial.state == search.ASKED:
            stored = self.study.get_trials(deepcopy=False)[trial.number]
            self._asked[trial.number] = trials.Trial(self.study, stored._trial_id)

    def state(self, trial: Trial) -> optuna.trial.TrialState:
        from optuna.trial import TrialState as kinds  # noqa: N813

        known = {search.ASKED: kinds.RUNNING, search.COMPLETE: kinds.COMPLETE}
        # A pruned trial without a single value cannot be compared with others.
        pruned = kinds.PRUNED if trial.points else kinds.FAIL
        return {**known, search.PRUNED: pruned}.get(trial.state, kinds.FAIL)

    def ask(self) -> Mapping[str, Any]:
        asked = self.study.ask(self.distributions)
        self._asked[asked.number] = asked
        return dict(asked.params)

    def report(self, trial: Trial, point: Point) -> None:
        self._asked[trial.number].report(point[1], point[0])

    def is_hopeless(self, trial: Trial) -> bool:
        return trial.is_given_up or bool(self._asked[trial.number].should_prune())  # NumPy's

    def tell(self, trial: Trial) -> None:
        value = trial.value if trial.state == search.COMPLETE else None
        self.study.tell(self._asked.pop(trial.number), value, state=self.state(trial))
