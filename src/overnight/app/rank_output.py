"""What one rank wrote: the logs that the launcher keeps of it in the newest attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from overnight.app import Overnight, following, output
from overnight.core import errors, places
from overnight.node import rank_logs
from overnight.ports import Server
from overnight.results.pulling import remote

Show = Callable[[bytes], None]


class Found(NamedTuple):
    """A log of a rank: `path` in the run's folder, `size` in bytes."""

    attempt: int
    log: rank_logs.RankLog
    path: str
    size: int


def show(
    o: Overnight,
    run: str,
    server_name: str | None,
    rank: int,
    *,
    follow: bool,
    whole: bool,
    show: Show,
) -> None:
    """The end of each of the rank's logs, or all of them; what was pulled where it is away."""
    if follow:
        raise errors.UsageError(
            "the output of one rank cannot be followed",
            hint=f"overnight logs {run} -f   shows all ranks as they write",
        )
    server = following.locate(o, run, server_name)
    tail = None if whole else output.TAIL_BYTES
    try:
        for found in chosen(run, rank, on_server(o, server, run)):
            o.talk.say(title(found))
            for piece in pieces(o, server, run, found, tail):
                show(piece)
    except errors.Unreachable as error:
        folder = places.results_folder(o.root, run)
        pulled = list(in_folder(folder))
        if not pulled:
            raise
        o.talk.say(f"{error.message}; this was pulled before")
        for found in chosen(run, rank, pulled):
            o.talk.say(title(found))
            show((folder / found.path).read_bytes()[-(tail or found.size) :])


def title(found: Found) -> str:
    stream = "" if found.log.stream == "both" else f": {found.log.stream}"
    return f"rank {found.log.rank} in attempt {found.attempt}{stream}"


def on_server(o: Overnight, server: Server, run: str) -> Iterator[Found]:
    for file in source(o, server, run).listing()[0]:
        found = named(file.path, file.size)
        if found is not None:
            yield found


def in_folder(folder: Path) -> Iterator[Found]:
    for path in folder.glob(f"attempts/*/{rank_logs.FOLDER}/**/*.log"):
        found = named(path.relative_to(folder).as_posix(), path.stat().st_size)
        if found is not None:
            yield found


def named(path: str, size: int) -> Found | None:
    """None for a file that is no rank's log."""
    parts = path.split("/", 3)
    if len(parts) < 4 or parts[0] != "attempts" or parts[2] != rank_logs.FOLDER:
        return None
    log = rank_logs.named(parts[3])
    return Found(int(parts[1]), log, path, size) if log and parts[1].isdecimal() else None


def chosen(run: str, rank: int, found: Iterable[Found]) -> list[Found]:
    """Of the newest attempt, standard output first. An error that names the ranks there are."""
    logs = list(found)
    newest = max((each.attempt for each in logs), default=0)
    logs = [each for each in logs if each.attempt == newest]
    last = rank_logs.latest(each.log for each in logs)
    mine = [each for each in logs if each.log in last and each.log.rank == rank]
    if not mine:
        raise no_such_rank(run, rank, sorted({each.rank for each in last}))
    return sorted(mine, key=lambda each: each.log.stream, reverse=True)


def no_such_rank(run: str, rank: int, ranks: list[int]) -> errors.UsageError:
    if not ranks:
        what = f"{run} keeps no logs of single ranks"
    else:
        what = f"{run} has no log of rank {rank}; there are: {', '.join(map(str, ranks))}"
    return errors.UsageError(what, hint=f"overnight logs {run}")


def pieces(
    o: Overnight, server: Server, run: str, found: Found, tail: int | None
) -> Iterator[bytes]:
    """The last `tail` bytes, or all where that is None."""
    file = remote.File(path=found.path, size=found.size, mtime_ns=0)
    start = 0 if tail is None else max(0, found.size - tail)
    asked = source(o, server, run)
    for offset in range(start, found.size, remote.CHUNK_BYTES):
        yield server.call(asked.read(file, offset), timeout_s=remote.TIMEOUT_S).payload


def source(o: Overnight, server: Server, run: str) -> remote.Source:
    return remote.Source(server=server, project=o.project, run=run, skip=(), include=())
