"""Fits that only assume a direction, against their definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from overnight.results.health import shape


@pytest.mark.parametrize("n", [1, 2, 7, 50, 300])
def test_falling_is_isotonic_regression(n: int) -> None:
    """As scipy has it."""
    y = np.random.default_rng(n).normal(size=n)
    assert shape.falling(y) == pytest.approx(isotonic_regression(y, increasing=False).x)


def test_valley_is_the_best_of_all_bottoms() -> None:
    """By trying each of them."""
    raw = np.abs(np.linspace(-1, 2, 40)) + np.random.default_rng(3).normal(size=40) * 0.1
    y = shape.clipped(raw)
    errors = [
        np.square(isotonic_regression(y[: k + 1], increasing=False).x - y[: k + 1]).sum()
        + np.square(isotonic_regression(y[k + 1 :]).x - y[k + 1 :]).sum()
        for k in range(39)
    ]
    found = shape.valley(raw)
    fall = np.square(isotonic_regression(y, increasing=False).x - y).sum()
    assert found.bottom == int(np.argmin(errors))
    assert found.gain == pytest.approx(fall - min(errors))
