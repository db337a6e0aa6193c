"""Each finding on a curve that has it, with its place and numbers, and on one that has not."""

from __future__ import annotations

import numpy as np
import pytest

from overnight.results import health
from overnight.results.health import Finding, health_lines
from tests.unit.results.health.drawn import falling, found, noise, series

N = 100
T = np.linspace(0, 1, N)


def test_a_healthy_run_has_converged() -> None:
    """And nothing bad is said of it."""
    said = found(series("loss", falling() + noise()), series("val_loss", falling() + 0.1))
    assert "converged" in said
    assert said.keys() <= {"converged", "plateau"}
    assert said["converged"].evidence["end"] == pytest.approx(0.108, abs=0.01)


def test_a_loss_that_became_nan_is_a_dead_run() -> None:
    """With the last sound value and its place."""
    value = falling()
    value[60:] = np.nan
    nan = found(series("loss", value))["nan"]
    assert (nan.at, nan.evidence["dead"], nan.evidence["last_finite_at"]) == (61.0, True, 60.0)
    assert nan.confidence > 0.9


def test_a_column_that_was_never_computed_is_no_dead_run() -> None:
    """It is told all the same, with less weight."""
    said = found(series("loss", falling()), series("val_loss", np.full(N, np.nan)))
    assert said["nan"].series == "val_loss"
    assert said["nan"].evidence["dead"] is False
    assert said["nan"].confidence < 0.7
    assert "converged" in said


def test_a_loss_that_was_never_a_number_is_dead() -> None:
    """Where it is the only loss there is."""
    assert found(series("loss", np.full(20, np.nan)))["nan"].evidence["dead"] is True


def test_a_single_nan_is_passed() -> None:
    """The training went on."""
    value = falling()
    value[40] = np.inf
    nan = found(series("loss", value))["nan"]
    assert (nan.evidence["dead"], nan.evidence["kind"], nan.at) == (False, "inf", 41.0)


@pytest.mark.parametrize(
    "late",
    [
        np.linspace(0.2, 3.0, 40),
        np.full(40, 1.2),
        0.2 * np.exp(np.linspace(0, 60, 40)),
    ],
    ids=["climbs", "jumps", "explodes"],
)
def test_divergence(late: np.ndarray) -> None:
    """Whatever its form; `at` is where the best was."""
    value = np.concatenate([0.1 + falling(60), late])
    diverged = found(series("loss", value))["diverged"]
    assert diverged.at == pytest.approx(60, abs=1)
    assert diverged.evidence["end"] > diverged.evidence["start"]


def test_the_collapse_of_a_reward() -> None:
    """Higher is better there."""
    value = np.concatenate([np.linspace(0, 100, 60), np.full(40, 3.0)]) + noise(N, 1.0)
    assert "diverged" in found(series("reward", value, goal="max"))


def test_a_loss_that_plays_against_another_only_hints() -> None:
    """The loss of a generator may rise in a healthy run."""
    value = np.concatenate([1 - 0.5 * T[:50], 0.5 + 2 * T[50:]])
    assert "diverged" not in found(series("gen/loss", value))


def test_overfitting() -> None:
    """The validation rises after its best, the training goes on down."""
    val = np.where(T < 0.4, 1 - 2 * T, 0.2 + (T - 0.4)) + noise()
    overfit = found(series("loss", falling()), series("val_loss", val))["overfit"]
    assert overfit.at == pytest.approx(40, abs=6)
    assert overfit.evidence["best_at"] == overfit.at
    assert overfit.evidence["rise"] == pytest.approx(0.6, abs=0.1)
    assert "rising since" in overfit.sentence
    assert overfit.confidence > 0.8


def test_overfitting_of_an_accuracy() -> None:
    """It falls after its best."""
    val = np.where(T < 0.4, T, 0.4 - 0.5 * (T - 0.4)) + noise()
    said = found(series("loss", falling()), series("val_acc", val, goal="max"))
    assert said["overfit"].series == "val_acc"
    assert "falling since" in said["overfit"].sentence


