"""The pages of comparisons and reports fit a phone, also with names made to break them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from overnight.results.comparison import pooling
from overnight.results.report import gathering, web
from overnight.results.tables import html
from tests.integration.browser import pages
from tests.unit.results import armed
from tests.unit.results.report import nights
from tests.unit.results.tables import compared

pytestmark = pytest.mark.xdist_group("browser")
WIDTHS = (360, 390, 1280)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield browser.new_page()
        browser.close()


@pytest.mark.parametrize("name", ["comparison", "hostile comparison", "report"])
def test_nothing_overflows(page: Page, tmp_path: Path, name: str) -> None:
    """Wide tables scroll inside of themselves; no dialog opens and nothing is fetched."""
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.on("requestfailed", lambda request: asked.append(request.url))
    text = {
        "comparison": lambda: html.table(compared.three()),
        "hostile comparison": lambda: html.table(compared.hostile()),
        "report": lambda: web.document(gathering.report(nights.busy())),
    }[name]()
    address = pages.written(tmp_path, text)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("h1").is_visible()
    assert asked == []


def test_arms_can_be_told_apart_on_a_phone(page: Page, tmp_path: Path) -> None:
    """Their labels are longer than a phone is wide; none of them is cut, and values stay beside."""
    runs = [
        armed.run(
            f"r{n}", 90 + n, {"--epochs": epochs, "--log-interval": 10 + n, "--lr": lr, "--wd": n}
        )
        for n, (epochs, lr) in enumerate([(14, 0.1), (14, 0.3), (8, 0.1)])
    ]
    page.set_viewport_size({"width": 390, "height": 844})
    found = pooling.compare(runs)
    assert min(len(arm.label) for arm in found.arms) > 30
    page.goto(pages.written(tmp_path, html.table(found)))
    for cell in page.locator("td:first-child").all():
        assert cell.evaluate("e => e.scrollWidth <= e.clientWidth")
        assert cell.evaluate("e => e.nextElementSibling.getBoundingClientRect().left") < 300
