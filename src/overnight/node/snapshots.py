"""Snapshots of a project: immutable copies of its code, named by the hash of their manifest.

A manifest is `{"files": [[path, kind, size, digest], …]}`, sorted by path. `kind` is "f" (file),
"x" (executable file) or "l" (symbolic link: size 0, digest = what it points to); `digest` is
otherwise the SHA-256 of the content in hex. The snapshot's id is the first 16 hex digits of the
SHA-256 of `fs.dump` of the manifest.

A transfer fills a folder of its own under incoming/, which gets the snapshot's name only after
every file was verified. Unchanged files are hard links to an older snapshot; therefore nothing
here ever writes to, or changes the mode of, a file that has a second name.

Paths travel as UTF-8 with lone surrogates for other bytes, whatever the server's locale is.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from typing import Any, Iterable, Iterator, NamedTuple

from overnight.node import fs

_MODES = {"f": 0o444, "x": 0o555}
_BLOCK_BYTES = 1 << 18
_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file, copied when written to
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_LISTED = 10


class SnapshotError(ValueError):
    """What is wrong with a transfer. `code` is one of

    bad_request, bad_manifest, bad_archive   the laptop sent what no laptop of ours sends
    mismatch       the files are not those of the manifest: they changed while they were sent
    base_missing   the snapshot that the transfer builds on is gone or damaged
    no_snapshot    there is no such snapshot
    disk_full      no space or no quota is left; what was half done has been removed
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Entry(NamedTuple):
    path: str
    kind: str
    size: int
    digest: str


def begin(project_dir: str, snapshot_id: str, nonce: str) -> dict[str, Any]:
    """Where a snapshot stands: `have`, or else a folder `incoming` to send it to.

    `latest` is the id of the newest other snapshot and `latest_path` its folder (null where there
    is none). `nonce` tells transfers of the same snapshot apart: letters, digits, "_", "-".
    """
    final = _folder(project_dir, snapshot_id)
    if os.path.isdir(final) and os.path.isfile(_manifest_path(project_dir, snapshot_id)):
        return {"have": True, "latest": snapshot_id, "latest_path": final, "incoming": None}
    if not 0 < len(nonce) <= 64 or not nonce.replace("_", "").replace("-", "").isalnum():
        raise SnapshotError("bad_request", f"not a nonce: {nonce!r}")
    latest = _latest(project_dir)
    incoming = os.path.join(os.path.abspath(project_dir), "incoming", f"{snapshot_id}.{nonce}")
    with _making(incoming):
        os.makedirs(incoming, exist_ok=True)
    return {
        "have": False,
        "latest": latest,
        "latest_path": latest and _folder(project_dir, latest),
        "incoming": incoming,
    }


def put_part(project_dir: str, snapshot_id: str, incoming: str, part: int, archive: bytes) -> None:
    """Keeps part number `part` (from 0) of a large archive until `put` brings the last one."""
    place = _incoming(project_dir, snapshot_id, incoming)
    with _making(place):
        fs.publish(os.path.join(place, str(int(part))), archive, mode=0o600, durable=False)


def put(
    project_dir: str,
    snapshot_id: str,
    manifest: dict[str, Any],
    base: str | None,
    incoming: str,
    archive: bytes,
    parts: int = 0,
) -> dict[str, Any]:
    """Makes the snapshot from what `archive` holds and, for the rest, the snapshot `base`.

    `archive` is a tar.gz of regular files named as in the manifest, or its end, where `parts`
    parts came before. The work is done in a folder of this call's own, so that a repeated call
    may overlap with the first one.
    """
    entries = _parse(manifest, snapshot_id)
    place = _incoming(project_dir, snapshot_id, incoming)
    final = _folder(project_dir, snapshot_id)
    fresh = f"{place}.{os.urandom(4).hex()}"
    with _making(place, final), _making(fresh, final):
        if not os.path.isdir(final):
            os.mkdir(fresh)
            _make_folders(fresh, entries)
            arrived = _extract(_Archive(place, parts, archive), fresh, entries)
            _fill(fresh, [entry for entry in entries if entry.path not in arrived], project_dir, base)
        commit(project_dir, snapshot_id, manifest, fresh)
    _remove(place)
    return {"snapshot": snapshot_id}


