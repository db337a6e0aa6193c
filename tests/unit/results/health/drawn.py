"""Curves for the tests of their health."""

from __future__ import annotations

from typing import Any

import numpy as np

from overnight.results import health, names
from overnight.results.curves import Floats
from overnight.results.health import Finding
from overnight.results.series import Series


def series(
    written: str, value: Any, x: Any = None, *, goal: str | None = "min", **columns: Any
) -> Series:
    """`columns`: epoch, time, is_repeated, split; without `x` the steps are 1, 2, 3, …"""
    value = np.asarray(value, np.float64)
    n = value.size
    split, name = names.fold(written, columns.get("split"))
    return Series(
        name=name,
        written=written,
        split=split,
        goal=goal,
        value=value,
        step=np.arange(1.0, n + 1) if x is None else np.asarray(x, np.float64),
        epoch=np.asarray(columns.get("epoch", np.full(n, np.nan)), np.float64),
        time=np.asarray(columns.get("time", np.full(n, np.nan)), np.float64),
        line=np.arange(1, n + 1),
        file=np.zeros(n, np.int16),
        files=("metrics.csv",),
        attempt=np.zeros(n, np.int16),
        is_repeated=np.asarray(columns.get("is_repeated", np.zeros(n)), np.bool_),
    )


def falling(n: int = 100, speed: float = 5.0) -> Floats:
    """From 1 to nearly 0."""
    return np.exp(-speed * np.linspace(0, 1, n))


def noise(n: int = 100, size: float = 0.005, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=n) * size


def found(*each: Series, **known: Any) -> dict[str, Finding]:
    """What is asserted, by finding; the surest of each kind."""
    told = [finding for finding in health.judge(each, **known) if finding.is_asserted]
    return {finding.finding: finding for finding in reversed(told)}