def test_overfitting_after_the_first_of_five_epochs() -> None:
    """A fine-tuning: few values without noise are enough."""
    val = series("val_loss", [0.32, 0.36, 0.39, 0.41, 0.42], [100, 200, 300, 400, 500])
    overfit = found(series("loss", falling(50), np.arange(10, 510, 10)), val)["overfit"]
    assert overfit.at == 100


def test_overfitting_of_what_was_learnt_by_heart() -> None:
    """A training loss near nothing need not go on down."""
    loss = np.where(T < 0.2, 1 - 4.95 * T, 0.01)
    val = np.where(T < 0.3, 1 - 2 * T, 0.4 + (T - 0.3)) + noise()
    assert "overfit" in found(series("loss", loss), series("val_loss", val))


def test_a_validation_that_rises_with_the_training_is_not_overfitting() -> None:
    """That is divergence."""
    bad = np.concatenate([falling(50), np.linspace(0.1, 3, 50)])
    said = found(series("loss", bad), series("val_loss", bad))
    assert "overfit" not in said
    assert "diverged" in said


def test_noise_about_a_floor_is_no_overfitting() -> None:
    """In one of fifty validations that came to rest."""
    seeds = [
        seed
        for seed in range(50)
        if "overfit"
        in found(
            series("loss", falling() - 0.1 * T),
            series("val_loss", falling(N, 12) + noise(N, 0.03, seed)),
        )
    ]
    assert len(seeds) <= 1


@pytest.mark.parametrize(("rise", "is_asserted"), [(0.4, True), (0.1, False)])
def test_without_a_training_loss_overfitting_is_less_sure(rise: float, is_asserted: bool) -> None:
    """Nobody can say that the training went on: a small rise is a hint."""
    val = np.where(T < 0.4, 1.5 - 2 * T, 0.7 + rise * (T - 0.4) / 0.6)
    told = [each for each in health.judge([series("val_loss", val)]) if each.finding == "overfit"]
    assert told[0].is_asserted is is_asserted
    assert told[0].confidence < 0.6


def test_a_plateau() -> None:
    """Since where nothing was gained."""
    value = np.where(T < 0.2, 1 - 4.5 * T, 0.1) + noise(N, 0.002)
    plateau = found(series("val_loss", value))["plateau"]
    assert plateau.at == pytest.approx(20, abs=4)
    assert plateau.evidence["flat_part"] == pytest.approx(0.8, abs=0.05)


def test_what_is_expected_of_the_rest_decides_about_a_plateau() -> None:
    """A slow gain is none where little remains, and something where much does."""
    value = np.where(T < 0.2, 1 - 4.5 * T, 0.1 - 0.03 * (T - 0.2)) + noise(N, 0.0005)
    assert "plateau" in found(series("val_loss", value), remaining=0.0)
    assert "plateau" not in found(series("val_loss", value), remaining=5.0)


def test_a_run_that_never_learnt() -> None:
    """Noise about one level."""
    said = found(series("loss", 2.3 + noise(N, 0.01)))
    assert "has not learnt" in said["plateau"].sentence
    assert "converged" not in said


def test_spikes_are_found_on_raw_values() -> None:
    """One value of a hundred thousand."""
    value = 0.1 + falling(100_000) + noise(100_000, 0.01)
    value[70_000] = 9.0
    spikes = found(series("loss", value))["spikes"]
    assert (spikes.at, spikes.evidence["count"], spikes.evidence["highest"]) == (70_001.0, 1, 9.0)


def test_instability_in_the_first_steps() -> None:
    """It came back."""
    value = falling()
    value[4:8] = 6.0
    early = found(series("loss", value))["early_instability"]
    assert (early.at, early.evidence["worst"]) == (5.0, 6.0)


