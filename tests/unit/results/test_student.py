"""Statistics against closed forms and numbers that were worked out by hand."""

from __future__ import annotations

import math

import pytest

from overnight.results import student


def test_one_degree_of_freedom_is_cauchy() -> None:
    for p in (0.6, 0.9, 0.975, 0.999):
        assert student.t_quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)))


def test_two_degrees_have_a_closed_form() -> None:
    for p in (0.6, 0.9, 0.975, 0.999):
        a = 4 * p * (1 - p)
        assert student.t_quantile(p, 2) == pytest.approx(2 * (p - 0.5) * math.sqrt(2 / a))


def test_four_degrees_have_a_closed_form() -> None:
    for p in (0.6, 0.9, 0.975, 0.999):
        a = 4 * p * (1 - p)
        q = math.cos(math.acos(math.sqrt(a)) / 3) / math.sqrt(a)
        assert student.t_quantile(p, 4) == pytest.approx(2 * math.sqrt(q - 1))


@pytest.mark.parametrize(("df", "t"), [(3, 3.1824), (5, 2.5706), (10, 2.2281), (30, 2.0423)])
def test_the_printed_tables(df: float, t: float) -> None:
    """97.5 %, as the tables in textbooks have it."""
    assert student.t_quantile(0.975, df) == pytest.approx(t, abs=5e-5)


def test_many_degrees_are_normal() -> None:
    assert student.t_quantile(0.975, 1e7) == pytest.approx(1.959964, abs=1e-5)


def test_share_and_quantile_belong_together() -> None:
    """Also for the broken degrees that Welch yields."""
    for df in (1.3, 2.71, 17.9):
        for p in (0.55, 0.8, 0.995):
            assert student.t_share(student.t_quantile(p, df), df) == pytest.approx(p)


def test_deviation() -> None:
    """Of 2, 4, 4, 4, 5, 5, 7, 9: mean 5, squares sum up to 32, so sqrt(32 / 7)."""
    assert student.deviation([2, 4, 4, 4, 5, 5, 7, 9]) == pytest.approx(math.sqrt(32 / 7))
    assert student.deviation([3.0]) is None


def test_welch_by_hand() -> None:
    """Means 92 and 90, variances 1 and 4 over 3 each: se² = 5/3, df = (5/3)² / (1/18 + 16/18)."""
    found = student.welch([91, 92, 93], [88, 90, 92])
    assert found is not None
    assert found.difference == pytest.approx(2.0)
    assert found.df == pytest.approx((5 / 3) ** 2 / (1 / 18 + 16 / 18))
    reach = student.t_quantile(0.975, found.df) * math.sqrt(5 / 3)
    assert (found.low, found.high) == (pytest.approx(2 - reach), pytest.approx(2 + reach))
    t = reach / math.sqrt(5 / 3)
    assert 3.182 < t < 4.303  # the table's values for 3 and for 2 degrees; there are 2.94


def test_equal_spreads_are_the_plain_t_test() -> None:
    """Then the degrees are n + m - 2."""
    found = student.welch([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    assert found is not None
    assert found.df == pytest.approx(4.0)
    reach = 2.7764451 * math.sqrt(2 / 3)
    assert found.high - found.difference == pytest.approx(reach)


def test_nothing_to_tell_from() -> None:
    """One value, or none that differs."""
    assert student.welch([1.0], [1.0, 2.0]) is None
    assert student.welch([1.0, 2.0], [1.0]) is None
    assert student.welch([1.0, 1.0], [2.0, 2.0]) is None
