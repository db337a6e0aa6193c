"""Numbers with as many digits as their uncertainty bears."""

from __future__ import annotations

import pytest

from overnight.results.tables import rounding


@pytest.mark.parametrize(
    ("mean", "sd", "shown"),
    [
        (94.13667, 0.16563, "94.14 ± 0.17"),
        (94.13667, 0.0996, "94.14 ± 0.10"),
        (0.213456, 0.000123, "0.21346 ± 0.00012"),
        (12345.6, 123.4, "12350 ± 120"),
        (-0.001, 0.5, "0.00 ± 0.50"),
        (1.23456e-7, 1.2e-9, "1.235e-07 ± 1.2e-09"),
        (1.23456e9, 1.2e6, "1.2346e+09 ± 1200000"),
    ],
)
def test_a_mean_ends_where_its_spread_does(mean: float, sd: float, shown: str) -> None:
    """Two digits of the spread."""
    places = rounding.decimals(sd)
    assert f"{rounding.fixed(mean, places)} ± {rounding.fixed(sd, places)}" == shown


@pytest.mark.parametrize("sd", [0.0, float("nan"), float("inf")])
def test_a_spread_that_is_none(sd: float) -> None:
    """The number keeps five digits."""
    assert rounding.decimals(sd) is None
    assert rounding.fixed(93.7123456, None) == "93.712"


def test_probabilities() -> None:
    """No false exactness, and nothing where no test was."""
    told = [rounding.probability(p) for p in (0.00001, 0.0123, 0.5, 1.0, None, float("nan"))]
    assert told == ["<0.001", "0.012", "0.50", "1.00", "-", "-"]
