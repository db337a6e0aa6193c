"""Several runs beside each other: what differed, the primary metric, and what was repaired."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from overnight.core import text
from overnight.results import summary, wording

NOTE = "n = 1: one seed each, so no difference here is proven"
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_FLAG = re.compile(r"--?[A-Za-z]")
_OPEN_FLAG = re.compile(r"--?[A-Za-z][^=\s]*")
_HEADER = ("run", "state", "what differed", "best", "at", "last", "n", "repairs")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`differs` has for each run the words of its command and environment that not all share.

    `best` holds the runs with the best primary value; empty where fewer than two have one.
    """

    results: tuple[summary.RunResult, ...]
    primary: str | None
    differs: tuple[tuple[str, ...], ...]
    best: frozenset[str]

    def to_json(self) -> dict[str, Any]:
        rows = zip(self.results, self.differs, strict=True)
        return {
            "primary": self.primary,
            "best": sorted(self.best),
            "note": NOTE,
            "runs": [{**each.to_json(), "differs": list(words), "n": 1} for each, words in rows],
        }


def compare(
    results: Sequence[summary.RunResult], code: Mapping[str, str] = MappingProxyType({})
) -> Comparison:
    """`code` says in words, by snapshot, how its files differ; a hash where it does not know."""
    primary = next((each.primary for each in results if each.primary), None)
    return Comparison(
        results=tuple(results),
        primary=primary,
        differs=_differences([_items(each, code) for each in results]),
        best=_best(results, primary),
    )


def table(comparison: Comparison, *, color: bool = False, width: int | None = None) -> str:
    """For a terminal: columns, the best row bold, the note below; ends with a newline.

    Where it is wider than `width` columns, the runs stand below each other.
    """
    rows = [_row(comparison, index) for index in range(len(comparison.results))]
    shown = [tuple(text.printable(cell) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(_HEADER, *shown, strict=True)]
    lines = [_columns(_HEADER, widths)]
    for result, row in zip(comparison.results, shown, strict=True):
        best = color and result.run in comparison.best
        lines.append(wording.bold(_columns(row, widths), color=best))
    if width is not None and any(len(wording.without_bold(line)) > width for line in lines):
        lines = [line for row in shown for line in _stacked(row, width)]
    return "\n".join([*_heading(comparison), *lines, "", NOTE]) + "\n"


def _stacked(row: Sequence[str], width: int) -> Iterator[str]:
    """One run: its name and state, then a line for each of the other cells."""
    yield f"{row[0]}  {row[1]}"
    indent = 2 + max(map(len, _HEADER)) + 2
    for name, cell in zip(_HEADER[2:], row[2:], strict=True):
        wrapped = textwrap.wrap(cell, max(20, width - indent)) or [""]
        yield f"  {name:<{indent - 4}}  {wrapped[0]}"
        yield from (" " * indent + rest for rest in wrapped[1:])


def markdown(comparison: Comparison) -> str:
    """The same table for a paper's draft or an issue; the best value is bold."""
    lines = ["| " + " | ".join(_HEADER) + " |", "|" + " --- |" * len(_HEADER)]
    for index, result in enumerate(comparison.results):
        row = [_escaped(cell) for cell in _row(comparison, index)]
        if result.run in comparison.best:
            row[3] = f"**{row[3]}**"
        lines.append("| " + " | ".join(row) + " |")
    heading = [_escaped(line) for line in _heading(comparison)]
    return "\n".join([*heading, *([""] if heading else []), *lines, "", NOTE]) + "\n"


def _heading(comparison: Comparison) -> list[str]:
    """What is compared, and with which baseline."""
    if comparison.primary is None:
        return ["no primary metric: set primary and goal under [metrics] in overnight.toml"]
    baseline = next((each.baseline for each in comparison.results if each.baseline), None)
    if baseline is None:
        return [text.printable(comparison.primary)]
    source = f" ({baseline.source})" if baseline.source else ""
    against = f"baseline {wording.number(baseline.value)}{source}"
    return [text.printable(f"{comparison.primary}, {against}")]


def _row(comparison: Comparison, index: int) -> tuple[str, ...]:
    result = comparison.results[index]
    metric = result.metrics.get(comparison.primary or "")
    best = metric.best if metric else None
    return (
        result.run,
        result.state,
        " ".join(comparison.differs[index]) or "-",
        wording.number(best.value) if best else "-",
        (wording.place(best) if best else "") or "-",
        wording.number(metric.last.value) if metric else "-",
        "1",
        "; ".join(wording.repair(each) for each in result.repairs) or "-",
    )


def _best(results: Sequence[summary.RunResult], primary: str | None) -> frozenset[str]:
    metrics = {each.run: each.metrics.get(primary or "") for each in results}
    values = {run: (m.best.value, m.goal) for run, m in metrics.items() if m and m.best}
    goals = {goal for _, goal in values.values()}
    if len(values) < 2 or len(goals) != 1:
        return frozenset()
    choose = min if goals == {"min"} else max
    top = choose(value for value, _ in values.values())
    return frozenset(run for run, (value, _) in values.items() if value == top)


def _items(result: summary.RunResult, known: Mapping[str, str]) -> list[str]:
    """Command, point and environment as words that may differ: `--lr 0.1` is one of them."""
    items: list[str] = []
    for word in result.command:
        open_flag = bool(items) and _OPEN_FLAG.fullmatch(items[-1])
        if open_flag and not _FLAG.match(word):
            items[-1] += f" {word}"
        else:
            items.append(word)
    snapshot = result.provenance.get("snapshot")
    code = [known.get(snapshot, f"code {snapshot}")] if snapshot else []
    point = [f"{key} = {value}" for key, value in result.point.items()]
    return [each for each in items + point + _environment(result.env) + code if each]


def _environment(env: Mapping[str, str]) -> list[str]:
    """`NAME=value`, without the value where the name says that it is a secret."""
    return [
        f"{name}={'(hidden)' if _SECRET.search(name) else value}"
        for name, value in sorted(env.items())
    ]


def _differences(items: Sequence[list[str]]) -> tuple[tuple[str, ...], ...]:
    shared = set.intersection(*map(set, items)) if items else set()
    return tuple(tuple(each for each in one if each not in shared) for one in items)


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _escaped(cell: str) -> str:
    shown = text.printable(cell).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return re.sub(r"([*_`])", r"\\\1", shown)