def commit(
    project_dir: str, snapshot_id: str, manifest: dict[str, Any], incoming: str
) -> dict[str, Any]:
    """Verifies every file in `incoming` against the manifest and gives it the snapshot's name.

    Where the snapshot exists already, be it from another laptop, `incoming` is only removed.
    """
    entries = _parse(manifest, snapshot_id)
    place = _incoming(project_dir, snapshot_id, incoming)
    final = _folder(project_dir, snapshot_id)
    with _making(place, final):
        if not os.path.isdir(final):
            _verify(place, entries)
            _seal(place, entries)
        _publish_manifest(project_dir, snapshot_id, manifest)
        _rename(place, final)
    return {"snapshot": snapshot_id}


def discard(project_dir: str, snapshot_id: str, incoming: str) -> None:
    """Removes a transfer that was given up."""
    _remove(_incoming(project_dir, snapshot_id, incoming))


def read_manifest(project_dir: str, snapshot_id: str) -> dict[str, Any]:
    """The manifest of a snapshot that is here; SnapshotError `no_snapshot` otherwise."""
    manifest = fs.read_json(_manifest_path(project_dir, snapshot_id))
    if manifest is None or not os.path.isdir(_folder(project_dir, snapshot_id)):
        raise SnapshotError("no_snapshot", f"snapshot {snapshot_id} is not on this server")
    _parse(manifest, snapshot_id)
    return dict(manifest)


def copy_to_work(project_dir: str, snapshot_id: str, work: str) -> None:
    """Makes the run's own, writable copy of a snapshot. Does nothing where `work` exists.

    Never hard links: the run may write to its files. Where the file system can, the blocks are
    shared until then. `work` appears complete or not at all.
    """
    if not os.path.isdir(work):
        entries = _parse(read_manifest(project_dir, snapshot_id), snapshot_id)
        partial = f"{work}.copying-{os.urandom(4).hex()}"
        with _making(partial, work):
            os.mkdir(partial)
            _make_folders(partial, entries)
            for entry in entries:
                _copy(_folder(project_dir, snapshot_id), partial, entry, writable=True)
            _flush(partial, entries)
            _rename(partial, work)
    _remove_siblings(work)


def sweep_incoming(project_dir: str, now: float, max_age_s: float) -> list[str]:
    """Removes the transfers in which nothing has moved for `max_age_s`; returns their names."""
    root = os.path.join(project_dir, "incoming")
    swept = []
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(os.listdir(root)):
            path = os.path.join(root, name)
            if now - _last_change(path) > max_age_s:
                _remove(path)
                swept.append(name)
    return swept


# Names and places.


def _folder(project_dir: str, snapshot_id: str) -> str:
    if len(snapshot_id) != 16 or not set(snapshot_id) <= set("0123456789abcdef"):
        raise SnapshotError("bad_request", f"not a snapshot id: {snapshot_id!r}")
    return os.path.join(os.path.abspath(project_dir), "snapshots", snapshot_id)


def _manifest_path(project_dir: str, snapshot_id: str) -> str:
    return os.path.join(os.path.abspath(project_dir), "manifests", f"{snapshot_id}.json")


def _incoming(project_dir: str, snapshot_id: str, incoming: str) -> str:
    """`incoming`, made sure to be a transfer of this snapshot: it may be removed later."""
    folder, name = os.path.split(incoming)
    right_folder = folder == os.path.join(os.path.abspath(project_dir), "incoming")
    if not right_folder or not name.startswith(f"{snapshot_id}."):
        raise SnapshotError("bad_request", f"not a transfer of {snapshot_id}: {incoming!r}")
    return incoming


def _latest(project_dir: str) -> str | None:
    found: list[tuple[int, str]] = []
    with contextlib.suppress(FileNotFoundError):
        for item in os.scandir(os.path.join(project_dir, "manifests")):
            name, extension = os.path.splitext(item.name)
            if extension == ".json" and os.path.isdir(_folder(project_dir, name)):
                found.append((item.stat().st_mtime_ns, name))
    return max(found)[1] if found else None


def _at(folder: str, path: str) -> bytes:
    return os.path.join(os.fsencode(folder), path.encode("utf-8", "surrogateescape"))


