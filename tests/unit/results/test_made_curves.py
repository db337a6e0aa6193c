"""The judgement on curves of which the truth is known: a short form of `make bench-curves`."""

from __future__ import annotations

from bench import curves

RUNS = 25  # of each family


def test_rates_on_made_up_curves() -> None:
    """All that diverged or died is found, overfitting nearly always and hardly ever wrongly."""
    found = curves.made(RUNS, seed=7)["findings"]
    assert found["diverged"]["found_part"] == 1
    assert found["nan"]["found_part"] == 1
    assert found["overfit"]["found_part"] >= 0.95
    assert found["overfit"]["false_part"] <= 0.01
    assert found["plateau"]["found_part"] >= 0.9
    assert found["plateau"]["false_part"] <= 0.1
    assert all(each["has"] >= RUNS for each in found.values())
