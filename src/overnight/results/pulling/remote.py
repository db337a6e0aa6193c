"""A run as the server shows it: which files there are, their bytes and their hashes.

Nothing that the server says is trusted: a path that leads outside ends the pull, a name that no
file here should have is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.core import errors, text
from overnight.ports import Reply, Request, Server
from overnight.results.pulling import landing

CHUNK_BYTES = 1 << 20
TIMEOUT_S = 120.0
# Files that are only ever added to: a longer one begins with what we have.
GROWING = (".log", ".jsonl", ".csv", ".tsv", ".txt", ".out", ".err")


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file, or a folder with its last "/", that stayed on the server. `size` in bytes."""

    path: str
    size: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class File:
    """A file as the server listed it, and from which byte on it is to be fetched."""

    path: str
    size: int
    mtime_ns: int
    offset: int = 0

    @property
    def version(self) -> tuple[int, int]:
        return self.size, self.mtime_ns

    @property
    def grows(self) -> bool:
        return self.path.lower().endswith(GROWING) or "tfevents" in self.path


@dataclass(kw_only=True)
class Source:
    """The questions that a pull asks about one run."""

    server: Server
    project: str
    run: str
    skip: Sequence[str]
    include: Sequence[str]

    def listing(self) -> tuple[list[File], list[Skipped]]:
        """What may travel, and what stays on the server."""
        request = self._ask("files_list", skip=list(self.skip), include=list(self.include))
        return _parse(self.server.call(request, timeout_s=TIMEOUT_S).data)

    def many(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """The answers in order; never fewer than were asked for."""
        yield from self.server.call_many(requests, timeout_s=TIMEOUT_S)
        raise errors.ServerError(f"{self.server.name} gave fewer answers than it was asked for")

    def read(self, file: File, offset: int) -> Request:
        length = min(CHUNK_BYTES, file.size - offset)
        return self._ask("file_read", path=file.path, offset=offset, length=length)

    def digest(self, file: File) -> Request:
        return self._ask("file_digest", path=file.path, size=file.size)

    def _ask(self, verb: str, **args: Any) -> Request:
        return Request(verb, {"project": self.project, "run": self.run, **args})


def _parse(answer: dict[str, Any]) -> tuple[list[File], list[Skipped]]:
    """The server's listing, trusted in nothing."""
    try:
        files = [_entry(each) for each in answer["files"]]
        skipped = [
            Skipped(
                path=str(each["path"]),
                size=int(each["size"]),
                reason=str(each.get("reason", "pattern")),
            )
            for each in answer["skipped"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise errors.ServerError(f"the server's list of files is garbled: {error!r}") from error
    for file in files:
        if landing.leads_outside(file.path):
            raise errors.ServerError(
                f"the server named a file outside of the run: {text.printable(file.path)}",
                hint="nothing was written; look at the run's outputs on the server",
            )
    usable = {file.path: file for file in files if not landing.is_unusable(file.path)}
    odd = [file for file in files if landing.is_unusable(file.path)]
    skipped += [Skipped(path=each.path, size=each.size, reason="odd name") for each in odd]
    return list(usable.values()), skipped


def _entry(raw: dict[str, Any]) -> File:
    file = File(path=raw["path"], size=raw["size"], mtime_ns=raw["mtime_ns"])
    whole = all(type(number) is int and 0 <= number < 1 << 63 for number in file.version)
    if not isinstance(file.path, str) or not whole:
        raise ValueError(raw)
    return file
