"""Settings of what is looked for, from the policy of a run."""

from __future__ import annotations

import math
from typing import Any

import pytest

from overnight.node import seeing


def of(**told: Any) -> seeing.Settings:
    return seeing.of({"policy": {"seeing": told}})


def test_without_a_word_the_defaults_hold() -> None:
    """Also where the policy or the table is missing, or no table at all."""
    assert seeing.of({}) == seeing.of({"policy": None}) == seeing.DEFAULT
    assert seeing.of({"policy": {"seeing": "soon"}}) == seeing.DEFAULT


def test_the_floors_keep_their_distance() -> None:
    """One number is enough to make all deadlines shorter or longer."""
    found = of(floor_s=60, ceiling_s=9000)
    assert (found.floor_s, found.pause_floor_s, found.setup_floor_s) == (60, 180, 360)
    assert found.ceiling_s == 9000


@pytest.mark.parametrize("value", ["10", -1, 0, math.nan, math.inf, True, [], None])
def test_what_makes_no_sense_is_left_out(value: object) -> None:
    """A wrong value must not end a healthy run."""
    assert of(floor_s=value) == seeing.DEFAULT


def test_switches_are_true_or_false_and_nothing_else() -> None:
    """A number is no switch; unknown names are passed over."""
    assert of(end_hung=False).end_hung is False
    assert of(end_hung=0, unknown=3) == seeing.DEFAULT
    assert of(mute_s=None).mute_s is None
