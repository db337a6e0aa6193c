"""Our pages in a real browser: they draw, they zoom, they fit a phone, and nothing in them acts."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from overnight.core import text
from tests import waiting
from tests.integration.browser import pages

pytestmark = pytest.mark.xdist_group("browser")
CHROMIUM = "/usr/bin/chromium"
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])

READ = """
const read = canvas => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context = copy.getContext("2d", {willReadFrequently: true});
    context.drawImage(canvas, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
};
"""
# How many pixels of a chart have the colour of each line, as its sample in the legend shows it.
DRAWN = (
    "figure => {"
    + READ
    + """
    const plot = read(figure.querySelector(".plot canvas"));
    return [...figure.querySelectorAll(".sample")].map(sample => {
        const pixels = read(sample);
        let place = pixels.findIndex((_, n) => n % 4 === 3 && pixels[n] === 255) - 3;
        const [r, g, b] = pixels.slice(place, place + 3);
        let count = 0;
        for (let n = 0; n < plot.length; n += 4)
            if (plot[n + 3] === 255 && Math.abs(plot[n] - r) + Math.abs(plot[n + 1] - g)
                + Math.abs(plot[n + 2] - b) < 6) count++;
        return count;
    });
}"""
)
# How far from the top, as a share of the height, the colour of the first line is drawn.
HIGHEST = (
    "figure => {"
    + READ
    + """
    const canvas = figure.querySelector(".plot canvas"), plot = read(canvas);
    const sample = read(figure.querySelector(".sample"));
    const place = sample.findIndex((_, n) => n % 4 === 3 && sample[n] === 255) - 3;
    const y0 = Math.round(30 * canvas.height / figure.querySelector(".plot").clientHeight);
    for (let n = y0 * canvas.width * 4; n < plot.length; n += 4)
        if ([0, 1, 2].every(k => Math.abs(plot[n + k] - sample[place + k]) < 40)
            && plot[n + 3] > 200)
            return Math.floor(n / 4 / canvas.width) / canvas.height;
}"""
)
Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this file."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def complaints() -> list[str]:
    """What pages wrote to the console, what they raised and the dialogs that they opened."""
    return []


@pytest.fixture
def opened(browser: Browser, tmp_path: Path, complaints: list[str]) -> Iterator[Opened]:
    """Opens a page from a file; at the end nothing was complained about, nothing was fetched."""
    requests: list[str] = []
    answered: list[str] = []
    contexts = []

    def open_page(html: str, size: dict[str, Any] = DESKTOP, **settings: Any) -> Page:
        contexts.append(browser.new_context(**size, **settings))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("requestfinished", lambda request: answered.append(request.url))
        page.on("request", lambda request: requests.append(request.url))
        address = pages.written(tmp_path, html)
        page.goto(address)
        page.wait_for_selector("html[data-drawn]", state="attached")
        assert [url for url in requests if not url.startswith("data:")] == [address]
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert all(url.startswith(("file:", "data:")) for url in answered)


def chart(page: Page, title: str) -> Locator:
    found = page.locator("figure.chart", has=page.locator("figcaption", has_text=title)).first
    found.scroll_into_view_if_needed()
    return found


def view(figure: Locator) -> tuple[float, float]:
    return float(figure.get_attribute("data-from") or ""), float(
        figure.get_attribute("data-to") or ""
    )


def box(figure: Locator) -> tuple[float, float, float, float]:
    """Left, top, width and height of the part that is drawn on."""
    found = figure.locator(".plot").bounding_box()
    assert found
    return found["x"], found["y"], found["width"], found["height"]


@SIZES
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_line_is_drawn(opened: Opened, size: dict[str, Any], scheme: str) -> None:
    page = opened(pages.study(), size, color_scheme=scheme)
    for title, lines in (("seven", 7), ("spike", 1), ("seeds", 2)):
        drawn = chart(page, title).evaluate(DRAWN)
        assert len(drawn) == lines
        assert min(drawn) > 20


@SIZES
@pytest.mark.parametrize("html", [pages.study, pages.hostile], ids=["study", "hostile"])
def test_nothing_is_wider_than_the_screen(
    opened: Opened, size: dict[str, Any], html: Callable[[], str]
) -> None:
    page = opened(html(), size)
    width = size["viewport"]["width"]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    too_wide = page.evaluate(
        """width => [...document.querySelectorAll("body *")].filter(each =>
            !each.closest(".scroll, pre, .legend") && each.getBoundingClientRect().right > width + 1
        ).map(each => each.outerHTML.slice(0, 80))""",
        width,
    )
    assert too_wide == []


@SIZES
def test_odd_curves_are_charts_that_can_be_used(opened: Opened, size: dict[str, Any]) -> None:
    page = opened(pages.odd(), size)
    assert page.locator("figure.chart .plot canvas:not(.over)").count() == 22
    for plot in page.locator("figure.chart .plot").all():
        plot.focus()
        for key in ("+", "ArrowLeft", "l", "-", "l", "0", "ArrowRight"):
            page.keyboard.press(key)
    for figure in page.locator("figure.chart").all():
        assert all(abs(each) < 1e10 for each in view(figure))
    drawn = {
        title: chart(page, title).evaluate(DRAWN)
        for title in ("one point", "constant", "below zero", "largest", "far away", "one place")
    }
    assert {title for title, counts in drawn.items() if min(counts) == 0} == set()


def test_a_spike_of_one_step_in_a_hundred_thousand_is_drawn(opened: Opened) -> None:
    figure = chart(opened(pages.study()), "spike")
    highest = figure.evaluate(HIGHEST)
    assert highest < 0.25
    assert "\u00d72" in figure.locator(".item").inner_text()
    assert "batch 64 -> 32 x 2" in figure.locator(".signs").inner_text()


def test_dragging_zooms_and_a_double_click_shows_all_again(opened: Opened) -> None:
    page = opened(pages.study())
    figure = chart(page, "seven")
    whole = view(figure)
    left, top, width, height = box(figure)
    page.mouse.move(left + width * 0.4, top + height / 2)
    page.mouse.down()
    page.mouse.move(left + width * 0.6, top + height / 2, steps=3)
    page.mouse.up()
    part = view(figure)
    assert whole[0] < part[0] < part[1] < whole[1]
    assert 0.1 < (part[1] - part[0]) / (whole[1] - whole[0]) < 0.3
    assert min(figure.evaluate(DRAWN)) > 20
    page.mouse.dblclick(left + width / 2, top + height / 2)
    assert view(figure) == whole


def test_two_fingers_zoom_and_a_double_tap_shows_all_again(opened: Opened) -> None:
    page = opened(pages.study(), PHONE)
    figure = chart(page, "seven")
    whole = view(figure)
    left, top, width, height = box(figure)
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *places: float) -> None:
        points = [
            {"x": left + width * place, "y": top + height / 2, "id": n}
            for n, place in enumerate(places)
        ]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.45, 0.55)
    for apart in (0.1, 0.2, 0.3):
        touch("touchMove", 0.5 - apart, 0.5 + apart)
    touch("touchEnd")
    waiting.wait_until(lambda: whole[0] < view(figure)[0] < view(figure)[1] < whole[1])
    part = view(figure)
    touch("touchStart", 0.5)
    touch("touchMove", 0.3)
    touch("touchEnd")
    waiting.wait_until(lambda: view(figure)[0] > part[0], what="one finger to move what is zoomed")
    for _ in range(2):
        touch("touchStart", 0.5)
        touch("touchEnd")
    waiting.wait_until(lambda: view(figure) == whole)


def test_a_finger_shows_the_values_at_its_place(opened: Opened) -> None:
    page = opened(pages.study(), PHONE)
    figure = chart(page, "seeds")
    left, top, width, height = box(figure)
    page.touchscreen.tap(left + width / 2, top + height / 2)
    values = waiting.wait_until(
        lambda: list(filter(None, figure.locator(".value").all_inner_texts()))
    )
    assert len(values) == 2
    assert float(values[0]) == pytest.approx(float(values[1]) + 6, abs=0.02)


def test_the_legend_takes_a_line_away_and_gives_it_back(opened: Opened) -> None:
    page = opened(pages.study())
    figure = chart(page, "seven")
    before = figure.evaluate(DRAWN)
    item = figure.locator(".item").nth(2)
    item.click()
    page.mouse.move(0, 0)
    assert item.get_attribute("aria-pressed") == "false"
    without = figure.evaluate(DRAWN)
    assert without[2] == 0
    assert min(without[:2] + without[3:]) > 20
    item.click()
    page.mouse.move(0, 0)
    assert figure.evaluate(DRAWN)[2] == pytest.approx(before[2], rel=0.1)


def test_keys_zoom_move_the_cursor_and_change_the_axis(opened: Opened) -> None:
    page = opened(pages.study())
    figure = chart(page, "seven")
    whole = view(figure)
    figure.locator(".plot").focus()
    page.keyboard.press("+")
    part = view(figure)
    assert part[1] - part[0] == pytest.approx((whole[1] - whole[0]) / 2)
    page.keyboard.press("ArrowRight")
    assert all(figure.locator(".value").all_inner_texts())
    page.keyboard.press("l")
    assert figure.get_attribute("data-log") == "true"
    assert min(figure.evaluate(DRAWN)) > 20
    page.keyboard.press("0")
    assert view(figure) == whole


def test_a_chart_that_was_folded_away_is_drawn_when_it_is_unfolded(opened: Opened) -> None:
    page = opened(pages.study())
    page.get_by_text("Curve", exact=True).click()
    figure = chart(page, "folded")
    waiting.wait_until(lambda: min(figure.evaluate(DRAWN)) > 20, what="the curve")


def test_names_that_would_act_are_only_shown(opened: Opened) -> None:
    page = opened(pages.hostile())
    assert page.evaluate("window.acted") is None
    assert page.evaluate("({}).polluted") is None
    for name in pages.HOSTILE:
        shown = text.printable(name)
        assert page.locator("h2").get_by_text(shown, exact=True).count() == 1
        assert page.locator(".item .name").get_by_text(shown, exact=True).count() == 1
    assert page.locator("main img, main svg").count() == 0
    assert page.title() == pages.HOSTILE[0]


def test_the_page_may_ask_no_network_and_run_no_other_script(
    opened: Opened, complaints: list[str]
) -> None:
    page = opened(pages.study())
    outcome = page.evaluate(
        """async () => {
            const refused = [];
            document.addEventListener("securitypolicyviolation",
                event => refused.push(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.acted = 1";
            const image = new Image();
            const seen = new Promise(done => image.onerror = done);
            document.body.append(script, image);
            image.src = "http://127.0.0.1:9/pixel.png";
            const asked = await fetch("http://127.0.0.1:9/").then(() => true, () => false);
            await seen;
            return {refused, asked, acted: Boolean(window.acted)};
        }"""
    )
    assert not outcome["asked"]
    assert not outcome["acted"]
    assert {"connect-src", "img-src", "script-src-elem"} <= set(outcome["refused"])
    assert all("violates" in told or "blocked" in told for told in complaints), complaints
    complaints.clear()


def test_what_is_folded_is_printed_and_curves_are_on_the_paper(
    opened: Opened, tmp_path: Path
) -> None:
    page = opened(pages.study(), color_scheme="dark")
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    printed = subprocess.run(
        ["pdftotext", tmp_path / "page.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "weight decay 0.05" in printed
    subprocess.run(
        ["pdftoppm", "-r", "60", "-png", tmp_path / "page.pdf", tmp_path / "p"], check=True
    )
    paper = [Image.open(path).convert("RGB") for path in sorted(tmp_path.glob("p-*.png"))]
    colours = Counter(pixel for sheet in paper for pixel in sheet.get_flattened_data())
    assert colours[255, 255, 255] > 0.8 * sum(colours.values())
    strong = sum(n for colour, n in colours.items() if max(colour) - min(colour) > 100)
    assert strong > 300
