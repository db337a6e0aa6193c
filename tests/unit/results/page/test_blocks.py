"""The parts of a page: text is escaped, tables have their sides, charts their data."""

import base64
import json
import re

import numpy as np
import pytest

from overnight.results import page

HOSTILE = "<b onclick='x'>\u202e\x1b[2J&\"</b>"
SAFE = "&lt;b onclick=&#x27;x&#x27;&gt;\\u202e\\x1b[2J&amp;&quot;&lt;/b&gt;"


def chart(*lines: page.Line) -> dict:
    """The data that the chart carries."""
    html = page.chart(page.Chart(title="t", x_label="step", y_label="loss", lines=lines)).html
    found = re.search(r'<script type="application/json">(.*?)</script>', html)
    told = json.loads(found.group(1))
    return [{**each, "x": told["axes"][each["x"]]} for each in told["lines"]]


def floats(packed: str) -> list[float]:
    return np.frombuffer(base64.b64decode(packed), "<f4").tolist()


@pytest.mark.parametrize(
    "block",
    [
        page.paragraph(HOSTILE),
        page.commands([HOSTILE]),
        page.facts([(HOSTILE, page.Cell(HOSTILE, title=HOSTILE, note=HOSTILE))]),
        page.status_list([page.Status("good", HOSTILE, HOSTILE)]),
        page.details(HOSTILE, []),
        page.table([HOSTILE], [[HOSTILE]], caption=HOSTILE),
    ],
    ids=["paragraph", "commands", "facts", "status", "details", "table"],
)
def test_text_is_escaped_in_every_block(block):
    assert SAFE in block.html
    assert "<b onclick" not in block.html
    assert block.html.replace("\n", "").isprintable()


def test_columns_of_numbers_stand_right_and_names_left():
    html = page.table(
        ["run", "loss", "note", "acc"], [["1", "-1e-3", "3 repairs, see log", "93.1 ± 0.4 %"]]
    ).html
    assert re.findall(r"<td(?: class=\"(\w*)\")?>", html) == ["", "r", "", "r"]


def test_sides_can_be_chosen():
    html = page.table(["a", "b"], [["x", "y"]], align="rc").html
    assert re.findall(r"<td class=\"(\w)\">", html) == ["r", "c"]


def test_the_best_rows_stand_out():
    html = page.table(["a"], [["x"], ["y"]], best={1}).html
    assert '<tr class="best"><td>y' in html
    assert "<tr><td>x" in html


def test_a_row_with_other_cells_than_the_header_is_refused():
    with pytest.raises(ValueError, match="as many cells"):
        page.table(["a", "b"], [["x"]])


def test_an_even_axis_is_its_start_step_and_count():
    (line,) = chart(page.Line(name="a", x=np.arange(10, 40, 3), y=np.zeros(10)))
    assert line["x"] == [10, 3, 10]


def test_an_uneven_axis_far_from_zero_keeps_its_distances():
    x = 1.7e9 + np.array([0.0, 0.5, 10.25])
    (line,) = chart(page.Line(name="a", x=x, y=np.zeros(3)))
    assert line["x"][0] == 1.7e9
    assert floats(line["x"][1]) == [0, 0.5, 10.25]


def test_lines_with_the_same_axis_carry_it_once():
    x = np.sort(np.random.default_rng(0).uniform(0, 1, 5000))
    lines = [page.Line(name=str(n), x=x, y=np.sin(9 * x + n)) for n in range(20)]
    one, many = (
        len(page.chart(page.Chart(title="t", x_label="x", y_label="y", lines=some)).html)
        for some in (lines[:1], lines)
    )
    assert many < 20 * one * 0.8


def test_of_many_places_that_were_not_finite_the_first_and_the_last_stay():
    (line,) = chart(page.Line(name="a", x=[], y=[], nonfinite=np.arange(10_000.0)))
    assert (line["nonfinite"][0], line["nonfinite"][-1]) == (0, 9999)
    assert len(line["nonfinite"]) <= 500
    assert line["lost"] == 10_000


def test_values_beyond_a_float_of_four_bytes_are_cut_to_its_ends():
    (line,) = chart(page.Line(name="a", x=[0, 1], y=[1e300, -1e300]))
    assert floats(line["y"]) == [pytest.approx(3.4e38, rel=0.01), pytest.approx(-3.4e38, rel=0.01)]


def test_what_is_not_finite_is_no_value_but_a_place():
    (line,) = chart(page.Line(name="a", x=[1, 2, 3], y=[5, np.nan, 6], nonfinite=[7]))
    assert floats(line["y"]) == [5, 6]
    assert line["nonfinite"] == [2, 7]
    assert line["lost"] == 2


def test_a_long_line_travels_as_lowest_mean_and_highest():
    value = np.tile([0.0, 1.0], 50_000)
    (line,) = chart(page.Line(name="a", x=np.arange(value.size), y=value))
    assert (min(floats(line["low"])), max(floats(line["high"]))) == (0, 1)
    assert len(floats(line["y"])) <= 500


def test_a_line_that_was_thinned_before_keeps_its_ends():
    (line,) = chart(page.Line(name="a", x=[1, 2], low=[0, 1], high=[4, 5], y=[1, 3]))
    assert (floats(line["low"]), floats(line["y"]), floats(line["high"])) == (
        [0, 1],
        [1, 3],
        [4, 5],
    )


def test_a_line_needs_values():
    with pytest.raises(ValueError, match="'a' needs"):
        chart(page.Line(name="a", x=[1]))


def test_a_line_without_points_and_a_chart_without_lines_are_charts():
    assert chart(page.Line(name="a", x=[], y=[]))[0]["y"] == ""
    assert chart() == []


def test_the_end_of_a_script_in_a_name_does_not_end_the_data():
    block = page.chart(page.Chart(title="t", x_label="x", y_label="</script><b>", lines=[]))
    assert block.html.count("</script") == 1


def test_a_document_is_one_file_that_may_ask_nobody():
    html = page.document("Night", [page.Section("Runs", [page.paragraph("one")])], note="from me")
    assert "default-src 'none'" in html
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", html)
    assert "<h2>Runs</h2><p>one</p>" in html


def test_charts_that_follow_each_other_share_a_grid():
    drawn = page.chart(page.Chart(title="t", x_label="x", y_label="y"))
    html = page.document("n", [page.Section("s", [drawn, drawn, page.paragraph("p"), drawn])])
    assert html.count('<div class="charts">') == 2
    assert html.count("<div") == html.count("</div>")


def test_what_every_page_carries_is_small():
    assert len(page.document("n", [])) < 60_000
