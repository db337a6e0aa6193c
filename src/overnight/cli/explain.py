"""overnight explain: what happened, readable in twenty seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from overnight.cli import common, render, terminal
from overnight.core import failures, views

LABEL = 15  # columns
MOST_LINES = 6
MOST_ATTEMPTS = 8


@common.verb(example="overnight explain train01")
@click.argument("run")
@common.server_option
@common.json_option
def command(run: str, server: str | None, as_json: bool) -> None:
    """What failed, why, what was tried, how it ended, and what to type now."""
    with common.project(as_json) as o:
        from overnight.app import following

        seen, view = following.run_view(o, run, server)
        common.emit(to_json(seen, view), text(seen, view), as_json)


def to_json(seen: views.ServerView, view: views.RunView) -> dict[str, object]:
    return {
        **view.to_json(),
        "server": seen.name,
        "reachable": seen.reachable,
        "age_s": seen.age_s,
        "reason": view.reason,
        "failure": view.failure,
        "noticed": view.row.get("noticed") or [],
        "attempts": view.row.get("attempts") or [],
        "next": next_commands(seen, view),
    }


def text(seen: views.ServerView, view: views.RunView) -> str:
    """One paragraph for each question; those without an answer are left out."""
    told = {
        "attempts": shortened(attempts(view)),
        "taken for": list(taken_for(view)),
        "seen": evidence(view),
        "noticed": noticed(view),
        "tried": [repair(each) for each in view.repairs],
        "now": [now(seen, view)],
        "to mend it": list(mend(view)),
        "type": next_commands(seen, view),
    }
    parts = [terminal.safe_text(f"{view.name} on {seen.name}: {headline(seen, view)}")]
    parts += [part for label, lines in told.items() if lines for part in labelled(label, lines)]
    return "\n".join(parts)


def labelled(label: str, lines: Sequence[str]) -> Iterator[str]:
    """Lines beside their label; a line too long for the terminal goes on below itself."""
    for line in lines:
        shown = terminal.safe_text(line).replace("\n", " ")
        yield render.fitted(f"{label:<{LABEL}}{shown}", LABEL)
        label = ""


def headline(seen: views.ServerView, view: views.RunView) -> str:
    if seen.reachable or view.ended:
        return view.state
    return f"unreachable, last seen {view.state} {render.ago(seen.age_s)}"


def now(seen: views.ServerView, view: views.RunView) -> str:
    if not seen.reachable and not view.ended:
        return f"{seen.name} cannot be reached; the run goes on there without us"
    place = view.place
    parts = [view.state, view.reason, "" if view.reason else place, render.silence(view)]
    return ", ".join(part for part in parts if part)


# --- what happened -----------------------------------------------------------------------------


def attempts(view: views.RunView) -> list[str]:
    listed = view.row.get("attempts") or []
    rows = []
    for number, attempt in enumerate(listed, 1):
        began = render.clock(attempt["started_at"])
        start = f", from {short(attempt['checkpoint'])}" if attempt.get("checkpoint") else ""
        rows.append([f"{number}", began, f"{attempt.get('label') or 'as typed'}{start}"])
        rows[-1].append(ending(attempt))
    return render.table(rows).splitlines()


def short(checkpoint: str) -> str:
    return checkpoint.rstrip("/").rsplit("/", 1)[-1]


def ending(attempt: dict[str, object]) -> str:
    """How it ended, and after what time."""
    if attempt.get("ended_at") is None:
        return "running"
    took_s = float(str(attempt["ended_at"])) - float(str(attempt["started_at"]))
    how = f"exit code {attempt.get('exit_code')}"
    if attempt.get("cause"):
        how = str(attempt["cause"]).replace("_", " ")
    elif attempt.get("signal"):
        how = f"signal {attempt['signal']}"
    return f"{how} after {render.duration(took_s)}"


def shortened(lines: list[str]) -> list[str]:
    """Of many attempts the first and the last ones."""
    if len(lines) <= MOST_ATTEMPTS:
        return lines
    kept = MOST_ATTEMPTS - 2
    left_out = f"… {len(lines) - kept - 1} more (--json has all)"
    return [lines[0], left_out, *lines[-kept:]]


def taken_for(view: views.RunView) -> Iterator[str]:
    """The last failure, in its own words, and how sure that is."""
    failure = view.failure
    if not failure:
        yield "nothing has failed"
        return
    name = str(failure.get("class"))
    facts = failure.get("facts") or {}
    said = facts.get("summary")
    rank = f", rank {facts['rank']}" if "rank" in facts else ""
    sure = f"attempt {failure.get('attempt')}{rank}, {failure.get('confidence') or 0:.0%} sure"
    yield f"{name} ({sure}): {failures.of(name).meaning}"
    if said and not any(str(said) in line for line in evidence(view)):
        yield str(said)


def evidence(view: views.RunView) -> list[str]:
    """The lines it was recognised by; the message itself comes last."""
    lines = (view.failure or {}).get("evidence") or []
    files = dict.fromkeys(str(each["file"]) for each in lines if "file" in each)
    shown = [f"{each['line']:>6} | {writer(each)}{each['text']}" for each in lines[-MOST_LINES:]]
    return [*(f"in {file}:" for file in files), *shown]


def writer(each: Mapping[str, object]) -> str:
    return f"[rank {each['rank']}] " if "rank" in each else ""


def noticed(view: views.RunView) -> list[str]:
    listed = view.row.get("noticed") or []
    return [f"attempt {each['attempt']}: {each['text']}" for each in listed[-MOST_LINES:]]


def repair(each: views.Repair) -> str:
    return f"{render.clock(each.at)} after attempt {each.attempt}, {each.failure}: {each.change}"


# --- what to do --------------------------------------------------------------------------------


def mend(view: views.RunView) -> Iterator[str]:
    """Only where a person is needed now."""
    if view.failure and view.state in ("failed", "needs-decision"):
        yield failures.of(str(view.failure.get("class"))).mend


def next_commands(seen: views.ServerView, view: views.RunView) -> list[str]:
    name = view.name
    if not seen.reachable and not view.ended:
        return [f"overnight doctor {seen.name}"]
    if view.state == "finished":
        return [f"overnight results {name}"]
    if view.state == "stopped":
        return [f"overnight resume {name}", f"overnight logs {name}"]
    if view.state == "failed":
        return [f"overnight logs {name}", f"overnight resume {name}   (once it is mended)"]
    if view.state == "needs-decision":
        return [*view.row.get("answers", []), f"overnight logs {name}"]
    if view.state == "lost":
        return ["overnight doctor"]
    return [f"overnight logs {name} -f"]
