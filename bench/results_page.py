"""A report page of 20 runs with two curves of 10,000 points each: its size, and until it is drawn.

Drawn in Debian's Chromium at the size of a phone; the time is that of the browser's own clock, from
the start of the navigation until the second frame after all curves were drawn.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench import table
from overnight.results import page, thinning

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = "/usr/bin/chromium"
RUNS, METRICS, POINTS = 20, ("loss", "val_acc"), 10_000
SIZE_LIMIT_KB, DRAWN_LIMIT_MS, THINNED_LIMIT_MS = 400, 1000, 10
DATA = re.compile(r'<script type="application/json">.*?</script>', re.DOTALL)
LONG = 1_000_000


def figures(repetitions: int) -> Iterator[table.Figure]:
    html = report()
    bare = DATA.sub("", html)
    yield table.Figure(
        name="report page of 20 runs, without its curves' data",
        unit="KB",
        ours=[len(bare.encode()) / 1e3],
        target=SIZE_LIMIT_KB,
    )
    yield table.Figure(
        name=f"data of its {RUNS * len(METRICS)} curves of {POINTS} points",
        unit="KB",
        ours=[(len(html.encode()) - len(bare.encode())) / 1e3],
    )
    yield table.Figure(
        name="until it is drawn in Chromium at 390 x 844",
        unit="ms",
        ours=drawn_ms(html, repetitions),
        target=DRAWN_LIMIT_MS,
    )
    yield table.Figure(
        name="a curve of 1e6 points thinned to 500 buckets",
        unit="ms",
        ours=[thinned_ms() for _ in range(repetitions)],
        target=THINNED_LIMIT_MS,
    )


def report() -> str:
    chance = np.random.default_rng(0)
    step = np.arange(1.0, POINTS + 1)
    rows, lines = [], {metric: list[page.Line]() for metric in METRICS}
    for number in range(RUNS):
        name, pace = f"lr{number / 10:g}-s{number % 3}", 1500 * (1 + number / 10)
        noise = chance.standard_normal((2, POINTS))
        loss = 2.3 * np.exp(-step / pace) + 0.2 + 0.03 * noise[0]
        accuracy = 95 - 40 * np.exp(-step / pace) + 0.4 * noise[1]
        for metric, y in zip(METRICS, (loss, accuracy), strict=True):
            lines[metric].append(page.Line(name=name, x=step, y=y))
        rows.append([name, f"{accuracy.max():.1f}", f"{loss.min():.3f}", "12.5", "none"])
    charts = [
        page.chart(page.Chart(title=metric, x_label="step", y_label=metric, lines=lines[metric]))
        for metric in METRICS
    ]
    told = page.table(["run", *METRICS[::-1], "GPU h", "repairs"], rows, best={19})
    states = page.status_list(page.Status("good", row[0], "finished, 1.2 above") for row in rows)
    sections = [("Verdicts", [states]), ("Results", [told]), ("Curves", charts)]
    return page.document("Report", [page.Section(*each) for each in sections], note="20 runs")


def drawn_ms(html: str, repetitions: int) -> list[float]:
    from playwright.sync_api import sync_playwright  # installed with the writers

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "report.html")
        path.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            return [opened_ms(browser, path.as_uri()) for _ in range(repetitions)]
        finally:
            browser.close()


def opened_ms(browser: Browser, address: str) -> float:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True
    )
    try:
        opened = context.new_page()
        opened.goto(address)
        opened.wait_for_selector("html[data-drawn]", state="attached")
        return float(opened.evaluate("performance.getEntriesByName('drawn')[0].startTime"))
    finally:
        context.close()


def thinned_ms() -> float:
    x = np.arange(float(LONG))
    value = np.sin(x)
    began = time.perf_counter()
    thinning.thinned(x, value)
    return (time.perf_counter() - began) * 1e3
