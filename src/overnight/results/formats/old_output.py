"""What a training printed."""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves, points, printed
from overnight.results.curves import Found, Mark

FORMAT = "output"


def claims(path: Path, head: bytes) -> int:
    return curves.PERHAPS if path.suffix in (".log", ".out", ".txt") else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    table = curves.Table()
    before: dict[tuple[str, str | None], int] = {}
    rows: list[points.Value] = []
    for each in printed._log_values(path, path.name):
        key = (each.name, each.split)
        if key in before and printed._is_redrawn(rows[before[key]].point, each.point):
            rows[before[key]] = each
        else:
            before[key] = len(rows)
            rows.append(each)
    for each in rows:
        point = each.point
        table.add(
            each.name, point.value, line=point.line, step=point.step, epoch=point.epoch,
            split=each.split,
        )  # fmt: skip
    return Found(format=FORMAT, curves=table.curves())
