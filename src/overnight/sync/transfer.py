"""Brings a snapshot to a server: nothing where it is there already, else what has changed.

Small changes go through the open pipe as a tar.gz, in one request; more goes by rsync, which
links unchanged files to the newest snapshot, or, where there is no rsync, through the pipe in
parts. Either way the server verifies every hash before the snapshot gets its name.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from overnight.core import errors
from overnight.ports import Request, Server
from overnight.sync import guard, names, opening
from overnight.sync import manifest as manifests

PIPE_LIMIT_BYTES = 4 << 20
PART_BYTES = 8 << 20
_SLOW_LINK_BYTES_PER_S = 50_000
_SLOW_DISK_BYTES_PER_S = 10_000_000
_STALE = ("mismatch", "base_missing")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """`snapshot` is the id of `manifest`: not the one given where files changed meanwhile.

    `transferred_*` count the files that the server did not have, and their bytes.
    """

    snapshot: str
    manifest: manifests.Manifest
    transferred_files: int = 0
    transferred_bytes: int = 0
    how: Literal["unchanged", "pipe", "rsync"]


class _FilesChanged(Exception):
    """A file is not as it was hashed."""


def push(
    server: Server,
    project: str,
    root: Path,
    manifest: manifests.Manifest,
    *,
    nonce: str,
    known: Callable[[str], manifests.Manifest | None],
    progress: Progress = lambda done, total: None,
    allow: Sequence[str] = (),
    origin: Mapping[str, Any] | None = None,
) -> Pushed:
    """Makes sure that the server has the snapshot; one round trip where it has.

    `nonce` tells this transfer from others of the same snapshot. `known` gives the manifest of a
    snapshot seen before, or None. `progress` is told (bytes sent, bytes in all). Where files
    change while they are sent, the manifest is built anew, under the rule of `allow`, once.
    `origin`, which is kept beside a new snapshot, says where the code comes from (see `gitinfo`).
    Raises errors.SyncRefused when they go on changing, errors.ServerError (code `disk_full`) and
    errors.Unreachable.
    """
    first = _Transfer(server, project, root, manifest, nonce, known, progress, origin)
    try:
        return first.run()
    except errors.ServerError as error:
        if error.code not in _STALE:
            raise
    except _FilesChanged:
        pass
    # The base may be what is damaged, so this time nothing is built upon.
    fresh = manifests.build(root, check=lambda files: guard.check(files, allow))
    second = _Transfer(server, project, root, fresh, f"{nonce[:60]}-new", None, progress, origin)
    try:
        return second.run()
    except (errors.ServerError, _FilesChanged) as error:
        if isinstance(error, errors.ServerError) and error.code not in _STALE:
            raise
        raise errors.SyncRefused(
            f"files keep changing while they are sent: {error}",
            hint="wait until nothing writes to them, or name them in .gitignore",
        ) from error


@dataclass(frozen=True)
class _Transfer:
    """One attempt. Without `known` nothing is built upon: every file is sent."""

    server: Server
    project: str
    root: Path
    manifest: manifests.Manifest
    nonce: str
    known: Callable[[str], manifests.Manifest | None] | None
    progress: Progress
    origin: Mapping[str, Any] | None

    def run(self) -> Pushed:
        question = opening.question(self.project, self.manifest.id, self.nonce)
        begun = self.server.call(question, timeout_s=self._patience_s(0)).data
        if begun["have"]:
            return self._pushed("unchanged", [])
        incoming = begun["incoming"]
        base, new = self._delta(begun["latest"])
        link_dest = begun["latest_path"] if self.known else None
        if _bytes(new) > PIPE_LIMIT_BYTES and self._rsync(incoming, link_dest):
            self._commit(incoming)
            return self._pushed("rsync", new)
        self._put(incoming, base, new)
        return self._pushed("pipe", new)

    def _delta(self, latest: str | None) -> tuple[str | None, list[manifests.Entry]]:
        """The snapshot to build on, and the files whose content it does not have."""
        files = [entry for entry in self.manifest.entries if entry.kind != "l"]
        old = self._manifest_of(latest) if latest else None
        if old is None:
            return None, files
        held = {(entry.kind, entry.digest) for entry in old.entries}
        return latest, [entry for entry in files if (entry.kind, entry.digest) not in held]

    def _manifest_of(self, snapshot: str) -> manifests.Manifest | None:
        if self.known is None:
            return None
        found = self.known(snapshot)
        if found is not None:
            return found
        wire = self._call("snapshot_manifest", snapshot=snapshot)["manifest"]
        return manifests.Manifest.from_wire(wire) if wire else None

    def _rsync(self, incoming: str, link_dest: str | None) -> bool:
        total = _bytes(self.manifest.entries)
        self.progress(0, total)
        # Of names on standard input, rsync takes those that begin with "#" or ";" for comments.
        paths = [_uncommented(entry.path) for entry in self.manifest.entries]
        try:
            done = self.server.rsync(self.root, paths, incoming, link_dest=link_dest)
        except errors.ServerError:
            # A full disk, most likely: what has arrived must not stay there.
            with contextlib.suppress(errors.OvernightError):
                self._call("snapshot_discard", incoming=incoming)
            raise
        if done:
            self.progress(total, total)
        return done

    def _commit(self, incoming: str) -> None:
        args = self._args(incoming=incoming, manifest=self.manifest.to_wire())
        requests = [Request("snapshot_commit", args), *self._notes()]
        for _ in self.server.call_many(requests, timeout_s=self._patience_s(0)):
            pass

    def _put(self, incoming: str, base: str | None, new: list[manifests.Entry]) -> None:
        with tempfile.SpooledTemporaryFile(max_size=PART_BYTES) as file:
            _write_archive(file, self.root, new)
            total = file.tell()
            file.seek(0)
            self.progress(0, total)
            requests = self._requests(file, total, incoming, base)
            replies = self.server.call_many(requests, timeout_s=self._patience_s(total))
            for number, _ in enumerate(replies, start=1):
                self.progress(min(number * PART_BYTES, total), total)

    def _requests(
        self, file: IO[bytes], total: int, incoming: str, base: str | None
    ) -> Iterator[Request]:
        """The archive in parts; the last one travels with the manifest."""
        parts = (total - 1) // PART_BYTES
        for part in range(parts):
            args = self._args(incoming=incoming, archive_part=part)
            yield Request("snapshot_part", args, file.read(PART_BYTES))
        wire = self.manifest.to_wire()
        args = self._args(incoming=incoming, manifest=wire, base=base, parts=parts)
        yield Request("snapshot_put", args, file.read())
        yield from self._notes()

    def _notes(self) -> Iterator[Request]:
        """Where the code comes from; on the way together with it, so that it costs no time."""
        if self.origin:
            yield Request("snapshot_note", self._args(git=dict(self.origin)))

    def _call(self, verb: str, **args: Any) -> dict[str, Any]:
        timeout_s = self._patience_s(0)
        return self.server.call(Request(verb, self._args(**args)), timeout_s=timeout_s).data

    def _args(self, **args: Any) -> dict[str, Any]:
        return {"project": self.project, "snapshot": self.manifest.id, **args}

    def _patience_s(self, sent_bytes: int) -> float:
        """How long an answer may take: the link may be slow, and all files are hashed there."""
        hashed_bytes = _bytes(self.manifest.entries)
        return 30 + sent_bytes / _SLOW_LINK_BYTES_PER_S + hashed_bytes / _SLOW_DISK_BYTES_PER_S

    def _pushed(
        self, how: Literal["unchanged", "pipe", "rsync"], new: Sequence[manifests.Entry]
    ) -> Pushed:
        return Pushed(
            snapshot=self.manifest.id,
            manifest=self.manifest,
            transferred_files=len(new),
            transferred_bytes=_bytes(new),
            how=how,
        )


def _uncommented(path: str) -> str:
    return f"./{path}" if path.startswith(("#", ";")) else path


def _bytes(entries: Iterable[manifests.Entry]) -> int:
    return sum(entry.size for entry in entries)


def _write_archive(file: IO[bytes], root: Path, entries: Iterable[manifests.Entry]) -> None:
    """A tar.gz of the files, with nothing but their names and bytes."""
    import tarfile  # late: where nothing has changed nothing is packed

    with tarfile.open(
        fileobj=file,
        mode="w:gz",
        format=tarfile.GNU_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
        compresslevel=6,
    ) as tar:
        for entry in entries:
            member = tarfile.TarInfo(entry.path)
            member.size = entry.size
            try:
                with open(os.path.join(root, entry.path), "rb") as content:
                    tar.addfile(member, content)
            except OSError as error:
                # Gone, or shorter than it was when it was hashed.
                raise _FilesChanged(f"{names.visible(entry.path)}: {error}") from error