def test_a_run_that_was_still_improving() -> None:
    """A straight line down; a plateau at once would be a contradiction."""
    said = found(series("val_loss", 1 - 0.5 * T + noise(N, 0.002)))
    assert said["still_improving"].evidence["late_gain"] == pytest.approx(0.2, abs=0.03)
    assert said.keys().isdisjoint({"plateau", "converged"})


def test_a_schedule_that_comes_to_rest_has_converged() -> None:
    """A cosine gains much late, and nothing at its very end."""
    value = 0.5 * falling(N, 20) + 0.25 * (1 + np.cos(np.pi * T))
    said = found(series("val_loss", value))
    assert "still_improving" not in said
    assert "converged" in said


def test_a_noisy_curve() -> None:
    """Single values tell little."""
    assert "noisy" not in found(series("reward", np.linspace(0, 1, 6), goal="max"))
    noisy = found(series("reward", T + noise(N, 0.5), goal="max"))["noisy"]
    assert noisy.evidence["jitter"] > 0.2


def test_the_gap_between_training_and_validation() -> None:
    """Asserted where the validation ends at a multiple."""
    said = found(series("loss", falling()), series("val_loss", 0.5 + 0.5 * falling()))
    gap = said["generalisation_gap"]
    assert gap.evidence["validation"] == pytest.approx(0.5, abs=0.02)


def test_a_learning_rate_that_stayed_high() -> None:
    """With a curve that still moves there is a reason to say so."""
    rate = series("lr", np.full(N, 3e-4), goal=None)
    assert "learning_rate_high" in found(series("loss", 1 - 0.5 * T), rate)
    decayed = series("lr", 3e-4 * (1 - T), goal=None)
    assert "learning_rate_high" not in found(series("loss", 1 - 0.5 * T), decayed)


def test_a_drop_of_the_throughput() -> None:
    """By a column that tells it, or by the clock beside the steps."""
    speed = np.where(T < 0.6, 1000.0, 400.0) + noise(N, 5.0)
    drop = found(series("loss", falling()), series("samples_per_second", speed, goal=None))
    assert drop["throughput_drop"].at == pytest.approx(60, abs=2)
    clock = 1.7e9 + np.cumsum(np.where(T < 0.6, 1.0, 2.5))
    assert found(series("loss", falling(), time=clock))["throughput_drop"].evidence["part"] == 0.4


def test_several_runs_in_one_file() -> None:
    """The last one that is long enough is judged."""
    x = np.concatenate([np.arange(50), np.arange(50)])
    value = np.concatenate([falling(50), np.where(np.arange(50) < 25, falling(50), np.nan)])
    said = found(series("loss", value, x))
    assert (said["several_runs"].evidence["runs"], said["several_runs"].at) == (2, 49.0)
    assert said["nan"].evidence["n"] == 50


def test_repeated_values_count_in_nothing() -> None:
    """What a resumed run passed again."""
    value = np.concatenate([falling(50), [np.nan] * 10, falling(50)])
    repeated = np.concatenate([np.zeros(50), np.ones(10), np.zeros(50)])
    x = np.concatenate([np.arange(60), np.arange(50, 100)])
    assert "nan" not in found(series("loss", value, x, is_repeated=repeated))


def test_contradictions_are_settled() -> None:
    """At most one of each excluding pair is asserted, on curves of every kind."""
    curves = {
        "falls": 1 - T,
        "rests": falling(N, 15),
        "rises": np.where(T < 0.3, 1 - 2 * T, 0.4 + 0.5 * (T - 0.3)),
        "away": np.where(T < 0.5, 1 - T, 3 * T),
    }
    for value in curves.values():
        said = set(found(series("loss", falling() - 0.2 * T), series("val_loss", value)))
        for pair in (
            {"overfit", "plateau"},
            {"overfit", "converged"},
            {"diverged", "converged"},
            {"plateau", "diverged"},
        ):
            assert not pair <= said


