"""What a search may try, as it is typed."""

from __future__ import annotations

import pytest

from overnight.core import errors, search_space
from overnight.core.search_space import Choice, Range
from overnight.core.sweep_values import Value


def test_ranges() -> None:
    """Whole numbers where both ends are whole; logarithmic where it says so."""
    found = search_space.parse(["lr=1e-5..1e-2:log", "layers=2..8", "drop=0..0.5", "x=-1..1.5"])
    assert found == {
        "lr": Range(1e-5, 1e-2, True, False),
        "layers": Range(2, 8, False, True),
        "drop": Range(0, 0.5, False, False),
        "x": Range(-1, 1.5, False, False),
    }


def test_decimal_points_on_both_sides() -> None:
    assert search_space.parse(["m=0.5..0.95"])["m"] == Range(0.5, 0.95, False, False)
    assert search_space.parse(["m=.5...95"])["m"] == Range(0.5, 0.95, False, False)


def test_choices() -> None:
    assert search_space.parse(["aug=none,rand"]) == {
        "aug": Choice((Value("none", "none"), Value("rand", "rand")))
    }
    assert isinstance(search_space.parse(["data=../a,../b"])["data"], Choice)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lr=1e-2..1e-5"], "is not below"),
        (["lr=0..1:log"], "begins above 0"),
        (["lr=a..b"], "no range of numbers"),
        (["lr=1..2..3"], "no range of numbers"),
        (["lr=1..nan"], "no range of numbers"),
        (["lr=1..2:log:log"], "no range of numbers"),
        (["lr=3"], "nothing to choose"),
        (["lr=1..2", "lr=3..4"], "given twice"),
        (["9x=1..2"], "cannot be the name"),
        ([], "something to vary"),
    ],
)
def test_bad_input(words: list[str], said: str) -> None:
    with pytest.raises(errors.UsageError, match=said) as error:
        search_space.parse(words)
    assert error.value.hint


def test_suggestions_have_few_digits_and_stay_inside() -> None:
    """The point that is recorded is the one that runs."""
    axis = Range(0.0, 0.99999999, False, False)
    assert search_space.value_of(axis, 0.12345678) == Value("0.123457", 0.123457)
    assert search_space.value_of(axis, 0.99999998).value == 0.99999998
    assert search_space.value_of(Range(1, 8, False, True), 3) == Value("3", 3)
    choice = search_space.parse(["aug=none,rand"])["aug"]
    assert search_space.value_of(choice, "rand") == Value("rand", "rand")
