"""Figures for papers: what is drawn, and files that can be compared."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overnight.core import errors
from overnight.results import figures, traces
from overnight.results.figures import files, style

MANY = 1_000_000


def plot(*lines: traces.Trace, **more) -> traces.Plot:
    return traces.Plot(title="t", x_label="step", y_label="loss", traces=lines, **more)


def trace(y, name="run", **more) -> traces.Trace:
    y = np.asarray(y, dtype=float)
    return traces.Trace(name=name, x=np.arange(1.0, y.size + 1), y=y, **more)


def pixels(drawn: traces.Plot, columns: int = 1) -> np.ndarray:
    image = Image.open(io.BytesIO(files.rendered(drawn, "png", columns))).convert("RGB")
    return np.asarray(image).astype(int)


def like(image: np.ndarray, colour: str, away: int = 30) -> np.ndarray:
    """Where the image has a colour, as booleans."""
    wanted = [int(colour[n : n + 2], 16) for n in (1, 3, 5)]
    return np.abs(image - wanted).sum(axis=2) < away


@pytest.mark.parametrize("kind", figures.FORMATS)
def test_equal_plots_are_equal_files(kind):
    drawn = plot(trace([3, 2, 1], "a", band=(np.zeros(3), np.ones(3))), trace([1, 2, np.nan]))
    assert files.rendered(drawn, kind) == files.rendered(drawn, kind)


def test_fonts_of_a_pdf_are_embedded_as_fonts_and_no_date_is_in_it(tmp_path):
    path = tmp_path / "figure.pdf"
    path.write_bytes(figures.figure(plot(trace([1, 2, 3])), path))
    fonts = subprocess.run(["pdffonts", path], capture_output=True, text=True, check=True).stdout
    (row,) = fonts.splitlines()[2:]
    assert "TrueType" in row
    assert row.split()[-5] == "yes"  # embedded
    told = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    assert "Date" not in told


@pytest.mark.parametrize("columns", [1, 2])
def test_a_figure_is_as_wide_as_the_columns_of_a_paper(columns):
    assert pixels(plot(trace([1, 2])), columns).shape[1] == round(style.WIDTHS[columns] * style.DPI)


def test_a_spike_of_one_step_in_a_million_is_drawn():
    y = np.ones(MANY)
    y[617_283] = 9
    image = pixels(plot(trace(y)))
    coloured = (image.max(axis=2) - image.min(axis=2)) > 40
    rows = np.flatnonzero(coloured.any(axis=1))
    assert rows.min() < 0.15 * image.shape[0]
    assert rows.max() > 0.7 * image.shape[0]


def test_what_is_not_finite_is_marked_above_the_curves():
    y = np.linspace(1, 0, 100)
    y[50] = np.nan
    top = pixels(plot(trace(y)))[:40]
    bare = pixels(plot(trace(np.linspace(1, 0, 100))))[:40]
    assert like(top, style.COLOURS[0]).sum() > like(bare, style.COLOURS[0]).sum() + 20


def test_lines_differ_in_grey():
    looks = [style.look(place) for place in range(12)]
    assert len({str(look) for look in looks}) == 12
    assert len({str(look["linestyle"]) for look in looks[:4]}) == 4


def test_a_band_is_paler_than_its_line():
    y = np.linspace(1, 2, 50)
    image = pixels(plot(trace(y, band=(y - 0.3, y + 0.3))))
    pale = like(image, "#cce3f0", 40)
    assert pale.sum() > 10 * like(image, style.COLOURS[0]).sum() > 0


@pytest.mark.parametrize(
    "name",
    ["a$b", "$x^2$", "\\frac{", "_hidden", "50% of {x}", "\u202e\x1b[2J", "\u4e2d\u6587", ""],
)
def test_any_name_is_drawn_as_it_is(name):
    drawn = plot(trace([1, 2], name), reference=1.5, reference_label=name)
    named = files.rendered(drawn, "svg").decode()
    assert "\x1b" not in named
    if name.isascii() and name.isprintable() and name:
        escaped = name.replace("&", "&amp;").replace("<", "&lt;")
        assert named.count(f">{escaped}</text>") == 2


@pytest.mark.parametrize(
    "y", [[], [np.nan], [5], [0, 0, 0], [-1, -2], [1e300, -1e300], [1e-12, 2e-12]]
)
@pytest.mark.parametrize("log", [False, True])
def test_any_curve_can_be_drawn(y, log):
    assert files.rendered(plot(trace(y), log=log), "png")


def test_a_log_scale_with_values_below_zero_keeps_those_above():
    image = pixels(plot(trace(np.cos(np.arange(5000))), log=True))
    assert like(image, style.COLOURS[0]).any()


def test_another_ending_is_refused():
    with pytest.raises(errors.UsageError, match=r"\.docx is not known"):
        figures.figure(plot(trace([1])), Path("figure.docx"))


def test_the_caption_tells_n_the_spread_and_what_the_dashes_are():
    arm = [trace([1, 2, 3]), trace([2, 3, 4])]
    mean = traces.pooled("ours", arm)
    drawn = plot(
        mean, reference=2.5, reference_label="paper", notes=tuple(traces.notes([mean], [arm], "sd"))
    )
    told = figures.caption(drawn)
    assert "ours (n = 2)" in told
    assert "1 standard deviation" in told
    assert "Dashed: paper, 2.5" in told


def test_a_long_legend_stands_below_the_curves():
    """The figure grows, and keeps its width."""
    few = pixels(plot(*(trace([1, 2], f"lr {n}") for n in range(3))))
    long = pixels(plot(*(trace([1, 2], f"epochs=14 dropout=0.1 lr={n}") for n in range(5))))
    assert few.shape[0] == round(style.HEIGHTS[1] * style.DPI)
    assert long.shape[0] > 1.25 * few.shape[0]
    assert long.shape[1] == few.shape[1]