def test_two_losses_of_one_name_do_not_exclude_each_other() -> None:
    """Where the file tells the split beside the name."""
    val = series("loss", falling(N, 15), split="val")
    said = health.judge([series("loss", 1 - 0.5 * T), val])
    told = {(each.finding, each.split) for each in said if each.is_asserted}
    assert {("still_improving", "train"), ("converged", "val")} <= told


def test_evidence_is_plain() -> None:
    """Numbers, words and truth values: what JSON can hold."""
    value = np.concatenate([falling(60), np.linspace(0.2, 3.0, 40)])
    value[30] = 50.0
    judged = health.judge([series("loss", falling()), series("val_loss", value)])
    assert judged
    for each in judged:
        assert all(isinstance(told, (int, float, str, bool)) for told in each.evidence.values())
        assert 0 <= each.confidence <= 1


def test_lines_for_people() -> None:
    """Bad news first; a hint says that it is one; what was taken back is not said."""
    hint = Finding(finding="noisy", series="a", at=None, confidence=0.4, sentence="a is noisy")
    gone = Finding(finding="converged", series="a", at=None, confidence=0.3, sentence="a rests")
    rests = Finding(finding="converged", series="c", at=1.0, confidence=0.99, sentence="c rests")
    sure = Finding(finding="nan", series="b", at=1.0, confidence=0.9, sentence="b is dead")
    assert health_lines([hint, rests, gone, sure]) == [
        "b is dead", "c rests", "perhaps: a is noisy",
    ]  # fmt: skip


DEGENERATE = {
    "nothing": [],
    "one value": [1.0],
    "two": [1.0, 2.0],
    "one NaN": [np.nan],
    "constant": [3.0] * 50,
    "zeros": [0.0] * 50,
    "NaN everywhere": [np.nan] * 50,
    "infinities": [np.inf, -np.inf] * 25,
    "one infinity": [1.0] * 20 + [np.inf] + [1.0] * 20,
    "huge": [1e308, -1e308] * 25,
    "tiny": [5e-324] * 25 + [0.0] * 25,
    "two levels": [0.0, 1.0] * 25,
    "a single step": [0.0] * 25 + [1.0] * 25,
}


@pytest.mark.parametrize("goal", ["min", "max", None])
@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.filterwarnings("error")
def test_degenerate_curves(case: str, goal: str | None) -> None:
    """Whatever comes: findings within their bounds, without a warning."""
    value = DEGENERATE[case]
    for x in (None, np.zeros(len(value)), np.arange(len(value))[::-1], np.full(len(value), np.inf)):
        both = [series(name, value, x, goal=goal) for name in ("loss", "val_loss", "lr", "acc")]
        for each in health.judge(both, remaining=1.0):
            assert 0 <= each.confidence <= 1


def test_an_axis_without_order() -> None:
    """Then the number of the value is as good as any."""
    x = np.random.default_rng(0).permutation(N)
    assert health.judge([series("loss", falling(), x)])


def test_a_validation_loss_that_was_not_computed_at_first_is_no_overfitting() -> None:
    """Some write zeros until they compute one."""
    val = np.where(T < 0.5, 0.0, 1.0 - 0.5 * T)
    said = found(series("train/loss", falling()), series("val/loss", val, split="val"))
    assert "overfit" not in said


def test_the_loss_of_a_policy_that_rises_is_no_divergence() -> None:
    value = np.concatenate([0.1 + falling(60), np.full(40, 1.2)])
    said = found(series("train/loss", value), series("train/approx_kl", 0.01 + noise()))
    assert "diverged" not in said


def test_a_validation_alone_that_rises_below_its_start_is_no_divergence() -> None:
    """It may be learning by heart; only above its start it went away for sure."""
    rising = np.concatenate([0.1 + falling(60), np.linspace(0.2, 0.9, 40)])
    assert "diverged" not in found(series("val_loss", rising))
    assert "diverged" in found(series("val_loss", np.concatenate([rising, np.full(40, 3.0)])))