def _parse(manifest: dict[str, Any], snapshot_id: str) -> list[Entry]:
    """The entries of a manifest that is well formed, has this id and cannot lead outside."""
    try:
        digest = hashlib.sha256(fs.dump({"files": manifest["files"]})).hexdigest()
        entries = [Entry(*row) for row in manifest["files"]]
        paths = [entry.path for entry in entries]
        everything = set(paths)
        wrong = [entry.path for entry in entries if not _is_sound(entry, everything)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotError("bad_manifest", f"not a manifest: {error!r}") from error
    if wrong or len(everything) != len(paths) or paths != sorted(paths):
        raise SnapshotError("bad_manifest", f"not a manifest: {wrong[:_LISTED]!r}")
    if digest[:16] != snapshot_id:
        raise SnapshotError("bad_manifest", f"the manifest of {digest[:16]}, not of {snapshot_id}")
    return entries


def _is_sound(entry: Entry, everything: set[str]) -> bool:
    """No absolute path, no `..`, and nothing below a path that is itself a file or a link."""
    entry.path.encode("utf-8", "surrogateescape")
    target = entry.digest.encode("utf-8", "surrogateescape")
    plain = all(part not in ("", ".", "..") for part in entry.path.split("/"))
    if not plain or "\0" in entry.path or any(parent in everything for parent in _parents(entry)):
        return False
    if entry.kind == "l":
        return entry.size == 0 and target != b"" and b"\0" not in target
    return entry.kind in _MODES and type(entry.size) is int and entry.size >= 0


def _parents(entry: Entry) -> list[str]:
    parts = entry.path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _all_parents(entries: Iterable[Entry]) -> set[str]:
    return {parent for entry in entries for parent in _parents(entry)}


# Filling a new folder.


class _Archive:
    """Reads the parts of an archive, then its end, as one stream."""

    def __init__(self, place: str, parts: int, end: bytes) -> None:
        self._names = [os.path.join(place, str(part)) for part in range(parts)]
        self._end = end
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        if not self._rest and self._names:
            with open(self._names.pop(0), "rb") as file:
                self._rest = memoryview(file.read())
        elif not self._rest:
            self._rest, self._end = memoryview(self._end), b""
        block, self._rest = self._rest[:size], self._rest[size:]
        return bytes(block)


def _extract(archive: _Archive, folder: str, entries: list[Entry]) -> set[str]:
    """Writes the files of the archive; returns their paths. Anything unexpected is refused."""
    import tarfile
    import zlib

    wanted = {entry.path: entry for entry in entries if entry.kind != "l"}
    arrived: set[str] = set()
    try:
        with tarfile.open(
            fileobj=archive,  # type: ignore[call-overload]  # read() is all that "r|" asks for
            mode="r|gz",
            encoding="utf-8",
            errors="surrogateescape",
        ) as tar:
            for member in tar:
                entry = wanted.pop(member.name, None)
                if entry is None or member.type != tarfile.REGTYPE or member.size != entry.size:
                    raise SnapshotError("bad_archive", f"not in the manifest: {member.name!r}")
                _write(_at(folder, entry.path), tar.extractfile(member))
                arrived.add(entry.path)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise SnapshotError("bad_archive", f"the archive is damaged: {error}") from error
    return arrived


def _write(path: bytes, source: Any) -> None:
    with open(os.open(path, _NEW, 0o600), "wb") as file:
        for block in iter(lambda: source.read(_BLOCK_BYTES), b""):
            file.write(block)


def _fill(folder: str, entries: list[Entry], project_dir: str, base: str | None) -> None:
    """Makes the links, and takes the files from wherever `base` has the same content."""
    old: dict[tuple[str, str], Entry] = {}
    if base is not None:
        try:
            old_entries = _parse(read_manifest(project_dir, base), base)
        except SnapshotError as error:
            raise SnapshotError("base_missing", f"snapshot {base} is gone") from error
        old = {(entry.kind, entry.digest): entry for entry in old_entries}
    for entry in entries:
        if entry.kind == "l":
            os.symlink(entry.digest.encode("utf-8", "surrogateescape"), _at(folder, entry.path))
        elif (entry.kind, entry.digest) in old:
            same = old[entry.kind, entry.digest]
            _link(_at(_folder(project_dir, base or ""), same.path), _at(folder, entry.path))


def _link(source: bytes, target: bytes) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except FileNotFoundError as error:
        raise SnapshotError("base_missing", f"{source!r} is gone") from error
    except OSError as error:
        # Some file systems have no hard links, and all have a limit of names for one file.
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        with open(source, "rb") as file:
            _write(target, file)


def _make_folders(folder: str, entries: list[Entry]) -> None:
    for parent in sorted(_all_parents(entries)):
        os.mkdir(_at(folder, parent))


# From verified files to a snapshot.


def _verify(folder: str, entries: list[Entry]) -> None:
    files, folders = _scan(folder)
    wrong = files ^ {entry.path for entry in entries} | folders - _all_parents(entries)
    wrong |= {
        entry.path
        for entry in entries
        if entry.path in files and not _is_same(_at(folder, entry.path), entry)
    }
    if wrong:
        more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
        listed = ", ".join(ascii(path) for path in sorted(wrong)[:_LISTED])
        raise SnapshotError("mismatch", f"not as in the manifest: {listed}{more}")


def _scan(folder: str) -> tuple[set[str], set[str]]:
    """The relative paths of all that is no folder, and of all folders."""
    files: set[str] = set()
    folders: set[str] = set()
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        for item in os.scandir(_at(folder, prefix)):
            path = prefix + item.name.decode("utf-8", "surrogateescape")
            if item.is_dir(follow_symlinks=False):
                folders.add(path)
                waiting.append(path + "/")
            else:
                files.add(path)
    return files, folders


def _is_same(path: bytes, entry: Entry) -> bool:
    state = os.lstat(path)
    if entry.kind == "l":
        target = entry.digest.encode("utf-8", "surrogateescape")
        return stat.S_ISLNK(state.st_mode) and os.readlink(path) == target
    if not stat.S_ISREG(state.st_mode) or state.st_size != entry.size:
        return False
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest() == entry.digest


def _seal(folder: str, entries: list[Entry]) -> None:
    """Makes the files read-only and everything durable."""
    for entry in entries:
        if entry.kind != "l":
            _set_mode(_at(folder, entry.path), _MODES[entry.kind])
    _flush(folder, entries)


def _set_mode(path: bytes, mode: int) -> None:
    state = os.lstat(path)
    if stat.S_IMODE(state.st_mode) == mode:
        return
    if state.st_nlink > 1:
        # rsync may have linked a file of an older snapshot, whose mode must stay as it is.
        with open(path, "rb") as file:
            os.unlink(path)
            _write(path, file)
    os.chmod(path, mode)


def _flush(folder: str, entries: list[Entry]) -> None:
    """Makes all files survive a power cut.

    All are handed to the disk before the first is waited for: then one commit of the file
    system's journal serves them all (500 files: 40 ms instead of 110 ms).
    """
    paths = [_at(folder, entry.path) for entry in entries if entry.kind != "l"]
    new = [path for path in paths if os.lstat(path).st_nlink == 1]
    for act in (_start_writing, os.fsync):
        for path in new:
            fd = os.open(path, os.O_RDONLY)
            try:
                act(fd)
            finally:
                os.close(fd)
    for parent in _all_parents(entries):
        fs.sync_folder(os.fsdecode(_at(folder, parent)))
    fs.sync_folder(folder)


def _start_writing(fd: int) -> None:
    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _publish_manifest(project_dir: str, snapshot_id: str, manifest: dict[str, Any]) -> None:
    path = _manifest_path(project_dir, snapshot_id)
    if not os.path.isfile(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fs.publish_json(path, {"files": manifest["files"]})


def _rename(folder: str, final: str) -> None:
    """Gives `folder` its final name, or removes it where another process was first."""
    os.makedirs(os.path.dirname(final), exist_ok=True)
    try:
        if not os.path.isdir(final):
            os.rename(folder, final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    fs.sync_folder(os.path.dirname(final))
    _remove(folder)


# The run's own copy.


def _copy(source: str, target: str, entry: Entry, *, writable: bool) -> None:
    ...


@contextlib.contextmanager
def _making(folder: str, final: str | None = None) -> Iterator[None]:
    """Removes `folder` if what is inside fails. It is no failure if `final` exists by then:
    another process made it, and may have removed our folder while we worked."""
    ...
