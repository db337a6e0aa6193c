"""A curve as one line of text."""

import numpy as np
import pytest

from overnight.results import draw


def test_a_rising_curve_climbs_from_the_lowest_to_the_highest_block():
    assert draw.sparkline(np.arange(8.0), 8) == "▁▂▃▄▅▆▇█"


def test_many_values_are_means_of_equal_shares():
    assert draw.sparkline(np.repeat([0.0, 1.0], 500), 2) == "▁█"


def test_few_values_take_no_more_room_than_they_need():
    assert len(draw.sparkline(np.array([1.0, 2.0]), 40)) == 2


def test_not_a_number_is_a_cross_and_hides_nothing_else():
    assert draw.sparkline(np.array([0.0, np.nan, 1.0, np.inf]), 4) == "▁x█x"


def test_a_single_nan_among_thousands_is_seen():
    values = np.zeros(10_000)
    values[4321] = np.nan
    assert draw.sparkline(values, 10).count("x") == 1


def test_nothing_but_nan_is_nothing_but_crosses():
    assert draw.sparkline(np.full(100, np.nan), 5) == "xxxxx"


def test_a_constant_curve_is_level_in_the_middle():
    assert draw.sparkline(np.full(4, 3.0), 4) == "▅▅▅▅"


def test_numbers_at_the_limits_of_what_a_float_holds_are_drawn():
    assert draw.sparkline(np.array([-1.7e308, 1.7e308]), 2) == "▁█"


def test_nothing_to_draw_is_no_text():
    assert draw.sparkline(np.array([]), 10) == ""
    assert draw.sparkline(np.array([1.0]), 0) == ""


def test_plain_is_ascii():
    values = np.append(np.arange(20.0), np.nan)
    assert draw.sparkline(values, 21, plain=True).isascii()


@pytest.mark.parametrize(
    ("encoding", "term", "is_terminal", "plain"),
    [
        ("utf-8", "xterm", True, False),
        ("UTF8", "xterm", True, False),
        ("ANSI_X3.4-1968", "xterm", True, True),
        ("latin-1", "xterm", False, True),
        (None, "xterm", True, True),
        ("utf-8", "dumb", True, True),
        ("utf-8", "", True, True),
        ("utf-8", "", False, False),  # a pipe or a file: whoever reads it knows UTF-8
    ],
)
def test_ascii_where_nothing_else_is_sure_to_be_shown(encoding, term, is_terminal, plain):
    assert draw.is_plain(encoding, {"TERM": term}, is_terminal=is_terminal) is plain
