from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.results.parsing import numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), (" -2.5e-3 ", -0.0025), (".5", 0.5), ("1.", 1), ("+3", 3), ("93.7%", 93.7),
        ("12 %", 12), ("inf", math.inf), ("-Infinity", -math.inf), ("tensor(0.5)", 0.5),
        ("tensor(0.25, device='cuda:0')", 0.25), ("1,234", None), ("1.234,5", None),
        ("1_000", None),
                ("0x10", None), ("=1+1", None), ("text", None), ("", None), ("\u0661", None),
        ("1e", None),
        ("[1]", None), ("True", None),
    ],
)  # fmt: skip
def test_what_is_a_number(text: str, value: float | None) -> None:
    """What could mean two things, and what only Python reads, is none."""
    assert numbers.number(text) == value


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "+NAN"])
def test_nan_is_a_number(text: str) -> None:
    """A value that is not a number, and not a value that is not there."""
    found = numbers.number(text)
    assert found is not None
    assert math.isnan(found)
    assert not numbers.is_absent(text)


@given(st.floats(allow_nan=False))
def test_every_float_is_read_as_it_was_written(value: float) -> None:
    """To the last bit."""
    assert numbers.number(repr(value)) == value


@given(st.text(max_size=12))
def test_no_text_raises(text: str) -> None:
    """Whatever a cell holds."""
    numbers.number(text)
    numbers.counted(text)
    numbers.moment(text)
    assert numbers.why_not(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3/100", 3), ("Epoch 3", 3), ("3", 3), ("3 of 9", 3), ("1.5", 1.5), ("a", None)],
)
def test_how_people_count(text: str, value: float | None) -> None:
    """The total behind it is no part of the count."""
    assert numbers.counted(text) == value


@given(st.lists(st.floats(), max_size=5))
def test_times_of_many_are_those_of_each(values: list[float]) -> None:
    """Seconds, milli-, micro- and nanoseconds since 1970; all else is no moment."""
    many = numbers.all_unix(np.array(values, dtype=np.float64)).tolist()
    each = [numbers.unix(value) for value in values]
    assert many == pytest.approx(each, nan_ok=True, rel=0, abs=0)


def test_moments() -> None:
    """Without a zone it is UTC."""
    assert numbers.unix(1.7e12) == numbers.unix(1.7e9) == 1.7e9
    assert numbers.moment("2023-11-14T22:13:20Z") == numbers.moment("2023-11-14 22:13:20") == 1.7e9
    assert math.isnan(numbers.moment("12:11:32"))
    assert math.isnan(numbers.unix(12.5))
