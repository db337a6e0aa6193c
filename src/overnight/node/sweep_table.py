"""The results of a sweep by point, as a server knows them: numbers and a text for `cat`. Pure.

A run whose experiment was changed by a repair is listed apart and never pooled with the others
(law 7); only runs that have finished count towards a mean. The laptop, which sees all servers,
tells more (`overnight sweep results`).
"""

from __future__ import annotations

import json
import math
from typing import Any, Iterable, Mapping, NamedTuple, Sequence, Tuple

Record = Mapping[str, Any]
Row = Tuple[str, ...]
FINISHED, NEEDS_DECISION = "finished", "needs-decision"
MESSAGE_LINES = 12
POINT_WIDTH = 44


class Group(NamedTuple):
    """The runs of one point. `pooled` are those that have finished as they were meant."""

    point: Mapping[str, Any]
    is_base: bool
    runs: list[Record]
    pooled: list[Record]

    def values(self, which: str = "best") -> list[float]:
        found = (run.get(which) for run in self.pooled)
        return [each["value"] for each in found if each and each.get("value") is not None]


def groups(records: Iterable[Record], goal: str | None) -> list[Group]:
    """Best mean first; points without a value at the end, in the order of the sweep."""
    by_point: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda each: (int(each.get("index") or 0), each["run"])):
        by_point.setdefault(point_key(record), []).append(record)
    found = [
        Group(
            runs[0].get("point") or {},
            any(each.get("base") for each in runs),
            runs,
            [each for each in runs if is_pooled(each)],
        )
        for runs in by_point.values()
    ]
    return sorted(found, key=lambda group: rank(group, goal))


def point_key(record: Record) -> str:
    return json.dumps(record.get("point") or {}, sort_keys=True)


def is_pooled(record: Record) -> bool:
    return record.get("state") == FINISHED and not record.get("changed")


def rank(group: Group, goal: str | None) -> float:
    """Ascending: the smaller, the better."""
    values = group.values()
    if not values or goal not in ("min", "max"):
        return math.inf
    return mean(values) if goal == "min" else -mean(values)


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def deviation(values: list[float]) -> float | None:
    """The standard deviation of a sample; None for fewer than two values."""
    if len(values) < 2:
        return None
    middle = mean(values)
    return math.sqrt(math.fsum((each - middle) ** 2 for each in values) / (len(values) - 1))


def titles(found: Sequence[Group]) -> list[str]:
    """What each point is called: `lr=0.0003`, without what all have, or the base, in common.

    The base is called by what others change of it.
    """
    keys = dict.fromkeys(key for group in found for key in group.point)
    varied = [key for key in keys if len({value_key(group.point, key) for group in found}) > 1]
    base = next((group.point for group in found if group.is_base), None)
    called = []
    for group in found:
        mine = [key for key in varied if key in group.point]
        if base is not None and not group.is_base:
            mine = [key for key in mine if value_key(group.point, key) != value_key(base, key)]
        shown = " ".join(f"{key}={shown_value(group.point[key])}" for key in mine)
        called.append((shown or point_text(group.point)) + (" (base)" if group.is_base else ""))
    return called


def value_key(point: Mapping[str, Any], key: str) -> str:
    return json.dumps(point[key]) if key in point else ""


def point_text(point: Mapping[str, Any]) -> str:
    shown = " ".join(f"{key}={shown_value(value)}" for key, value in point.items())
    return shown or "(as it is)"


def shown_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def number(value: float) -> str:
    return f"{value:.6g}"


# -- for people -------------------------------------------------------------------------------


def text(table: Mapping[str, Any]) -> str:
    """table.txt: what was compared, a line for each point, then every run."""
    found = groups(table["runs"], table.get("goal"))
    named = table.get("primary")
    head = [
        f"sweep {table['sweep']} on {table['server']}: {counted(table)}",
        f"{named} ({table.get('goal')}), best of each run" if named else NO_PRIMARY,
    ]
    rows = map(point_row, found, titles(found))
    points: list[Row] = [("point", "n", "mean of best", "sd", "runs"), *rows]
    runs: list[Row] = [("run", "seed", "state", "best", "at", "last", "took", "note")]
    runs += [run_row(each) for group in found for each in group.runs]
    blocks = [head, columns(points), columns(runs), notes(table)]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


NO_PRIMARY = "no primary metric: set primary and goal under [metrics] in overnight.toml"


def counted(table: Mapping[str, Any]) -> str:
    """3 of 5 runs are on this server: 2 finished, 1 failed"""
    here, total = len(table["runs"]), max(int(table.get("total") or 0), len(table["runs"]))
    of = f"{here} runs" if here == total else f"{here} of {total} runs are on this server"
    return f"{of}: {states(table['runs'])}"


