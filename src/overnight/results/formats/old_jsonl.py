"""`metrics.jsonl`: one JSON object a line."""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves, metrics_jsonl
from overnight.results.curves import Found, Mark

FORMAT = "metrics_jsonl"


def claims(path: Path, head: bytes) -> int:
    return curves.LIKELY if path.name.endswith(".jsonl") else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    table = curves.Table()
    for each in metrics_jsonl._values(path, path.name):
        point = each.point
        table.add(
            each.name, point.value, line=point.line, step=point.step, epoch=point.epoch,
            split=each.split,
        )  # fmt: skip
    return Found(format=FORMAT, curves=table.curves())
