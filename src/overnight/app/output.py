"""Output and events of runs: as they come, or from what is here when the server is away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from overnight.app import Overnight, following
from overnight.core import errors, places
from overnight.ports import Server
from overnight.train import follow

TAIL_BYTES = 16 * 1024
ShowEvent = Callable[[str, str, dict[str, Any]], None]


def stream(
    o: Overnight,
    run: str,
    server_name: str | None,
    *,
    follow: bool,
    from_start: bool,
    show: Callable[[bytes], None],
) -> None:
    """The end of the newest attempt's output, or all attempts from the first on."""
    server = following.locate(o, run, server_name)
    place = place_of(run, from_start)
    try:
        follow_output(o, server, run, place, follow=follow, whole=from_start, show=show)
    except errors.Unreachable as error:
        show_pulled(o, server, run, error, show)


def place_of(run: str, from_start: bool) -> follow.Place:
    if from_start:
        return follow.Place(run=run)
    return follow.Place(run=run, attempt=0, offset=-TAIL_BYTES)


def follow_output(
    o: Overnight,
    server: Server,
    run: str,
    place: follow.Place,
    *,
    follow: bool,
    whole: bool,
    show: Callable[[bytes], None],
) -> None:
    looking = following.follower(o, server, place=place)
    looking.patience_s = looking.patience_s if follow else 0.0
    first = not whole
    for found in looking.looks():
        output = found.output
        if first and len(output) >= TAIL_BYTES:
            output = output.partition(b"\n")[2] or output
        first = False
        if output:
            show(output)
        view = found.view(run)
        if view is None:
            raise errors.UsageError(f"{server.name} has no run {run!r}", hint="overnight status")
        done = view.ended or not follow
        if done and not found.more_output and (not found.output or not follow):
            return


def show_pulled(
    o: Overnight,
    server: Server,
    run: str,
    error: errors.Unreachable,
    show: Callable[[bytes], None],
) -> None:
    """What was pulled before, said to be that; the error itself where nothing was."""
    logs = pulled_logs(places.results_folder(o.root, run))
    if not logs:
        raise error
    age = following.view(o, server.name, asked=True, problem=error.message).age_s
    o.talk.say(
        f"{error.message}; this was pulled before, the server last answered "
        f"{'never' if age is None else f'{age:.0f} s ago'}"
    )
    show(logs[-1].read_bytes()[-TAIL_BYTES:])


def pulled_logs(folder: Path) -> list[Path]:
    found = folder.glob("attempts/*/output.log")
    return sorted(
        found, key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0
    )


def events(
    o: Overnight, run: str | None, server_name: str | None, *, follow: bool, show: ShowEvent
) -> None:
    """All events so far, then, when following, each as it happens."""
    names = [server_name] if server_name else servers_of(o, run)
    for name in names:
        server = o.server(name)
        problem = following.ask(o, server)
        if problem:
            o.talk.say(f"{problem}; showing what was seen before")
        listed = [
            (each.get("time", 0.0), known, each)
            for known in ([run] if run else known_runs(o, name))
            for each in o.mirror.events(name, known)
        ]
        for _, known, each in sorted(listed, key=lambda item: (item[0], item[1])):
            show(name, known, each)
    if follow:
        follow_events(o, names, run, show)


def servers_of(o: Overnight, run: str | None) -> list[str]:
    return [following.locate(o, run, None).name] if run else following.used_servers(o)


def known_runs(o: Overnight, server: str) -> list[str]:
    return [row["run"] for row in o.mirror.seen(server).rows]


def follow_events(o: Overnight, names: list[str], run: str | None, show: ShowEvent) -> None:
    """One server at a time is followed; with several, each in a thread of its own."""
    if len(names) == 1:
        follow_one(o, names[0], run, show)
        return
    import threading

    threads = [
        threading.Thread(target=follow_unmirrored, args=(o, name, run, show), daemon=True)
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def follow_one(o: Overnight, name: str, run: str | None, show: ShowEvent) -> None:
    for found in following.follower(o, o.server(name)).looks():
        tell(name, run, found, show)


def follow_unmirrored(o: Overnight, name: str, run: str | None, show: ShowEvent) -> None:
    """The mirror's connection belongs to the main thread; the next `status` catches it up."""
    looking = follow.Follower(
        server=o.server(name),
        project=o.project,
        record=lambda _: None,
        say=o.talk.say,
        cursors={},
    )
    seen_before = False
    for found in looking.looks():
        if seen_before:
            tell(name, run, found, show)
        seen_before = True


def tell(name: str, run: str | None, found: follow.Look, show: ShowEvent) -> None:
    for known, listed in found.events.items():
        if run is None or known == run:
            for each in listed:
                show(name, known, dict(each))


def attach_argv(o: Overnight, run: str, server_name: str | None) -> list[str]:
    """The command that shows the run's tmux session; an error where there is none to show."""
    seen, view = following.run_view(o, run, server_name)
    session = view.row.get("view")
    if view.ended or not session:
        lacks = (
            "it runs in a job of Slurm's" if view.row.get("slurm") else f"{seen.name} has no tmux"
        )
        why = f"is {view.state}" if view.ended else f"has no window: {lacks}"
        raise errors.UsageError(f"{run} {why}", hint=f"overnight logs {run}")
    return o.server(seen.name).attach_argv(session)