def states(runs: Iterable[Record]) -> str:
    by_state: dict[str, int] = {}
    for each in runs:
        state = in_words(str(each.get("state")))
        by_state[state] = by_state.get(state, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in sorted(by_state.items()))


def in_words(state: str) -> str:
    return "needs a decision" if state == NEEDS_DECISION else state


def point_row(group: Group, called: str) -> Row:
    values = group.values()
    sd = deviation(values)
    return (
        called,
        str(len(values)),
        number(mean(values)) if values else "-",
        f"{sd:.2g}" if sd is not None else "-",
        " ".join(str(each["run"]) for each in group.pooled) or "-",
    )


def run_row(record: Record) -> Row:
    best, last = record.get("best") or {}, record.get("last") or {}
    return (
        str(record["run"]),
        "-" if record.get("seed") is None else str(record["seed"]),
        in_words(str(record.get("state"))),
        value_text(best),
        place_text(best),
        value_text(last),
        took(record.get("duration_s")),
        note(record),
    )


def value_text(told: Mapping[str, Any]) -> str:
    return number(told["value"]) if told.get("value") is not None else "-"


def place_text(told: Mapping[str, Any]) -> str:
    if told.get("epoch") is not None:
        return f"epoch {number(told['epoch'])}"
    return f"step {told['step']}" if told.get("step") is not None else "-"


def took(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def note(record: Record) -> str:
    """What was repaired, and why it did not finish."""
    repairs = record.get("repairs") or []
    told = [f"{each.get('class')}: {each.get('change')}" for each in repairs]
    if record.get("changed"):
        told.insert(0, "CHANGED BY A REPAIR, not in the mean")
    if record.get("state") != FINISHED and record.get("reason"):
        told.append(str(record["reason"]))
    return "; ".join(told) or "-"


def notes(table: Mapping[str, Any]) -> list[str]:
    """What the numbers do not prove, and where the rest is."""
    found = groups(table["runs"], table.get("goal"))
    kept = []
    if found and all(len(group.values()) <= 1 for group in found):
        kept.append("one seed each: no difference here is proven")
    if len(table["runs"]) < int(table.get("total") or 0):
        kept.append("the other runs lie on other servers")
    return [*kept, f"all of it, with intervals: overnight sweep results {table['sweep']}"]


def columns(rows: list[Row]) -> list[str]:
    shown = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in shown
    ]


def plain(cell: str) -> str:
    """On one line, and without what a terminal might obey."""
    return "".join(each if each.isprintable() else " " for each in cell)


# -- for a message ----------------------------------------------------------------------------


def message_lines(table: Mapping[str, Any]) -> list[str]:
    """At most a dozen lines: points by rank, what failed, what was repaired, where the rest is."""
    found = groups(table["runs"], table.get("goal"))
    tail = [*trouble(table["runs"]), *elsewhere(table)]
    room = max(1, MESSAGE_LINES - 2 - len(tail))
    shown = found if len(found) <= room else found[: room - 1]
    lines = [f"{table['primary']}, best of each run:"] if table.get("primary") else [NO_PRIMARY]
    lines += [point_line(*each) for each in zip(shown, titles(found))]
    if len(found) > len(shown):
        lines.append(f"and {len(found) - len(shown)} points more")
    return [
        plain(line) for line in [*lines, *tail, f"next: overnight sweep results {table['sweep']}"]
    ]


def point_line(group: Group, called: str) -> str:
    """lr=0.0003  93.7 (n 3, sd 0.2)"""
    values = group.values()
    sd = deviation(values)
    spread = f", sd {sd:.2g}" if sd is not None else ""
    told = f"{number(mean(values))} (n {len(values)}{spread})" if values else "no value"
    return f"  {shortened(called)}  {told}"


def shortened(name: str) -> str:
    return name if len(name) <= POINT_WIDTH else name[: POINT_WIDTH - 1] + "…"


def trouble(runs: Iterable[Record]) -> list[str]:
    """One line for what did not finish, and one for what was repaired."""
    bad: dict[str, list[str]] = {}
    repaired = []
    for each in runs:
        state = str(each.get("state"))
        if state != FINISHED:
            kind = f" ({each['class']})" if each.get("class") and state != "stopped" else ""
            bad.setdefault(in_words(state), []).append(f"{each['run']}{kind}")
        if each.get("repairs"):
            mark = " CHANGED THE EXPERIMENT" if each.get("changed") else ""
            repaired.append(f"{each['run']} {len(each['repairs'])}x{mark}")
    lines = [f"{state}: {listed(names)}" for state, names in sorted(bad.items())]
    return lines + ([f"repaired: {listed(repaired)}"] if repaired else [])


def listed(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def elsewhere(table: Mapping[str, Any]) -> list[str]:
    here, total = len(table["runs"]), int(table.get("total") or 0)
    if here >= total:
        return []
    return [
        f"{here} of {total} runs are on {table['server']}; the others report from their servers"
    ]
