"""What a plot shows: axes, what was repeated, means over seeds inside their own ranges."""

import json

import numpy as np
import pytest
from scipy import stats

from overnight.core import errors
from overnight.results import traces
from overnight.results.series import Series


def series(value, *, step=None, epoch=None, time=None, attempt=None, repeated=None, goal=None):
    value = np.asarray(value, dtype=float)
    untold = np.full(value.size, np.nan)

    def column(given):
        return untold if given is None else np.asarray(given, dtype=float)

    return Series(
        name="val_loss", written="eval/loss", split="val", goal=goal, value=value,
        step=column(step), epoch=column(epoch), time=column(time),
        line=np.arange(1, value.size + 1), file=np.zeros(value.size, np.int16), files=("m.csv",),
        attempt=np.ones(value.size, np.int16) if attempt is None else np.array(attempt, np.int16),
        is_repeated=np.zeros(value.size, bool) if repeated is None else np.array(repeated, bool),
    )  # fmt: skip


def seed(y, x=None, **more):
    y = np.asarray(y, dtype=float)
    x = np.arange(1.0, y.size + 1) if x is None else np.asarray(x, dtype=float)
    return traces.Trace(name="s", x=x, y=y, **more)


def test_the_axis_is_one_that_all_runs_have():
    both = series([1, 2], step=[10, 20], epoch=[1, 2])
    late = series([1, 2], epoch=[1, 2])
    assert traces.axis_of({"a": both}, None) == "step"
    assert traces.axis_of({"a": both, "b": late}, None) == "epoch"
    assert traces.axis_of({"a": series([1, 2])}, None) is None


def test_steps_that_begin_anew_with_each_epoch_are_parts_of_it():
    """As `Train Epoch: 2 [320/640 (50%)]` counts them; a curve over them would go to and fro."""
    told = series([4, 3, 2, 1], step=[0, 320, 0, 320], epoch=[1, 1, 2, 2], goal="min")
    assert traces.axis_of({"a": told}, None) == "epoch"
    assert traces.axis_of({"a": told}, "step") == "step"
    trace = traces.of_run("a", told, "epoch")
    assert trace.x.tolist() == [0, 0.5, 1, 1.5]
    assert trace.best == (1.5, 1)
    of_zero = series([4, 3, 2, 1], step=[0, 320, 0, 320], epoch=[0, 0, 1, 1])
    assert traces.of_run("a", of_zero, "epoch").x.tolist() == [0, 0.5, 1, 1.5]
    split = series([4, 3, 2], step=[0, 320, 0], epoch=[0, 0.5, 1])
    assert traces.of_run("a", split, "epoch").x.tolist() == [0, 0.5, 1]


def test_an_axis_that_a_run_does_not_tell_is_refused_by_name():
    with pytest.raises(errors.UsageError, match="files of b do not tell the epoch of val_loss"):
        traces.axis_of({"a": series([1], epoch=[1]), "b": series([1], step=[1])}, "epoch")


def test_time_is_hours_since_the_first_value():
    trace = traces.of_run("a", series([1, 2, 3], time=[1e9, 1e9 + 1800, np.nan]), "time")
    assert trace.x[:2].tolist() == [0, 0.5]


def test_what_was_done_again_is_apart_and_the_later_attempt_is_marked():
    told = series(
        [5, 4, 3, 3.1, 2], step=[1, 2, 3, 3, 4], attempt=[1, 1, 1, 2, 2],
        repeated=[False, False, True, False, False], goal="min",
    )  # fmt: skip
    trace = traces.of_run("a", told, "step", {2: "batch 64 -> 32 x 2"})
    assert trace.x.tolist() == [1, 2, 3, 4]
    assert trace.y.tolist() == [5, 4, 3.1, 2]
    assert trace.marks == ((3, "batch 64 -> 32 x 2"),)
    assert [(x.tolist(), y.tolist()) for x, y in trace.repeated] == [([3], [3])]
    assert trace.best == (4, 2)


def test_a_mean_over_seeds_has_their_standard_deviation_as_band():
    arm = [seed([1, 2, 3]), seed([3, 4, 5]), seed([2, 6, 1])]
    mean = traces.pooled("arm", arm)
    table = np.array([trace.y for trace in arm])
    assert mean.n == 3
    assert mean.y == pytest.approx(table.mean(axis=0))
    assert mean.band[1] - mean.y == pytest.approx(table.std(axis=0, ddof=1))


def test_the_interval_is_that_of_students_t():
    arm = [seed([1, 2]), seed([3, 4]), seed([2, 7])]
    mean = traces.pooled("arm", arm, "ci")
    low, high = stats.t.interval(
        0.95, 2, loc=mean.y, scale=stats.sem(np.array([trace.y for trace in arm]), axis=0)
    )
    assert mean.band[0] == pytest.approx(low)
    assert mean.band[1] == pytest.approx(high)


def test_seeds_with_other_steps_are_interpolated_only_inside_their_own_range():
    mean = traces.pooled("arm", [seed([0, 10], [0, 10]), seed([1, 3, 5], [1, 3, 5])])
    assert mean.x.min() >= 1
    assert mean.x.max() <= 5
    assert mean.y == pytest.approx(mean.x)


def test_where_only_one_seed_is_left_there_is_no_mean_and_that_is_said():
    arm = [seed(np.arange(10)), seed(np.arange(10)), seed(np.arange(4))]
    mean = traces.pooled("arm", arm)
    assert mean.x.max() == pytest.approx(10)
    said = traces.notes([mean], [arm], "sd")
    assert "arm: fewer than 3 seeds after 4" in said
    assert any("within its own range" in note for note in said)
    alone = traces.pooled("arm", arm[1:])
    assert alone.x.max() <= 4


def test_one_seed_is_drawn_as_it_is():
    lone = seed([1, 2], marks=((1.0, "repair"),))
    mean = traces.pooled("arm", [lone, seed([np.nan, np.nan])])
    assert mean.band is None
    assert mean.n == 1
    assert mean.name == "arm"
    assert mean.y.tolist() == [1, 2]


def test_what_is_not_finite_in_a_seed_is_told_of_the_mean():
    mean = traces.pooled("arm", [seed([1, np.nan, 3]), seed([1, 2, 3])])
    assert mean.lost.tolist() == [2]
    assert np.isfinite(mean.y).all()


def test_a_long_noisy_seed_enters_as_means():
    noise = np.tile([-1.0, 1.0], 50_000)
    mean = traces.pooled("arm", [seed(noise), seed(noise)])
    assert np.abs(mean.y[1:-1]).max() < 0.1


def test_json_is_json_and_small():
    y = np.sin(np.arange(100_000) / 9)
    y[7] = np.nan
    plot = traces.Plot(
        title="t", x_label="step", y_label="loss", traces=(seed(y, marks=((3.0, "x"),)),)
    )
    told = json.loads(json.dumps(plot.to_json(), allow_nan=False))
    (line,) = told["lines"]
    assert len(line["x"]) == len(line["low"]) == len(line["mean"]) <= 500
    assert (line["lost"], line["nonfinite"], line["marks"]) == (1, [8.0], [[3.0, "x"]])
