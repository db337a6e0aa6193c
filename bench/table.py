"""The figures and the one table that they make. Pure: numbers in, text and JSON out."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

COLUMNS = ("figure", "ours", "peer", "", "ours / peer", "target", "reached")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One row. `ours` and `peer` are measurements in `unit`, in the order they were taken.

    `target` is the largest good value: of the ratio where there is a peer, else of the median;
    None where the row is there for comparison only.
    """

    name: str
    unit: str
    ours: Sequence[float]
    peer_name: str = ""
    peer: Sequence[float] = ()
    target: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.ours)

    @property
    def ratio(self) -> float | None:
        """The median of the ratios pair by pair: both of a pair met the same weather."""
        if not self.peer:
            return None
        return statistics.median(a / b for a, b in zip(self.ours, self.peer, strict=True))

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        return (self.median if self.ratio is None else self.ratio) <= self.target

    def to_json(self) -> dict[str, Any]:
        return {
            "figure": self.name,
            "unit": self.unit,
            "ours": summary(self.ours),
            "peer": {"name": self.peer_name, **summary(self.peer)} if self.peer else None,
            "ratio": self.ratio,
            "target": self.target,
            "reached": self.reached,
        }


def summary(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def written(figures: Sequence[Figure], as_json: bool) -> str:
    if not as_json:
        return render(figures)
    return json.dumps({"figures": [each.to_json() for each in figures]}, indent=2)


def render(figures: Sequence[Figure]) -> str:
    rows = [COLUMNS, *(cells(figure) for figure in figures)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:]])


def cells(figure: Figure) -> tuple[str, ...]:
    ratio, shown = figure.ratio, number(figure.unit)
    return (
        figure.name,
        spread(figure.ours, figure.unit),
        figure.peer_name,
        spread(figure.peer, figure.unit) if figure.peer else "",
        f"{ratio:.2f}" if ratio is not None else "",
        "" if figure.target is None else target(figure, shown),
        {True: "yes", False: "NO", None: ""}[figure.reached],
    )


def target(figure: Figure, shown: Callable[[float], str]) -> str:
    assert figure.target is not None
    if figure.peer:
        return f"<= {figure.target:g} x"
    return f"<= {shown(figure.target)} {figure.unit}"


def spread(values: Sequence[float], unit: str) -> str:
    """`412 (398-530) ms`: the median, the smallest and the largest."""
    shown = number(unit)
    if len(values) == 1:
        return f"{shown(values[0])} {unit}"
    return f"{shown(statistics.median(values))} ({shown(min(values))}-{shown(max(values))}) {unit}"


def number(unit: str) -> Callable[[float], str]:
    """Milliseconds are whole; everything else has as many decimals as it takes to compare it."""
    return "{:.0f}".format if unit == "ms" else "{:.2f}".format
