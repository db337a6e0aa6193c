"""Pages for the tests: curves as trainings leave them, and names as an attacker chooses them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from overnight.results import page

HOSTILE = (
    "<script>window.acted = 1</script>",
    "</script><img src=x onerror='window.acted = 1'>",
    '"><svg onload=window.acted=1>',
    "${window.acted = 1}`'",
    "=cmd|'/c calc'!A1",
    "\x1b]0;title\x07\x1b[2Jval",
    "abc\u202egnp.exe",
    "__proto__",
    "x" * 400,
)
SPIKE_AT, SPIKE = 61_803, 50.0


def curves(count: int, points: int = 300) -> list[page.Line]:
    x = np.arange(1.0, points + 1)
    return [page.Line(name=f"run{n:02d}", x=x, y=(n + 1) + np.cos(x / 40)) for n in range(count)]


def study() -> str:
    """What a report has: verdicts, a wide table, curves with bands, marks, NaN and a spike."""
    x = np.arange(100_000.0)
    spiked = np.full(x.size, 1.0)
    spiked[SPIKE_AT] = SPIKE
    spiked[[500, 90_000]] = np.nan, np.inf
    epoch = np.arange(1.0, 51)
    rising = 90 - 40 * np.exp(-epoch / 8)
    wide = [[f"run{n}", *(f"{n}.{column}" for column in range(20))] for n in range(6)]
    blocks = [
        page.chart(page.Chart(title="seven", x_label="step", y_label="loss", lines=curves(7))),
        page.chart(
            page.Chart(
                title="spike",
                x_label="step",
                y_label="loss",
                lines=[
                    page.Line(name="spiked", x=x, y=spiked, marks=[(3000, "batch 64 -> 32 x 2")])
                ],
            )
        ),
        page.chart(
            page.Chart(
                title="seeds",
                x_label="epoch",
                y_label="val_acc (%)",
                lines=[
                    page.Line(name="ours", x=epoch, y=rising, band=(rising - 2, rising + 2)),
                    page.Line(name="baseline", x=epoch, y=rising - 6, dashed=True),
                ],
                goal=92,
            )
        ),
    ]
    folded = page.chart(page.Chart(title="folded", x_label="step", y_label="y", lines=curves(1)))
    return page.document(
        "Night",
        [
            page.Section("Verdicts", [page.status_list([page.Status("good", "ours", "+2.1")])]),
            page.Section("Table", [page.table(["run", *map(str, range(20))], wide, best={2})]),
            page.Section("Curves", blocks),
            page.Section("More", [page.details("Settings", [page.paragraph("weight decay 0.05")])]),
            page.Section("Folded", [page.details("Curve", [folded])]),
        ],
        note="from 3 runs",
    )


def hostile() -> str:
    """Every place that takes text holds text that would act if it were not escaped."""
    x = np.arange(10.0)
    sections = [
        page.Section(
            name,
            [
                page.paragraph(name),
                page.commands([name]),
                page.facts([(name, page.Cell(name, title=name, note=name))]),
                page.status_list([page.Status("bad", name, name)]),
                page.table([name], [[page.Cell(name, title=name, strong=True)]], caption=name),
                page.details(name, [page.paragraph(name)]),
                page.chart(
                    page.Chart(
                        title=name,
                        x_label=name,
                        y_label=name,
                        note=name,
                        goal_label=name,
                        goal=4,
                        lines=[page.Line(name=name, x=x, y=x, marks=[(3, name)])],
                    )
                ),
            ],
        )
        for name in HOSTILE
    ]
    return page.document(HOSTILE[0], sections, note=HOSTILE[1])


def odd() -> str:
    """Charts of nothing, of one point, of NaN alone, of the largest and the smallest numbers."""
    x = np.arange(5.0)
    shapes: dict[str, list[page.Line]] = {
        "no lines": [],
        "no points": [page.Line(name="a", x=[], y=[])],
        "one point": [page.Line(name="a", x=[3], y=[7])],
        "nothing finite": [page.Line(name="a", x=x, y=x * np.nan)],
        "constant": [page.Line(name="a", x=x, y=x * 0 + 2)],
        "below zero": [page.Line(name="a", x=x, y=-x)],
        "largest": [page.Line(name="a", x=x, y=[1e300, -1e300, 0, 1e38, 5])],
        "smallest": [page.Line(name="a", x=x, y=x * 1e-30)],
        "far away": [page.Line(name="a", x=1.7e9 + x, y=x)],
        "one place": [page.Line(name="a", x=np.full(5, 7.0), y=x)],
        "a hundred": curves(100, 20),
    }
    blocks = [
        page.chart(
            page.Chart(title=title, x_label="x", y_label="y", lines=lines, goal=3, log_y=log)
        )
        for title, lines in shapes.items()
        for log in (False, True)
    ]
    return page.document("Odd", [page.Section("", blocks)])


def written(folder: Path, text: str) -> str:
    """The address of the page in a file."""
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    return path.as_uri()
