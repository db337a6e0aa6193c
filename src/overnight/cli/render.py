"""How times, states and runs look on a terminal. Pure: values in, text out."""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from overnight.cli import terminal
from overnight.core import durations, views

NOTE_COLUMN = 5
NARROWEST = 30  # columns that are left for sentences
SWEEP_LINES = 15  # more runs of one sweep than that are one line
NAMES_SHOWN = 8
NEEDS_A_PERSON = ("needs-decision", "failed", "lost", views.MOVED)
STATES = (
    *("running", "starting", "repairing", "queued", "unreachable", "finished", "stopped"),
    *NEEDS_A_PERSON,
)

duration = durations.text


def ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{duration(seconds)} ago"


def clock(at: float) -> str:
    """02:14, with the day where it is not today."""
    then, now = time.localtime(at), time.localtime()
    same_day = then[:3] == now[:3]
    return time.strftime("%H:%M" if same_day else "%d %b %H:%M", then)


def repaired(run: views.RunView) -> str:
    """repaired 1x: cuda_oom at 02:14, batch 64 -> batch 32 x 2"""
    if not run.repairs:
        return ""
    last = run.repairs[-1]
    change = last.change.split(" (")[0]
    return f"repaired {len(run.repairs)}x: {last.failure} at {clock(last.at)}, {change}"


def flagged(run: views.RunView) -> str:
    """overfit: val_loss best 0.41 at epoch 12, rising since"""
    told = [f"{each.get('finding')}: {each.get('sentence')}" for each in run.flags]
    return "; ".join(told)


def gpus(run: views.RunView) -> str:
    """GPU 0-3, or GPU 0,2; by UUID where an older node told no numbers."""
    if not run.gpus or run.ended:
        return ""
    numbers = sorted(run.gpu_indices)
    if not numbers:
        return "GPU " + ",".join(uuid[:8] for uuid in run.gpus)
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"GPU {numbers[0]}-{numbers[-1]}"
    return "GPU " + ",".join(map(str, numbers))


def state(run: views.RunView, reachable: bool) -> str:
    """As the laptop sees it: a run on a server that is away is `unreachable`, not what it was."""
    if reachable or run.ended:
        return run.state
    return "unreachable"


def silence(run: views.RunView) -> str:
    """Said where a run that should give signs of life gave none for too long."""
    return f"no sign of life for {duration(run.silent_s)}" if run.is_silent else ""


def starts(run: views.RunView) -> str:
    """Of a run that waits, where its server has an idea."""
    if run.state != "queued" or run.starts_in_s is None:
        return ""
    return f"starts in {duration(run.starts_in_s)}" if run.starts_in_s >= 1 else "starts soon"


def run_line(run: views.RunView, reachable: bool) -> list[str]:
    """The cells of one run: name, state, place, loss, time left or what matters, GPUs."""
    loss = f"loss {run.loss:.4g}" if run.loss is not None and not run.ended else ""
    is_sure = reachable and not run.is_silent
    left = f"{duration(run.eta_s)} left" if run.eta_s is not None and is_sure else ""
    start = starts(run) if is_sure else ""
    silent = silence(run) if reachable else ""
    last = f"last seen {run.state}" if not reachable and not run.ended else ""
    why = run.reason if run.state not in ("finished", "running") else ""
    why = "results ready" if run.state == "finished" else why
    notes = (silent, left, start, last, flagged(run), repaired(run), why)
    note = "  ".join(part for part in notes if part)
    return [run.name, state(run, reachable), run.place, loss, note, gpus(run)]


def status(servers: Sequence[views.ServerView], *, every_run: bool = False) -> str:
    """One glance, all servers; columns as wide as their widest cell.

    Many runs of one sweep are one line, unless `every_run`.
    """
    rows: list[list[str]] = []
    for server in servers:
        lines = list(server_lines(server, every_run))
        rows += [[server.name if n == 0 else "", *line] for n, line in enumerate(lines)]
    return table(rows, sentences=NOTE_COLUMN)


def server_lines(server: views.ServerView, every_run: bool) -> Iterator[list[str]]:
    """The cells of what is told of one server; a single one is a sentence."""
    if not server.reachable:
        yield [away(server)]
    if server.is_old:
        yield [f"as it was {ago(server.age_s)}; nobody was asked now"]
    sizes = Counter(run.sweep for run in server.runs if run.sweep)
    summed = set() if every_run else {name for name, n in sizes.items() if n > SWEEP_LINES}
    told: set[str] = set()
    for run in server.runs:
        if run.sweep not in summed:
            yield run_line(run, server.reachable)
        elif run.sweep not in told:
            told.add(run.sweep)
            yield [sweep_line(run.sweep, server)]
    if not server.runs and server.reachable:
        yield ["no runs"]


