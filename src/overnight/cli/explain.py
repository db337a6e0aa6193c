"""overnight explain"""

from __future__ import annotations

import click

from overnight.cli import common, render, terminal
from overnight.core import views


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
        "attempts": view.row.get("attempts") or [],
        "next": next_commands(view),
    }


def text(seen: views.ServerView, view: views.RunView) -> str:
    lines = [f"{view.name} on {seen.name}: {view.state}" + f" ({view.reason})" * bool(view.reason)]
    if not seen.reachable:
        lines.append(f"{seen.name} is unreachable; this is from {render.ago(seen.age_s)}")
    lines += failure_lines(view)
    lines += [f"  attempt {n}: {attempt}" for n, attempt in enumerate(attempts(view), 1)]
    lines += [
        f"  repaired at {render.clock(repair.at)} after attempt {repair.attempt}: "
        f"{repair.failure}: {repair.change}"
        for repair in view.repairs
    ]
    lines += [f"next: {each}" for each in next_commands(view)]
    return terminal.safe_text("\n".join(lines))


def failure_lines(view: views.RunView) -> list[str]:
    """The last failure with the lines it was recognised by."""
    failure = view.failure
    if not failure:
        return ["  nothing has failed"]
    lines = [
        f"  attempt {failure.get('attempt')} was taken for {failure.get('class')} "
        f"(confidence {failure.get('confidence'):.0%}); what it said last:"
    ]
    evidence = failure.get("evidence") or []
    return lines + [f"    {each['line']:>6} | {each['text']}" for each in evidence]


def attempts(view: views.RunView) -> list[str]:
    told = []
    for attempt in view.row.get("attempts") or []:
        began = render.clock(attempt["started_at"])
        if attempt.get("ended_at") is None:
            how = "running"
        else:
            took = render.duration(attempt["ended_at"] - attempt["started_at"])
            how = f"{ending(attempt)} after {took}"
        start = f", from {attempt['checkpoint']}" if attempt.get("checkpoint") else ""
        told.append(f"{began}, {attempt.get('label') or 'as typed'}{start}: {how}")
    return told


def ending(attempt: dict[str, object]) -> str:
    if attempt.get("cause"):
        return str(attempt["cause"]).replace("_", " ")
    if attempt.get("signal"):
        return f"signal {attempt['signal']}"
    return f"exit code {attempt.get('exit_code')}"


def next_commands(view: views.RunView) -> list[str]:
    name = view.name
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
