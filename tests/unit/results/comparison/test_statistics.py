"""Statistics against closed forms, numbers worked out by hand, SciPy, and simulated seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from overnight.results.comparison import statistics

EXACT = 1e-9


def quantile(p: float, df: float) -> float:
    """The t below which lies the share p > 0.5."""
    return statistics.critical(df, 2 * (1 - p))


def test_one_degree_of_freedom_is_cauchy() -> None:
    for p in (0.6, 0.9, 0.975, 0.999):
        assert quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)))


def test_two_degrees_have_a_closed_form() -> None:
    for p in (0.6, 0.9, 0.975, 0.999):
        a = 4 * p * (1 - p)
        assert quantile(p, 2) == pytest.approx(2 * (p - 0.5) * math.sqrt(2 / a))


def test_four_degrees_have_a_closed_form() -> None:
    for p in (0.6, 0.9, 0.975, 0.999):
        a = 4 * p * (1 - p)
        q = math.cos(math.acos(math.sqrt(a)) / 3) / math.sqrt(a)
        assert quantile(p, 4) == pytest.approx(2 * math.sqrt(q - 1))


@pytest.mark.parametrize(("df", "t"), [(3, 3.1824), (5, 2.5706), (10, 2.2281), (30, 2.0423)])
def test_the_printed_tables(df: float, t: float) -> None:
    """97.5 %, as the tables in textbooks have it."""
    assert quantile(0.975, df) == pytest.approx(t, abs=5e-5)


def test_many_degrees_are_normal() -> None:
    assert quantile(0.975, 1e7) == pytest.approx(1.959964, abs=1e-5)


def test_share_and_quantile_belong_together() -> None:
    """Also for the broken degrees that Welch yields."""
    for df in (1.3, 2.71, 17.9):
        for p in (0.9, 0.4, 0.01):
            t = statistics.critical(df, p)
            assert statistics.two_sided(t, df) == pytest.approx(p, rel=EXACT)
            assert statistics.two_sided(-t, df) == statistics.two_sided(t, df)


def test_deviation() -> None:
    """Of 2, 4, 4, 4, 5, 5, 7, 9: mean 5, squares sum up to 32, so sqrt(32 / 7)."""
    assert statistics.deviation([2, 4, 4, 4, 5, 5, 7, 9]) == pytest.approx(math.sqrt(32 / 7))
    assert statistics.deviation([3.0]) is None


def test_welch_by_hand() -> None:
    """Means 92 and 90, variances 1 and 4 over 3 each: se² = 5/3, df = (5/3)² / (1/18 + 16/18)."""
    found = statistics.welch([91, 92, 93], [88, 90, 92])
    assert found is not None
    assert found.difference == pytest.approx(2.0)
    assert found.df == pytest.approx((5 / 3) ** 2 / (1 / 18 + 16 / 18))
    reach = quantile(0.975, found.df) * math.sqrt(5 / 3)
    assert (found.low, found.high) == (pytest.approx(2 - reach), pytest.approx(2 + reach))
    t = reach / math.sqrt(5 / 3)
    assert 3.182 < t < 4.303  # the table's values for 3 and for 2 degrees; there are 2.94


def test_equal_spreads_are_the_plain_t_test() -> None:
    """Then the degrees are n + m - 2."""
    found = statistics.welch([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    assert found is not None
    assert found.df == pytest.approx(4.0)
    reach = 2.7764451 * math.sqrt(2 / 3)
    assert found.high - found.difference == pytest.approx(reach)


def test_nothing_to_tell_from() -> None:
    """One value, or none that differs."""
    assert statistics.welch([1.0], [1.0, 2.0]) is None
    assert statistics.welch([1.0, 2.0], [1.0]) is None
    assert statistics.welch([1.0, 1.0], [2.0, 2.0]) is None


# -- SciPy says the same ----------------------------------------------------------------------


def samples(trial: int) -> tuple[list[float], list[float]]:
    """Two groups of 2 to 12 seeds, with spreads that differ by up to fifty times."""
    random = np.random.default_rng(trial)
    one = random.normal(90, random.uniform(0.1, 5), random.integers(2, 13))
    return one.tolist(), random.normal(91, 1, random.integers(2, 13)).tolist()


@pytest.mark.parametrize("trial", range(30))
def test_welch_as_in_scipy(trial: int) -> None:
    one, other = samples(trial)
    found = statistics.welch(one, other)
    expected = scipy.stats.ttest_ind(one, other, equal_var=False)
    assert found is not None
    low, high = expected.confidence_interval(0.95)
    assert found == pytest.approx(
        (np.mean(one) - np.mean(other), low, high, expected.statistic, expected.df,
         expected.pvalue),
        rel=EXACT,
    )  # fmt: skip


@pytest.mark.parametrize("trial", range(30))
def test_paired_as_in_scipy(trial: int) -> None:
    one, other = samples(trial)
    n = min(len(one), len(other))
    found = statistics.paired([a - b for a, b in zip(one[:n], other[:n], strict=True)])
    expected = scipy.stats.ttest_rel(one[:n], other[:n])
    assert found is not None
    low, high = expected.confidence_interval(0.95)
    assert found[1:] == pytest.approx(
        (low, high, expected.statistic, n - 1, expected.pvalue), rel=EXACT
    )


@pytest.mark.parametrize("trial", range(10))
def test_interval_of_a_mean_as_in_scipy(trial: int) -> None:
    one, _ = samples(trial)
    expected = scipy.stats.t.interval(
        0.95, len(one) - 1, loc=np.mean(one), scale=scipy.stats.sem(one)
    )
    assert statistics.interval(one) == pytest.approx(expected, rel=EXACT)


def test_far_tails_as_in_scipy() -> None:
    """p values of clear differences do not end at 1e-16."""
    for t, df in ((50.0, 4.0), (1e4, 2.5), (9.0, 300.0), (1e-9, 3.0)):
        assert statistics.two_sided(t, df) == pytest.approx(2 * scipy.stats.t.sf(t, df), rel=1e-8)


@pytest.mark.parametrize("df", [1, 1.3, 2, 2.94, 4, 10, 30, 200])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 7])
def test_power_as_in_scipy(df: float, alpha: float) -> None:
    limit = scipy.stats.t.isf(alpha / 2, df)
    for shift in (0.0, 0.5, 1.0, 3.0, 8.0, 40.0):
        other_side = np.nan_to_num(scipy.stats.nct.cdf(-limit, df, shift))  # NaN where it is 0
        chance = scipy.stats.nct.sf(limit, df, shift) + other_side
        assert statistics.power(shift, df, alpha) == pytest.approx(chance, abs=EXACT)


# -- several comparisons ----------------------------------------------------------------------


def test_holm_by_hand() -> None:
    """0.01 of four: x 4; 0.02 x 3; 0.03 x 2 is not below that; 0.04 is not below that."""
    found = statistics.holm([0.04, 0.01, 0.03, 0.02])
    assert found == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert statistics.holm([0.7, 0.6]) == [1.0, 1.0]
    assert statistics.holm([]) == []


# -- how many seeds ---------------------------------------------------------------------------


@pytest.mark.parametrize(("spread", "n"), [(1.0, 3), (2.0, 5), (1.5, 10)])
def test_power_as_simulated(spread: float, n: int) -> None:
    """Equal spreads and paired seeds, 4000 times: within four standard errors of the binomial."""
    random = np.random.default_rng(7)
    trials = 4000
    drawn = random.normal(1.0, spread, (trials, n))
    seen = np.mean(scipy.stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05)
    chance = statistics.power(math.sqrt(n) / spread, n - 1)
    assert abs(seen - chance) < 4 * math.sqrt(chance * (1 - chance) / trials)


def test_needed_seeds_reach_the_power_that_was_asked() -> None:
    """With that many the chance is 80 %, with one less it is not; simulated for Welch."""
    one, other = [91.0, 92.0, 93.0], [90.0, 91.0, 92.5]
    found = statistics.needed_welch(one, other)
    assert found is not None
    assert found.more is not None
    n = 3 + found.more
    spreads = [statistics.deviation(each) or 0.0 for each in (one, other)]
    shift = statistics.mean(one) - statistics.mean(other)
    random = np.random.default_rng(3)
    trials = 4000

    def seen(n: int) -> float:
        a = random.normal(shift, spreads[0], (trials, n))
        b = random.normal(0.0, spreads[1], (trials, n))
        return float(np.mean(scipy.stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue < 0.05))

    error = 4 * math.sqrt(0.8 * 0.2 / trials)
    assert seen(n) > 0.8 - error
    assert seen(n - 1) < 0.8 + error
    assert statistics.power(shift / math.sqrt(sum(s**2 for s in spreads) / n), 2 * n - 2) > 0.79


def test_visible_is_what_has_the_power_now() -> None:
    """Three pairs that spread by 1: the difference whose power is 80 % with two degrees."""
    found = statistics.needed_paired([1.0, 2.0, 3.0])
    assert found is not None
    assert statistics.power(found.visible * math.sqrt(3), 2) == pytest.approx(0.8)
    assert found.more == 2  # mean 2, spread 1: power 0.75 with four, 0.91 with five
    assert statistics.power(2 * math.sqrt(4), 3) < 0.8 < statistics.power(2 * math.sqrt(5), 4)


def test_more_seeds_than_anybody_has() -> None:
    """A difference of a hundredth of the spread is out of reach; so is none at all."""
    for shift in (0.01, 0.0):
        found = statistics.needed_welch([-1 + shift, shift, 1 + shift], [-1.0, 0.0, 1.0])
        assert found is not None
        assert found.more is None
        assert found.visible > 2
    assert statistics.needed_welch([1.0], [1.0, 2.0]) is None
    assert statistics.needed_paired([1.0, 1.0]) is None


def test_a_stricter_level_needs_more() -> None:
    one, other = [91.0, 92.0, 93.0], [89.0, 90.0, 91.0]
    plain = statistics.needed_welch(one, other)
    strict = statistics.needed_welch(one, other, alpha=0.05 / 10)
    assert plain is not None
    assert strict is not None
    assert plain.more
    assert strict.more
    assert plain.more < strict.more


# -- what is no spread ------------------------------------------------------------------------


def test_rounding_is_no_spread() -> None:
    """0.1 + 0.2 and 0.3 are the same result of two seeds."""
    assert statistics.deviation([0.1 + 0.2, 0.3]) == 0.0
    assert statistics.welch([0.1 + 0.2, 0.3], [0.2, 0.2]) is None
    assert statistics.interval([5.0, 5.0]) is None
    assert statistics.interval([5.0]) is None
    assert statistics.paired([0.5]) is None


def test_one_side_may_have_no_spread() -> None:
    """Then it is the other's one-sample test against the first's value, as SciPy has it."""
    found = statistics.welch([1.0, 1.0, 1.0], [2.0, 2.5, 3.0])
    expected = scipy.stats.ttest_1samp([2.0, 2.5, 3.0], 1.0)
    assert found is not None
    assert (found.p, found.df) == pytest.approx((expected.pvalue, 2), rel=EXACT)


def test_huge_and_tiny_values_do_not_overflow() -> None:
    for scale in (1e300, 1e-300):
        values, base = [1 * scale, 2 * scale, 4 * scale], [5 * scale, 7 * scale]
        found, plain = statistics.welch(values, base), statistics.welch([1, 2, 4], [5, 7])
        assert found is not None
        assert plain is not None
        assert found.p == pytest.approx(plain.p)
        assert found.difference == pytest.approx(plain.difference * scale)
