"""Seeing: status and waiting. From the servers, or from the mirror when they are away."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from overnight.app import Overnight, asking
from overnight.core import errors, views
from overnight.ports import Server
from overnight.store import mirror
from overnight.train import follow

GLANCE_S = 10.0


def follower(
    o: Overnight,
    server: Server,
    *,
    place: follow.Place | None = None,
    patience_s: float = follow.FOR_EVER_S,
    mirrored: bool = True,
) -> follow.Follower:
    """A follower whose looks go into the mirror (not those of smoke tests)."""

    def record(found: follow.Look) -> None:
        if mirrored:
            o.mirror.record(server.name, time.time(), kept(found.rows), found.events)

    return follow.Follower(
        server=server,
        project=o.project,
        record=record,
        say=o.talk.say,
        cursors=o.mirror.cursors(server.name),
        place=place,
        patience_s=patience_s,
    )


def kept(rows: Sequence[Any]) -> list[Any]:
    return [row for row in rows if row.get("kind") != "smoke"]


def hurry(o: Overnight, server: Server) -> None:
    """Who looks at a server that was seen before gets the last view soon, if not a new one."""
    if o.mirror.has_runs(server.name):
        server.open_timeout_s = GLANCE_S


def ask(o: Overnight, server: Server) -> str:
    """One look at a server into the mirror; what is wrong with it, or ""."""
    cursors = o.mirror.cursors(server.name)
    hurry(o, server)
    try:
        found = follow.look(server, o.project, cursors=cursors)
    except (errors.Unreachable, errors.ServerError) as error:
        o.mirror.record_problem(server.name, error.message)
        return error.message
    o.mirror.record(server.name, time.time(), kept(found.rows), found.events)
    return ""


Early = Callable[[list[views.ServerView]], None]


def status(
    o: Overnight, *, cached: bool = False, early: Early | None = None
) -> list[views.ServerView]:
    """All servers of the project, asked at once.

    `early` is shown those that have answered while another one lets everybody wait.
    """
    if cached:
        seen = [view(o, name, asked=False, problem="") for name in o.mirror.servers()]
        return views.without_twins(seen)
    servers = [o.server(name) for name in used_servers(o)]

    def shown(problems: Mapping[str, str]) -> list[views.ServerView]:
        """What is known of all of them says which runs have moved."""
        names = [server.name for server in servers]
        all_of = [view(o, name, asked=True, problem=problems.get(name, "")) for name in names]
        return [each for each in views.without_twins(all_of) if each.name in problems]

    problems = ask_all(o, servers, early and (lambda there: early(shown(there))))
    if o.mirror.moves.pending():
        problems.update(after_moves(o, problems))
    return shown(problems)


def after_moves(o: Overnight, problems: Mapping[str, str]) -> dict[str, str]:
    """Completes moves that were cut short between servers that answer, and asks those again."""
    from overnight.app import moving

    moved = moving.complete(o, [name for name, problem in problems.items() if not problem])
    moving.tell(o, moved)
    concerned = {name for each in moved for name in (each.source, each.target)}
    return ask_all(o, [o.server(name) for name in sorted(concerned)])


def used_servers(o: Overnight) -> list[str]:
    """The configured servers; `local` only where it is used or nothing else is configured."""
    names = [name for name in o.config.servers if name != "local"]
    if not names or o.mirror.has_runs("local"):
        names.append("local")
    return names


def ask_all(
    o: Overnight,
    servers: Sequence[Server],
    early: Callable[[Mapping[str, str]], None] | None = None,
) -> dict[str, str]:
    """One look at each of them into the mirror; what is wrong with each, or "".

    `early` is told the same of those that have answered, while others have not.
    """
    cursors = {server.name: o.mirror.cursors(server.name) for server in servers}
    for server in servers:
        hurry(o, server)

    def keep(answers: Sequence[follow.Look | errors.OvernightError | None]) -> dict[str, str]:
        pairs = zip(servers, answers, strict=True)
        told = [recorded(server, answer) for server, answer in pairs if answer is not None]
        o.mirror.record_all(time.time(), told)
        return {each.server: each.problem for each in told}

    answers = asking.at_once(
        servers,
        lambda server: follow.look(server, o.project, cursors=cursors[server.name]),
        early and (lambda there: early(keep(there))),
    )
    return keep(answers)


def recorded(server: Server, answer: follow.Look | errors.OvernightError) -> mirror.Answer:
    if isinstance(answer, errors.OvernightError):
        return mirror.Answer(server.name, problem=answer.message)
    return mirror.Answer(server.name, kept(answer.rows), answer.events)


def view(o: Overnight, name: str, *, asked: bool, problem: str) -> views.ServerView:
    """From the mirror, which holds the fresh answer where there was one."""
    seen = o.mirror.seen(name)
    age_s = None if seen.seen_at is None else max(0.0, time.time() - seen.seen_at)
    return views.ServerView(
        name=name,
        reachable=not problem if asked else not seen.problem,
        age_s=age_s,
        problem=problem or seen.problem,
        away_since=seen.away_since,
        runs=tuple(views.run_view(row) for row in seen.rows),
    )


def locate(o: Overnight, run: str, server_name: str | None) -> Server:
    """The server that has the run: as the mirror knows it, else every server is asked."""
    if server_name is not None:
        return o.server(server_name)
    found = whereabouts(o, run)
    if not found:
        status(o)
        found = whereabouts(o, run)
    if not found:
        near = errors.nearest(run, o.mirror.run_names())
        raise errors.UsageError(
            f"there is no run {run!r} in this project",
            hint=f"did you mean {near}?" if near else "overnight status",
        )
    if len(found) > 1:
        raise errors.UsageError(
            f"{run} is on {' and '.join(found)}", hint=f"say which: --server {found[0]}"
        )
    return o.server(found[0])


def whereabouts(o: Overnight, run: str) -> list[str]:
    """The servers that have the run; one that it has left only where no other has it yet."""
    rows = o.mirror.rows_of(run)
    return sorted(name for name, row in rows.items() if not row.get("moved_to")) or sorted(rows)


def run_view(
    o: Overnight, run: str, server_name: str | None
) -> tuple[views.ServerView, views.RunView]:
    """The run as its server says it now, or as the mirror remembers it."""
    server = locate(o, run, server_name)
    problem = ask(o, server)
    seen = view(o, server.name, asked=True, problem=problem)
    for each in seen.runs:
        if each.name == run:
            return seen, each
    raise errors.UsageError(f"{server.name} has no run {run!r}", hint="overnight status")


def wait(
    o: Overnight,
    runs: Sequence[str],
    *,
    timeout_s: float | None,
    changed: Callable[[views.RunView], None],
) -> list[views.RunView]:
    """Until all have ended; `errors.TimedOut` with those that have not after `timeout_s`."""
    deadline = time.monotonic() + timeout_s if timeout_s is not None else None
    ended: dict[str, views.RunView] = {}
    by_server: dict[str, list[str]] = {}
    for run in runs:
        by_server.setdefault(locate(o, run, None).name, []).append(run)
    arriving: set[str] = set()
    while by_server:
        server_name, wanted = by_server.popitem()
        wait_on(o, o.server(server_name), wanted, deadline, ended, changed, arriving)
        for run in wanted:
            target = ended[run].moved_to
            if target is not None and target in o.config.servers:
                del ended[run]
                arriving.add(run)
                by_server.setdefault(target, []).append(run)
    return [ended[run] for run in runs]


def wait_on(
    o: Overnight,
    server: Server,
    wanted: Sequence[str],
    deadline: float | None,
    ended: dict[str, views.RunView],
    changed: Callable[[views.RunView], None],
    arriving: Collection[str] = (),
) -> None:
    """`arriving`: runs that were moved to this server, and may not be there yet."""
    told: dict[str, str] = {}
    following = follower(o, server)
    for found in bounded_looks(following, deadline, wanted, ended):
        for run in wanted:
            seen = found.view(run)
            if seen is None and run in arriving:
                continue
            if seen is None:
                raise errors.UsageError(
                    f"{server.name} has no run {run!r}", hint="overnight status"
                )
            ending = seen.state == "repairing" and not seen.failure  # a good end, not told yet
            if told.get(run) != seen.state and not ending and seen.moved_to is None:
                told[run] = seen.state
                changed(seen)
            if seen.ended:
                ended[run] = seen
        if all(run in ended for run in wanted):
            return


def bounded_looks(
    following: follow.Follower,
    deadline: float | None,
    wanted: Sequence[str],
    ended: dict[str, views.RunView],
) -> Iterator[follow.Look]:
    """Looks until the deadline, each no longer than what is left."""
    looks = following.looks()
    while True:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None:
            following.look_s = max(0.05, min(follow.LOOK_S, left))
            following.patience_s = max(0.0, left)
        yield next(looks)
        if deadline is not None and time.monotonic() >= deadline:
            missing = [run for run in wanted if run not in ended]
            raise errors.TimedOut(f"still not ended: {', '.join(missing)}", hint="overnight status")