def away(server: views.ServerView) -> str:
    since = f" since {clock(server.away_since)}" if server.away_since is not None else ""
    seen = "never seen" if server.age_s is None else f"last seen {ago(server.age_s)}"
    return f"unreachable{since}, {seen}: {server.problem}"


def sweep_line(name: str, server: views.ServerView) -> str:
    """sweep lr-abl  12 running, 30 queued, 8 finished, 1 failed: lr0.1-s2"""
    runs = [run for run in server.runs if run.sweep == name]
    counts = Counter(state(run, server.reachable) for run in runs)
    parts = [f"{n} {each}" for each, n in sorted(counts.items(), key=in_order_of_states)]
    bad = [run.name for run in runs if run.state in NEEDS_A_PERSON]
    return f"sweep {name}  {', '.join(parts)}" + (f": {some(bad)}" if bad else "")


def in_order_of_states(counted: tuple[str, int]) -> tuple[int, str]:
    """What needs a person comes last, so that its names can follow."""
    name = counted[0]
    return (STATES.index(name) if name in STATES else len(STATES), name)


def some(names: Sequence[str]) -> str:
    """The first ones by name, and how many more there are."""
    more = len(names) - NAMES_SHOWN
    return " ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def table(rows: Sequence[Sequence[str]], sentences: int | None = None) -> str:
    """Left-aligned columns; a row of two cells is a sentence and does not widen the columns.

    `sentences`: the column that goes on below itself where the terminal is too narrow.
    """
    shown = [[terminal.safe_text(cell).replace("\n", " ") for cell in row] for row in rows]
    widths: list[int] = []
    for row in shown:
        for n, cell in enumerate(row if len(row) > 2 else row[:1]):
            if n == len(widths):
                widths.append(0)
            widths[n] = max(widths[n], len(cell))
    indent = sum(width + 2 for width in widths[:sentences] if width) if sentences else None
    lines = [line(row, widths) for row in shown]
    return "\n".join(lines if indent is None else [fitted(each, indent) for each in lines])


def fitted(text: str, indent: int) -> str:
    """A line that is too long for the terminal goes on below its column of sentences."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else len(text)
    if len(text) <= width or indent > width - NARROWEST:
        return text
    rest = textwrap.wrap(text[indent:], width - indent)
    return text[:indent] + ("\n" + " " * indent).join(rest)


def line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(widths[n] if n < len(widths) else 0) for n, cell in enumerate(row)]
    kept = [cell for n, cell in enumerate(cells) if n >= len(widths) or widths[n]]
    return "  ".join(kept).rstrip()


def brief(servers: Sequence[views.ServerView]) -> str:
    """Two lines, however many runs there are: how they stand, and what needs a person."""
    runs = [run for server in servers for run in server.runs]
    counts = Counter(state(run, server.reachable) for server in servers for run in server.runs)
    first = ", ".join(f"{n} {name}" for name, n in sorted(counts.items(), key=in_order_of_states))
    sweeps = {run.sweep for run in runs if run.sweep}
    first += f" ({len(sweeps)} sweep{'s' * (len(sweeps) > 1)})" if sweeps else ""
    notes = list(worries(servers))
    parts = [first or "no runs", *next_end(servers)]
    return f"{'; '.join(parts)}\n{'; '.join(notes) or 'nothing needs you'}"


def next_end(servers: Sequence[views.ServerView]) -> Iterator[str]:
    """The run that will end first, of those whose time left is known and to be relied on."""
    left = [
        (run.eta_s, run.name)
        for server in servers
        if server.reachable and not server.is_old
        for run in server.runs
        if run.eta_s is not None and not run.is_silent
    ]
    if left:
        eta_s, name = min(left)
        yield f"next end: {name} in {duration(eta_s)}"


def worries(servers: Sequence[views.ServerView]) -> Iterator[str]:
    runs = [run for server in servers for run in server.runs]
    if bad := [run.name for run in runs if run.state in NEEDS_A_PERSON]:
        yield f"look at: {some(bad)}"
    if gone := [server.name for server in servers if not server.reachable]:
        yield f"unreachable: {' '.join(gone)}"
    if silent := [
        run.name for each in servers if each.reachable for run in each.runs if run.is_silent
    ]:
        yield f"no sign of life: {some(silent)}"
    yield from (f"{each.name} as it was {ago(each.age_s)}" for each in servers if each.is_old)
    if repairs := sum(len(run.repairs) for run in runs):
        yield f"repairs: {repairs}"


def event(server: str, run: str, value: dict[str, object]) -> str:
    """One line per event."""
    at = clock(float(str(value.get("time", 0))))
    kind = str(value.get("type", "")).replace("_", " ")
    told = [
        f"{key}={value[key]}"
        for key in ("attempt", "label", "class", "change", "exit_code", "signal", "reason", "by")
        if value.get(key) not in (None, "")
    ]
    return terminal.safe_text(f"{at}  {server}  {run}  {kind}  {'  '.join(told)}".rstrip())
