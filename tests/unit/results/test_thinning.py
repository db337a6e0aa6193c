"""A curve made small keeps every spike, its ends and what was not finite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.results import thinning

MANY = 100_000


def test_a_spike_of_one_step_is_kept_wherever_it_is():
    x = np.arange(MANY, dtype=float)
    for at in (0, 1, 777, 50_000, MANY - 2, MANY - 1):
        value = np.sin(x)
        value[at] = 1e6
        thin = thinning.thinned(x, value)
        assert thin.high.max() == 1e6
        assert thin.x.size <= thinning.BUCKETS
        assert thin.x[np.argmax(thin.high)] == pytest.approx(at, abs=MANY / 400)


def test_the_first_and_the_last_point_stay_what_they_are():
    x = np.arange(MANY, dtype=float)
    thin = thinning.thinned(x, x[::-1].copy())
    assert (thin.x[0], thin.low[0], thin.high[0]) == (0, MANY - 1, MANY - 1)
    assert (thin.x[-1], thin.low[-1], thin.high[-1]) == (MANY - 1, 0, 0)


def test_what_is_not_finite_is_listed_apart_and_counted():
    x = np.arange(MANY, dtype=float)
    value = np.ones(MANY)
    value[[5, 40_000, 40_001]] = np.nan, np.inf, -np.inf
    thin = thinning.thinned(x, value)
    assert thin.nonfinite.tolist() == [5, 40_000, 40_001]
    assert thin.lost == 3
    assert np.isfinite(thin.low).all()
    assert np.isfinite(thin.high).all()


def test_a_curve_of_nothing_but_nan_has_no_buckets_and_few_marks():
    thin = thinning.thinned(np.arange(MANY, dtype=float), np.full(MANY, np.nan))
    assert thin.x.size == 0
    assert thin.lost == MANY
    assert 2 < thin.nonfinite.size <= thinning.BUCKETS
    assert (thin.nonfinite[0], thin.nonfinite[-1]) == (0, MANY - 1)


def test_few_points_are_kept_as_they_are_in_the_order_of_x():
    thin = thinning.thinned(np.array([3.0, 1.0, 2.0, 2.0]), np.array([30.0, 10.0, 20.0, 21.0]))
    assert thin.x.tolist() == [1, 2, 2, 3]
    assert thin.low.tolist() == thin.high.tolist() == [10, 20, 21, 30]


def test_all_points_at_one_place_keep_their_lowest_and_highest():
    value = np.arange(MANY, dtype=float)
    thin = thinning.thinned(np.full(MANY, 7.0), value)
    assert thin.x.size <= thinning.BUCKETS
    assert set(thin.x) == {7.0}
    assert (thin.low.min(), thin.high.max()) == (0, MANY - 1)


def test_the_mean_of_a_bucket_lies_between_its_ends():
    x = np.arange(MANY, dtype=float)
    value = np.tile([0.0, 1.0], MANY // 2)
    thin = thinning.thinned(x, value)
    assert thin.middle[1:-1] == pytest.approx(0.5, abs=0.01)


def test_sums_beyond_the_largest_float_give_means_that_are_finite():
    value = np.full(MANY, 1.7e308)
    assert np.isfinite(thinning.thinned(np.arange(MANY, dtype=float), value).middle).all()


def test_a_point_without_a_place_is_left_out():
    thin = thinning.thinned(np.array([1.0, np.nan, 3.0]), np.array([1.0, 2.0, 3.0]))
    assert thin.x.tolist() == [1, 3]


def test_no_points_are_no_buckets():
    thin = thinning.thinned(np.array([]), np.array([]))
    assert (thin.x.size, thin.lost) == (0, 0)


def test_a_path_goes_through_the_extremes_in_their_order():
    x = np.arange(MANY, dtype=float)
    value = np.zeros(MANY)
    value[1000], value[1001] = 9, -9
    along, values = thinning.path(x, value)
    assert (np.diff(along) > 0).all()
    up, down = np.flatnonzero(values == 9), np.flatnonzero(values == -9)
    assert (along[up[0]], along[down[0]]) == (1000, 1001)
    assert along.size <= 4 * thinning.BUCKETS


numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(st.lists(st.tuples(st.integers(0, 50), numbers), max_size=120), st.integers(4, 20))
def test_lowest_highest_and_count_hold_for_any_curve(points, buckets):
    x = np.array([place for place, _ in points], dtype=float)
    value = np.array([each for _, each in points], dtype=float)
    thin = thinning.thinned(x, value, buckets)
    finite = value[np.isfinite(value)]
    assert thin.lost == value.size - finite.size
    assert max(thin.x.size, thin.nonfinite.size) <= max(buckets, 4)
    assert (np.diff(thin.x) >= 0).all()
    assert (thin.low <= thin.middle).all()
    assert (thin.middle <= thin.high).all()
    if finite.size:
        assert (thin.low.min(), thin.high.max()) == (finite.min(), finite.max())
