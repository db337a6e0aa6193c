"""Curves with axes, as lines of text."""

import re

import numpy as np
import pytest

from overnight.results import draw
from overnight.results.draw import axes

BRAILLE = re.compile("[\u2801-\u28ff]")


def line(y, name="loss", **more) -> draw.Drawn:
    y = np.asarray(y, dtype=float)
    return draw.Drawn(name=name, x=np.arange(1.0, y.size + 1), y=y, **more)


def plot_rows(picture: str, side: str = "│┤|+") -> list[str]:
    """What stands right of the axis, row by row."""
    return [
        re.split(f"[{re.escape(side)}]", row, maxsplit=1)[1]
        for row in picture.split("\n")
        if re.match(rf"^[ \d.ekM-]*[{re.escape(side)}](?!-)", row)
    ]


def test_a_falling_curve_goes_from_the_upper_left_to_the_lower_right():
    rows = plot_rows(draw.curve([line(np.linspace(9, 0, 50))], 50, 8, plain=True))
    assert rows[0].startswith("*")
    assert rows[-1].endswith("*")
    starts = [len(row) - len(row.lstrip()) for row in rows]
    assert starts == sorted(starts)


@pytest.mark.parametrize("plain", [True, False])
def test_a_spike_of_one_step_among_a_hundred_thousand_reaches_the_top(plain):
    y = np.ones(100_000)
    y[61_803] = 50
    top = plot_rows(draw.curve([line(y)], 80, 10, plain=plain))[0]
    column = next(n for n, sign in enumerate(top) if sign != " ")
    assert column == pytest.approx(0.618 * 77, abs=3)


@pytest.mark.parametrize("place", [1, 2])
def test_a_spike_of_a_dashed_curve_is_drawn_too(place):
    lines = [line(np.ones(1000), str(n)) for n in range(3)]
    y = np.ones(1000)
    y[500] = 9
    lines[place] = line(y)
    rows = plot_rows(draw.curve(lines, 60, 10))
    assert sum(bool(BRAILLE.search(row)) for row in rows) == 10


def test_what_is_not_finite_is_marked_at_the_top_and_counted():
    y = np.ones(100)
    y[50:53] = np.nan
    picture = draw.curve([line(y)], 60, 6)
    assert "x" in plot_rows(picture)[0]
    assert "x 3 not finite" in picture


def test_places_told_apart_are_marked_and_counted_too():
    picture = draw.curve([line(np.ones(100), nonfinite=np.array([50.0, 51.0]))], 60, 6)
    assert "x" in plot_rows(picture)[0]
    assert "x 2 not finite" in picture


def test_curves_are_told_apart_without_colour():
    lines = [line(np.arange(20.0) + n, f"run{n}") for n in range(3)]
    picture = draw.curve(lines, 60, 12)
    for letter, name in (("a", "run0"), ("b", "run1"), ("c", "run2")):
        assert f"{letter}  {name}" in picture
        assert any(letter in row for row in plot_rows(picture))
    assert "\x1b" not in picture


def test_colour_is_added_only_where_it_is_asked_for():
    lines = [line(np.arange(20.0), "a"), line(np.arange(20.0) + 1, "b")]
    plain = draw.curve(lines, 60, 8)
    coloured = draw.curve(lines, 60, 8, color=True)
    stripped = re.sub("\x1b\\[\\d+m", "", coloured)
    assert coloured != plain
    assert [row.rstrip() for row in stripped.split("\n")] == plain.split("\n")


def test_goal_and_best_are_marked():
    picture = draw.curve([line([3, 1, 2], best=(2, 1))], 40, 8, goal=2.5)
    assert "◆" in picture
    assert "┄" in picture
    assert "best 1 at 2" in picture


def test_a_log_scale_gives_decades_the_same_room():
    rows = plot_rows(draw.curve([line(np.logspace(0, -4, 200))], 60, 9, log=True, plain=True))
    starts = [len(row) - len(row.lstrip()) for row in rows]
    steps = np.diff(starts)[1:]
    assert steps == pytest.approx(steps.mean(), abs=2)


def test_a_log_scale_of_nothing_above_zero_is_a_plain_one():
    assert "(log)" not in draw.curve([line([-1, -2, -3])], 40, 5, log=True, y_label="reward")


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("width", [1, 24, 80, 200])
def test_no_row_is_wider_than_asked_for(plain, width):
    lines = [line(np.random.default_rng(n).standard_normal(99), "n" * 300) for n in range(9)]
    picture = draw.curve(lines, width, 7, plain=plain, goal=0)
    assert max(map(len, picture.split("\n"))) <= max(width, 20)


def test_plain_is_ascii_for_any_name():
    picture = draw.curve([line([1, 2, np.nan], "d\u00e9j\u00e0 \u202e\x1b[2J")], plain=True)
    assert picture.isascii()
    assert "\x1b" not in picture


@pytest.mark.parametrize(
    "y", [[], [np.nan], [5], [5, 5, 5], [1e308, -1e308], [1e-300, 2e-300], [np.inf, 1]]
)
@pytest.mark.parametrize("log", [True, False])
def test_any_curve_can_be_drawn(y, log):
    assert draw.curve([line(y)], 40, 5, log=log)


@pytest.mark.parametrize(
    ("low", "high", "count", "written"),
    [
        (0, 1, 4, ["0", "0.5", "1"]),
        (0, 10_000, 5, ["0", "2000", "4000", "6000", "8000", "10k"]),
        (0, 3e6, 3, ["0", "1M", "2M", "3M"]),
        (0.2131, 0.2139, 4, ["0.2132", "0.2134", "0.2136", "0.2138"]),
        (-1, 1, 2, ["-1", "0", "1"]),
        (5, 5, 3, ["5"]),
        (1.7e9, 1.7e9 + 2, 2, ["1700000000", "1700000001", "1700000002"]),
        (123_000, 123_400, 2, ["123k", "123.2k", "123.4k"]),
        (1e-7, 3e-7, 2, ["1e-7", "2e-7", "3e-7"]),
    ],
)
def test_axes_have_round_numbers(low, high, count, written):
    assert axes.labels(axes.ticks(low, high, count)) == written


def test_log_axes_have_decades():
    assert axes.labels(axes.log_ticks(1e-3, 10, 5)) == ["0.001", "0.01", "0.1", "1", "10"]
