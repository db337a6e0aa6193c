"""One result as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from overnight.core import text
from overnight.results import summary, wording
from overnight.results.health import health_lines
from overnight.results.runs import measures, run_files
from overnight.results.series import Point
from overnight.results.tables import layout

_LABEL_WIDTH, _WIDEST = 12, 44
MOST_NAMES = 5
MOST_OTHERS = 100
MOST_PARTS = 3


def result(
    found: summary.RunResult,
    *,
    color: bool = False,
    width: int | None = None,
    sources: bool = False,
) -> str:
    """What `overnight results RUN` prints; ends with a newline. `color` for terminals.

    `width`: that of the terminal, for sentences; commands and places stay in one piece. `sources`:
    with the file and line of every number.
    """
    blocks = [
        [_title(found, color=color)],
        list(_primary(found, color=color)),
        _block("others", list(_others(found))),
        _block("health", _fitted(map(text.printable, health_lines(found.health)), width)),
        _block("read", _fitted(_read(found.read), width)),
        _block("sources", list(_sources(found))) if sources else [],
        _block("repairs", list(_repairs(found))),
        _block("attempts", [_attempt(each) for each in found.attempts]),
        _block("provenance", list(_provenance(found))),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _title(found: summary.RunResult, *, color: bool) -> str:
    run, state = text.printable(found.run), text.printable(found.state)
    attempts = wording.count(len(found.attempts), "attempt")
    repairs = wording.count(len(found.repairs), "repair")
    return f"{wording.bold(run, color=color)}  {state}  {attempts}, {repairs}"


def _primary(found: summary.RunResult, *, color: bool) -> Iterator[str]:
    if found.primary is None:
        yield "no primary metric: set primary and goal under [metrics] in overnight.toml"
    elif found.primary not in found.metrics:
        known = text.printable(_named(list(found.metrics))) or "no metric at all"
        yield f"{text.printable(found.primary)} was not found; the run's files have: {known}"
    else:
        yield wording.bold(_lines(found)[found.primary], color=color)
    if found.baseline is not None:
        yield _baseline(found.baseline, _width(found))


def _lines(found: summary.RunResult) -> dict[str, str]:
    """`val_acc     best 93.7 at epoch 42   last 93.5 at epoch 50` by name, below each other."""
    shown = _shown(found)
    best = {metric.name: _best(metric) for metric in shown}
    size = min(max(map(len, best.values()), default=0), _WIDEST)
    return {metric.name: _line(found, metric, best[metric.name].ljust(size)) for metric in shown}


def _line(found: summary.RunResult, metric: measures.Metric, best: str) -> str:
    last = f"last {wording.number(metric.last.value)}{wording.at(metric.last)}"
    odd = f"   {wording.count(metric.nonfinite, 'value')} not finite" if metric.nonfinite else ""
    return f"{_label(metric.name, _width(found))}{best}   {last}{odd}"


def _best(metric: measures.Metric) -> str:
    if metric.best is not None:
        return f"best {wording.number(metric.best.value)}{wording.at(metric.best)}"
    return "best unknown" + (" (is lower or higher better?)" if metric.goal is None else "")


def _shown(found: summary.RunResult) -> list[measures.Metric]:
    """The primary metric, and as many of the others as are listed."""
    others = [metric for name, metric in found.metrics.items() if name != found.primary]
    primary = [metric for name, metric in found.metrics.items() if name == found.primary]
    return [*primary, *others[:MOST_OTHERS]]


def _width(found: summary.RunResult) -> int:
    """Of the names, so that the numbers stand below each other; not that of the odd long one."""
    longest = max((len(text.printable(each.name)) for each in _shown(found)), default=0)
    return max(_LABEL_WIDTH, min(longest + 2, _WIDEST))


def _label(name: str, width: int = _LABEL_WIDTH) -> str:
    return text.printable(name).ljust(width - 2) + "  "


def _baseline(against: summary.Against, width: int) -> str:
    source = f" ({text.printable(against.source)})" if against.source else ""
    shown = f"{_label('baseline', width)}{wording.number(against.value)}{source}"
    if against.difference is None:
        return f"{shown}   {against.note}"
    judged = "better" if against.better else "not better"
    return f"{shown}   difference {wording.signed(against.difference)}, {judged}; {against.note}"


def _others(found: summary.RunResult) -> Iterator[str]:
    yield from (line for name, line in _lines(found).items() if name != found.primary)
    if more := len(found.metrics) - len(_shown(found)):
        yield f"and {more} more (--json lists them)"


def _read(read: summary.Read) -> Iterator[str]:
    """What was done again, what was found twice, and what was passed over, a line each."""
    if read.repeated is not None:
        yield _repeated(read.repeated)
    others: dict[tuple[str, str], list[str]] = {}
    for each in read.unused:
        others.setdefault((each.path, each.used), []).append(each.name)
    for (path, used), metrics in others.items():
        what = _named(metrics)
        yield text.printable(f"not used: {what} of {path}, which {used} has as well")
    for passed in read.skipped:
        yield from _passed(passed)


def _repeated(found: measures.Repeat) -> str:
    first, last = wording.place(found.first), wording.place(found.last)
    part = f"{first} to {last}" if first != last else first
    values = wording.count(found.count, "value")
    told = f"done again after a resume: {part or 'a part'} ({values} of {found.metric})"
    return text.printable(f"{told}; what was done later counts")


def _named(metrics: Sequence[str]) -> str:
    more = len(metrics) - MOST_NAMES
    return ", ".join(metrics[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _passed(passed: run_files.Passed) -> Iterator[str]:
    for each in passed.skipped[:MOST_PARTS]:
        line = f":{each.line}" if each.line is not None else ""
        what = f" ({each.what})" if each.what else ""
        yield text.printable(f"skipped: {passed.path}{line}: {each.why}{what}")
    more = len(passed.skipped[MOST_PARTS:]) + passed.more
    if more:
        yield text.printable(f"skipped: {wording.count(more, 'more part')} of {passed.path}")


def _sources(found: summary.RunResult) -> Iterator[str]:
    """Each number with the file and line that it was read from."""
    for metric in list(found.metrics.values())[: MOST_OTHERS + 1]:
        told = [("best", metric.best), ("last", metric.last), ("not finite", metric.nonfinite_at)]
        for what, point in told:
            if point is not None:
                value = wording.number(point.value)
                yield f"{_label(metric.name, _width(found))}{what} {value}{_from(point)}"


def _from(point: Point) -> str:
    attempt = f" (attempt {point.attempt})" if point.attempt else ""
    return text.printable(f"  {measures.source(point)}{attempt}")


def _repairs(found: summary.RunResult) -> Iterator[str]:
    for each in found.repairs:
        yield f"{wording.moment(each.at)}  after attempt {each.attempt}  {wording.repair(each)}"


def _attempt(raw: Any) -> str:
    """`2  exit 0  batch 32 x 2  from ckpt_3.pt  GPU 0,1`."""
    label = raw.get("label") or raw.get("variant_label")
    checkpoint = f"from {raw['checkpoint']}" if raw.get("checkpoint") else None
    told = (str(raw.get("n", "?")), _ending(raw), label, checkpoint, _gpus(raw.get("gpus")))
    return "  ".join(text.printable(str(part)) for part in told if part)


def _ending(raw: Any) -> str:
    if raw.get("signal"):
        return f"signal {raw['signal']}"
    return "no exit record" if raw.get("exit_code") is None else f"exit {raw['exit_code']}"


def _gpus(raw: Any) -> str:
    return "GPU " + ",".join(str(gpu) for gpu in raw) if isinstance(raw, list) and raw else ""


def _provenance(found: summary.RunResult) -> Iterator[str]:
    from_launch = found.provenance
    told = {
        "commit": _commit(from_launch),
        "snapshot": from_launch.get("snapshot"),
        "server": from_launch.get("server"),
        "GPUs": _gpus(from_launch.get("gpus")).removeprefix("GPU "),
        "imported": from_launch.get("imported_from"),
        "launched": "" if from_launch.get("imported_from") else _launched(from_launch),
        "read from": ", ".join(from_launch.get("files") or []),
    }
    for name, value in told.items():
        if value:
            yield f"{_label(name)}{text.printable(str(value))}"
    if found.command:
        yield f"{_label('command')}{wording.shell(found.command)}"


def _commit(told: Any) -> str:
    if not told.get("commit"):
        return ""
    branch = f" on {told['branch']}" if told.get("branch") else ""
    dirty = ", with uncommitted changes" if told.get("dirty") else ""
    return f"{told['commit']}{branch}{dirty}"


def _launched(told: Any) -> str:
    created = told.get("created_at")
    when = wording.moment(created) if isinstance(created, (int, float)) else str(created or "")
    by = f" by {told['user']}" if told.get("user") else ""
    host = f" from {told['host']}" if told.get("host") else ""
    return f"{when}{by}{host}".strip()


def _fitted(sentences: Iterable[str], width: int | None) -> list[str]:
    """For a block, whose lines are indented."""
    room = width - 2 if width is not None else None
    return [line for each in sentences for line in layout.wrapped(each, room, indent="  ")]


def _block(title: str, lines: list[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines)] if lines else []
