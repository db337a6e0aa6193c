"""Forms of printed lines that stand alone, and names as they are written. Pure."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from overnight.core import output

NUMBER = r"[-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf(?:inity)?)"
VALUE = re.compile(NUMBER, re.IGNORECASE)
REACHED = re.compile(
    r"epoch (\d+), (?:global )?step (\d+): '?([\w./@-]+)'? reached (" + NUMBER + r") \(best", re.I
)
BOOSTED = re.compile(r"(?:\[[^]]*\]\s*)?\[(\d+)\]\s+(?=[\w']+[\w' @.-]*:)")
BOOSTED_PAIR = re.compile(
    r"([\w'][\w' @.-]*?)\s*:\s*(" + NUMBER + r")(?:\s*[+]\s*[\d.e-]+)?(?=\s|$)", re.I
)
CATBOOST = re.compile(r"(\d+):\s+(learn|test): ")
CATBOOST_PAIR = re.compile(r"(learn|test): (" + NUMBER + r")")
DARKNET = re.compile(r"\s*(\d+): (" + NUMBER + r"), (" + NUMBER + r") avg(?: loss)?, ", re.I)
COCO = re.compile(
    r".*average (?:precision|recall)\s+\((a[pr])\) @\[ ?iou=([\d.:]+)\s*\|\s*area=\s*(\w+)\s*\|"
    r"\s*maxdets=\s*(\d+)\s*\]\s*=\s*(\d+\.\d+)\s*$",
    re.IGNORECASE,
)
CELLS = re.compile(r"\s*[|\t]\s*|\s{2,}")
CLOCK = re.compile(r"\d+:\d\d(?::\d\d)?(?:\.\d+)?$")
PERCENT = re.compile(NUMBER + "%", re.IGNORECASE)
EMPTY = ("none", "-", "no log")
ALL_CLASSES = "all"


class Said(NamedTuple):
    """The values of a line: (name as written, split, value). `trouble`: why it was not read."""

    step: float | None
    epoch: float | None
    split: str | None
    values: tuple[tuple[str, str | None, float], ...]
    is_bar: bool = False
    trouble: str = ""


def cells(text: str) -> list[str]:
    return CELLS.split(text.strip().strip("|").strip())


def coco(text: str) -> Said | None:
    """A row of the COCO evaluation; -1, for what there was nothing of, is no value."""
    found = COCO.match(text)
    if not found:
        return None
    kind, overlap, area, most, value = found.groups()
    name = f"{kind} IoU={overlap} area={area} maxDets={most}"
    return Said(None, None, None, ((name, None, float(value)),))


def reached(text: str) -> Said | None:
    """Lightning's word about a checkpoint; what stands in its path is the same value again."""
    found = REACHED.match(text)
    if not found:
        return None
    name, split = found[3], output.split_of(found[3])
    return Said(float(found[2]), float(found[1]), split, ((name, split, float(found[4])),))


def boosted(text: str) -> Said | None:
    """Rounds of XGBoost, LightGBM and CatBoost, and Darknet's batches."""
    found = BOOSTED.match(text)
    if found:
        pairs = BOOSTED_PAIR.findall(text, found.end())
        kept = [(name, value) for name, value in pairs if _is_boosted(name)]
        values = tuple((name, _side(name), float(value)) for name, value in kept)
        return Said(float(found[1]), None, None, values) if values else None
    found = CATBOOST.match(text)
    if found:
        pairs = CATBOOST_PAIR.findall(text)
        values = tuple((n, "train" if n == "learn" else "test", float(v)) for n, v in pairs)
        return Said(float(found[1]), None, None, values)
    found = DARKNET.match(text)
    if found:
        both = (("loss", "train", float(found[2])), ("avg loss", "train", float(found[3])))
        return Said(float(found[1]), None, "train", both)
    return None


def _is_boosted(name: str) -> bool:
    return bool(re.match(r"(?:train|training|valid\w*|eval\w*|test\w*|dev)['\w]*[ -]", name)) or (
        output.is_metric(name, known_only=True)
    )


def _side(name: str) -> str | None:
    return output.split_of(name.split("_")[0].split("-")[0])


@functools.lru_cache(maxsize=512)
def _spelling(name: str) -> re.Pattern[str]:
    words = [re.escape(word) for word in name.split("_")]
    return re.compile(r"(?<![\w/.@-])" + r"(?:_|\.? )".join(words) + r"(?![\w/])", re.IGNORECASE)


def written(name: str, text: str) -> str:
    """The name as the line has it; `name` is in lower case and with `_` for spaces."""
    found = _spelling(name).search(text)
    return found[0] if found else name


def may_be_row(text: str) -> bool:
    """Whether the line holds nothing but what the rows of a table hold."""
    row = cells(text)
    row = row[1:] if row[0] == ALL_CLASSES else row
    return len(row) > 1 and all(map(is_cell, row))


def is_cell(cell: str) -> bool:
    return (
        bool(VALUE.fullmatch(cell) or PERCENT.fullmatch(cell) or CLOCK.match(cell))
        or cell.lower() in EMPTY
    )
