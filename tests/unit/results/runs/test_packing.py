"""Columns as bytes: exact whatever they hold, and small where they are regular."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.results import curves, thinning
from overnight.results.runs import packing

NUMBERS = st.floats() | st.sampled_from((0.0, -0.0, 1.0, math.nan, math.inf, -math.inf))
STRETCH = st.tuples(NUMBERS, st.integers(1, 40))


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


@settings(max_examples=200, deadline=None)
@given(st.lists(STRETCH, max_size=12), st.floats(-10, 10) | st.integers(-3, 3), st.integers(0, 99))
def test_what_is_unpacked_is_what_was_packed(
    stretches: list[tuple[float, int]], stride: float, count: int
) -> None:
    """Runs of equal values, progressions, NaN and infinity come back bit for bit."""
    runs = np.repeat([v for v, _ in stretches], [n for _, n in stretches]).astype(float)
    counted = 5 + stride * np.arange(count)
    for column in (runs, counted, counted.astype(np.float32), runs[:1]):
        back, end = packing.unpacked(packing.packed(column), 0, column.size)
        assert same(back, column.astype(float))
        assert end % 8 == 0


@pytest.mark.parametrize(
    ("column", "most"),
    [
        (np.arange(1.0, 10_001), 32),
        (curves.untold(10_000), 32),
        (np.repeat(np.arange(20.0), 500), 400),
        (np.linspace(0, 1, 10_000).astype(np.float32).astype(float), 40_100),
    ],
)
def test_regular_columns_are_small(column: np.ndarray, most: int) -> None:
    """Steps, epochs, what is not told and what was written with half the digits."""
    assert len(packing.packed(column)) <= most


def test_chunks_are_joined_in_their_order() -> None:
    """A curve that grew in three readings is one curve."""
    table = curves.Table()
    for step in range(30):
        table.add("loss", step / 7, step=step, epoch=step // 10, line=step + 1)
    (whole,) = table.curves()
    chunks = []
    for start in range(0, 30, 10):
        cut = slice(start, start + 10)
        part = curves.curve(
            "loss",
            np.array([whole.value[cut], whole.step[cut], whole.epoch[cut], whole.time[cut],
                      whole.line[cut]]),
        )  # fmt: skip
        chunks.append((10, packing.of_curve(part)))
    value, step, epoch, time, line = packing.columns_of(chunks)
    assert same(value, whole.value)
    assert same(step, whole.step)
    assert same(epoch, whole.epoch)
    assert same(time, whole.time)
    assert same(line, whole.line)
    assert packing.columns_of([])[0].size == 0


@pytest.mark.parametrize("broken", [b"", b"x" * 40, packing.packed(np.arange(9.0) ** 2)[:30]])
def test_other_bytes_are_refused(broken: bytes) -> None:
    """A damaged blob is an error that can be caught, and no wrong number."""
    with pytest.raises(packing.NotPacked):
        packing.unpack(broken, 1, 9)


def test_thinned_curves_come_back() -> None:
    """With their list of what is not finite."""
    values = np.sin(np.arange(5000.0))
    values[[7, 4000]] = math.nan
    thin = thinning.thinned(np.arange(5000.0), values)
    back = packing.to_thin(packing.of_thin(thin))
    for name in ("x", "low", "high", "mean", "nonfinite"):
        assert same(getattr(back, name), getattr(thin, name))
    assert back.lost == 2
