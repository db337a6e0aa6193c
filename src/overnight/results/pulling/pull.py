"""Brings what a run has to show to this machine: resumable, verified, nothing half-named.

Each file is fetched into a part that survives a cut, checked by hash against the server, and
only then gets its name. A file that is rewritten while the pull goes on is noticed in a second
listing and fetched again, so that no mixture of two versions is published. What is here already
(same size and time, or same hash) does not travel; a log that grew sends only its new bytes.
Nothing on this machine is ever deleted; a file of the same name is replaced by the server's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from overnight.core import errors, text
from overnight.ports import Reply, Request, Server
from overnight.results.pulling import landing, remote

ROUNDS = 3

# Called with (path under way, bytes done, bytes to fetch in all).
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """`files` are the paths that are new or renewed; `bytes` is what travelled."""

    files: tuple[str, ...]
    unchanged: int
    bytes: int
    skipped: tuple[remote.Skipped, ...]


@dataclass(kw_only=True)
class _Tally:
    """What the pull has done so far."""

    progress: Progress | None
    total: int = 0
    done: int = 0
    files: list[str] = field(default_factory=list)
    skipped: list[remote.Skipped] = field(default_factory=list)

    def add(self, path: str, size: int) -> None:
        self.done += size
        if self.progress is not None:
            self.progress(path, self.done, self.total)


def pull(
    server: Server,
    project: str,
    run: str,
    destination: Path,
    *,
    skip: Sequence[str] = (),
    include: Sequence[str] = (),
    progress: Progress | None = None,
) -> Pulled:
    """Makes `destination` hold what the run shows, and tells what was done.

    `skip` and `include` are patterns on names (with "/": on paths below `work`); `include` wins,
    also over the checkpoints and weights that are always skipped. Raises `errors.Unreachable`
    when the link is cut (call again: it goes on), `errors.ServerError` for a path that leads
    outside and for a file that did not arrive whole twice, `errors.UsageError` for trouble on
    this machine's disk.
    """
    source = remote.Source(server=server, project=project, run=run, skip=skip, include=include)
    listed, skipped = source.listing()
    tally = _Tally(progress=progress, skipped=skipped)
    with landing.Landing(destination) as place:
        missing = _missing(source, listed, place)
        _check_room(missing, place)
        _rounds(source, missing, place, tally)
    return Pulled(
        files=tuple(tally.files),
        unchanged=len(listed) - len(missing),
        bytes=tally.done,
        skipped=tuple(tally.skipped),
    )


def _missing(
    source: remote.Source, listed: list[remote.File], place: landing.Landing
) -> list[remote.File]:
    """What is not here yet, each with the byte from which it goes on."""
    missing, doubtful = [], []
    for file in listed:
        here = place.here(file.path)
        if here is None or here.st_size != file.size:
            missing.append(_continued(file, here.st_size if here else 0, place))
        elif here.st_mtime_ns != file.mtime_ns:
            doubtful.append(file)
    return missing + _different(source, doubtful, place)


def _continued(file: remote.File, size_here: int, place: landing.Landing) -> remote.File:
    part = place.part_size(file.path)
    if size_here > part and size_here < file.size and file.grows:
        place.start_from_here(file.path)
        return replace(file, offset=size_here)
    return replace(file, offset=part if part <= file.size else 0)


def _different(
    source: remote.Source, doubtful: list[remote.File], place: landing.Landing
) -> list[remote.File]:
    """Of files with the right size and another time, those whose content differs."""
    different = []
    replies = source.many(source.digest(file) for file in doubtful)
    for file in doubtful:
        if next(replies).data.get("sha256") == place.digest_here(file.path):
            place.stamp(file.path, file.mtime_ns)
        else:
            different.append(file)
    return different


def _check_room(missing: list[remote.File], place: landing.Landing) -> None:
    needed = sum(file.size - file.offset for file in missing)
    free = place.free_bytes()
    if free is not None and needed > free:
        raise errors.UsageError(
            f"the pull needs {_mib(needed)} and {place.destination} has {_mib(free)} free",
            hint="free some space, or leave files out with --skip PATTERN",
        )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def _rounds(
    source: remote.Source, missing: list[remote.File], place: landing.Landing, tally: _Tally
) -> None:
    """Fetches, verifies and publishes; what changed meanwhile or did not verify is done again."""
    broken_before: set[str] = set()
    for _ in range(ROUNDS):
        if not missing:
            return
        tally.total = tally.done + sum(file.size - file.offset for file in missing)
        whole, broken = _fetch(source, missing, place, tally)
        now = {file.path: file for file in source.listing()[0]}
        missing = _publish_settled(whole, now, place, tally)
        for file in broken:
            if file.path in broken_before and _should_verify(file, now):
                raise _not_whole(file, source.run)
            if file.path in now:
                missing.append(replace(now[file.path], offset=0))
            else:
                tally.skipped.append(_left(file, "gone"))
        broken_before |= {file.path for file in broken}
    tally.skipped += [_left(file, "kept changing") for file in missing]


def _fetch(
    source: remote.Source, files: list[remote.File], place: landing.Landing, tally: _Tally
) -> tuple[list[remote.File], list[remote.File]]:
    """Returns (whole, broken) after one pipelined stream over all of the files.

    Logs that only grow are published as soon as they are verified.
    """
    whole: list[remote.File] = []
    broken: list[remote.File] = []
    replies = source.many(request for file in files for request in _requests(source, file))
    for file in files:
        came = _write(file, replies, place, tally)
        verified = next(replies).data.get("sha256") == place.digest(file.path)
        (whole if came and verified else broken).append(file)
        if came and verified and file.grows:
            _publish(file, place, tally)
    return whole, broken


def _requests(source: remote.Source, file: remote.File) -> Iterator[Request]:
    for offset in range(file.offset, file.size, remote.CHUNK_BYTES):
        yield source.read(file, offset)
    yield source.digest(file)


def _write(
    file: remote.File, replies: Iterator[Reply], place: landing.Landing, tally: _Tally
) -> bool:
    """Appends the answers to the part. False where one was not as long as asked for."""
    with place.part(file.path, file.offset) as part:
        came = True
        for offset in range(file.offset, file.size, remote.CHUNK_BYTES):
            payload = next(replies).payload
            came = came and len(payload) == min(remote.CHUNK_BYTES, file.size - offset)
            if came:
                part.write(payload)
                tally.add(file.path, len(payload))
    return came


def _publish_settled(
    whole: list[remote.File], now: dict[str, remote.File], place: landing.Landing, tally: _Tally
) -> list[remote.File]:
    """Publishes what did not change while it was read; returns what did, as it is now."""
    changed = []
    for file in whole:
        if file.grows:
            continue
        if _settled(file, now):
            _publish(file, place, tally)
        elif file.path in now:
            changed.append(replace(now[file.path], offset=0))
        else:
            tally.skipped.append(_left(file, "gone"))
    return changed


def _settled(file: remote.File, now: dict[str, remote.File]) -> bool:
    return file.path in now and now[file.path].version == file.version


def _should_verify(file: remote.File, now: dict[str, remote.File]) -> bool:
    """Whether a wrong hash cannot come from the file being rewritten."""
    return _settled(file, now) or (file.grows and file.path in now)


def _publish(file: remote.File, place: landing.Landing, tally: _Tally) -> None:
    place.publish(file.path, file.mtime_ns)
    tally.files.append(file.path)


def _left(file: remote.File, reason: str) -> remote.Skipped:
    return remote.Skipped(path=file.path, size=file.size, reason=reason)


def _not_whole(file: remote.File, run: str) -> errors.ServerError:
    shown = text.printable(file.path)
    return errors.ServerError(
        f"{shown} arrived twice with another content than the server's hash says",
        hint=f"overnight pull {run}; if it stays so, leave it out: --skip '{shown}'",
    )
