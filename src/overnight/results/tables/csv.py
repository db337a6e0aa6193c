"""A comparison as CSV: one row an arm, plain numbers, for other programs."""

from __future__ import annotations

import csv
import io
import math

from overnight.results.comparison.arms import Arm, Comparison, Stat, Test
from overnight.results.tables.escaping import csv_text

Cell = str | int | float

HEADER = (
    "arm", "baseline", "metric", "goal", "which", "n", "planned", "mean", "sd", "low95", "high95",
    "against", "test", "difference", "difference_low95", "difference_high95", "p", "p_holm", "best",
    "runs", "not_counted", "altered",
)  # fmt: skip


def table(found: Comparison) -> str:
    """Numbers in full; empty where there is none. No cell acts as a formula."""
    keys = list(dict.fromkeys(key for arm in found.arms for key in arm.config))
    others = [each.name for each in found.metrics if each.name != found.metric]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header = [*HEADER, *(f"config.{key}" for key in keys)]
    header += [f"{name}.{part}" for name in others for part in ("n", "mean", "sd")]
    writer.writerow([csv_text(each) for each in header])
    for arm in found.arms:
        cells = row(found, arm)
        cells += [csv_text(str(arm.config.get(key, ""))) for key in keys]
        cells += [cell for name in others for cell in numbers(arm.stats.get(name))[:3]]
        writer.writerow(cells)
    return out.getvalue()


def row(found: Comparison, arm: Arm) -> list[Cell]:
    n, *told = numbers(found.stat(arm))
    return [
        csv_text(arm.label),
        int(arm.is_baseline),
        csv_text(found.metric or ""),
        found.goal or "",
        found.which,
        n or 0,
        len(arm.outcomes),
        *told,
        *tested(found.test(arm.label)),
        int(arm.label in found.indistinguishable),
        csv_text(" ".join(each.run for each in arm.pooled)),
        csv_text(" ".join(each.outcome.run for each in arm.left_out)),
        csv_text(" ".join(each.run for each in arm.altered)),
    ]


def tested(test: Test | None) -> list[Cell]:
    if test is None:
        return [""] * 7
    values = (test.difference, test.low, test.high, test.p, test.p_holm)
    return [csv_text(test.against), test.kind, *map(number, values)]


def numbers(stat: Stat | None) -> list[Cell]:
    if stat is None:
        return [""] * 5
    return [stat.n, *map(number, (stat.mean, stat.sd, stat.low, stat.high))]


def number(value: float | None) -> Cell:
    """As Python writes it, which reads back as the same number."""
    return "" if value is None or not math.isfinite(value) else value
