"""Snapshots of a project: immutable copies of its code, named by the hash of their manifest.

A transfer fills a folder of its own under incoming/, which gets the snapshot's name only after
every file was verified. Unchanged files are hard links to an older snapshot; therefore nothing
here ever writes to, or changes the mode of, a file that has a second name.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Any, Iterator

from overnight.node import fs, manifests, trees

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_LISTED = 10


class SnapshotError(ValueError):
    """What is wrong with a transfer. `code` is one of

    bad_request, bad_manifest, bad_archive   the laptop sent what no laptop of ours sends
    mismatch       the files are not those of the manifest: they changed while they were sent
    base_missing   the snapshot that the transfer builds on is gone or damaged
    no_snapshot    there is no such snapshot, or it is damaged
    disk_full      no space or no quota is left; what was half done has been removed
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def begin(project_dir: str, snapshot_id: str, nonce: str) -> dict[str, Any]:
    """Where a snapshot stands: `have`, or else a folder `incoming` to send it to.

    `latest` is the id of the newest snapshot and `latest_path` its folder (null where there is
    none). `nonce` tells transfers of the same snapshot apart: letters, digits, "_", "-".
    """
    if is_here(project_dir, snapshot_id):
        final = _folder(project_dir, snapshot_id)
        return {"have": True, "latest": snapshot_id, "latest_path": final, "incoming": None}
    letters = nonce.replace("_", "").replace("-", "")
    if len(nonce) > 64 or not letters.isalnum() or not letters.isascii():
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


def is_here(project_dir: str, snapshot_id: str) -> bool:
    folder, manifest = _folder(project_dir, snapshot_id), _manifest_path(project_dir, snapshot_id)
    return os.path.isdir(folder) and os.path.isfile(manifest)


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
    """Makes the snapshot from what `archive` holds and, for the rest, from the snapshot `base`.

    `archive` is a tar.gz of regular files named as in the manifest; where `parts` parts came
    before, it is the end of it. The work is done in a folder of this call's own, so that a
    repeated call may overlap with the first one.
    """
    entries = _checked(manifest, snapshot_id)
    place = _incoming(project_dir, snapshot_id, incoming)
    final = _folder(project_dir, snapshot_id)
    fresh = f"{place}.{os.urandom(4).hex()}"
    with _making(place, final), _making(fresh, final):
        if not os.path.isdir(final):
            os.mkdir(fresh)
            trees.make_folders(fresh, entries)
            trees.make_links(fresh, entries)
            arrived = _extract(_Archive(place, parts, archive), fresh, entries)
            if base is not None:
                rest = [entry for entry in entries if entry.path not in arrived]
                _link_unchanged(project_dir, base, fresh, rest)
        commit(project_dir, snapshot_id, manifest, fresh)
    remove_tree(place)
    return {"snapshot": snapshot_id}


def commit(
    project_dir: str, snapshot_id: str, manifest: dict[str, Any], incoming: str
) -> dict[str, Any]:
    """Verifies every file in `incoming` against the manifest and gives it the snapshot's name.

    Where the snapshot exists already, be it from another laptop, `incoming` is only removed.
    """
    entries = _checked(manifest, snapshot_id)
    place = _incoming(project_dir, snapshot_id, incoming)
    final = _folder(project_dir, snapshot_id)
    with _making(place, final):
        if not os.path.isdir(final):
            _verify(place, entries)
            for entry in entries:
                if entry.kind != "l":
                    trees.set_mode(trees.at(place, entry.path), trees.MODES[entry.kind])
            trees.flush(place, entries)
        _publish_manifest(project_dir, snapshot_id, manifest)
        _rename(place, final)
    return {"snapshot": snapshot_id}


def discard(project_dir: str, snapshot_id: str, incoming: str) -> None:
    """Removes a transfer that was given up."""
    remove_tree(_incoming(project_dir, snapshot_id, incoming))


def read_manifest(project_dir: str, snapshot_id: str) -> dict[str, Any]:
    """The manifest of a snapshot that is here; SnapshotError `no_snapshot` otherwise."""
    manifest = fs.read_json(_manifest_path(project_dir, snapshot_id))
    if manifest is None or not os.path.isdir(_folder(project_dir, snapshot_id)):
        raise SnapshotError("no_snapshot", f"snapshot {snapshot_id} is not on this server")
    return dict(manifest)


def copy_to_work(project_dir: str, snapshot_id: str, work: str) -> None:
    """Makes the run's own, writable copy of a snapshot. Does nothing where `work` exists.

    Never hard links: the run may write to its files. Where the file system can, the blocks are
    shared until then. `work` appears complete or not at all.
    """
    if not os.path.isdir(work):
        source = _folder(project_dir, snapshot_id)
        entries = manifests.parse(read_manifest(project_dir, snapshot_id))
        partial = f"{work}.copying-{os.urandom(4).hex()}"
        with _making(partial, work):
            os.mkdir(partial)
            _copy(source, partial, entries)
            trees.flush(partial, entries)
            _rename(partial, work)
    _remove_leftovers(work)


def sweep_incoming(project_dir: str, now: float, max_age_s: float) -> list[str]:
    """Removes the transfers in which nothing has moved for `max_age_s`; returns their names."""
    root = os.path.join(project_dir, "incoming")
    swept = []
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(os.listdir(root)):
            path = os.path.join(root, name)
            if now - _last_change(path) > max_age_s:
                remove_tree(path)
                swept.append(name)
    return swept


def remove_tree(folder: str) -> None:
    """Removes a folder with all that is in it, as far as it can. Links are not followed."""
    with contextlib.suppress(OSError):
        if not os.path.isdir(folder) or os.path.islink(folder):
            os.unlink(folder)
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files + folders:
            path = os.path.join(parent, name)
            with contextlib.suppress(OSError):
                if name in files or os.path.islink(path):
                    os.unlink(path)
                else:
                    os.rmdir(path)
    with contextlib.suppress(OSError):
        os.rmdir(folder)


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


def _extract(archive: Any, folder: str, entries: list[manifests.Entry]) -> set[str]:
    """Writes the files of the archive; returns their paths. Anything unexpected is refused."""
    import tarfile
    import zlib

    wanted = {entry.path: entry for entry in entries if entry.kind != "l"}
    arrived: set[str] = set()
    try:
        with tarfile.open(
            fileobj=archive, mode="r|gz", encoding="utf-8", errors="surrogateescape"
        ) as tar:
            for member in tar:
                entry = wanted.pop(member.name, None)
                if entry is None or member.type != tarfile.REGTYPE or member.size != entry.size:
                    raise SnapshotError("bad_archive", f"not in the manifest: {member.name!a}")
                trees.write(trees.at(folder, entry.path), tar.extractfile(member))
                arrived.add(entry.path)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise SnapshotError("bad_archive", f"the archive is damaged: {error}") from error
    return arrived


def _link_unchanged(
    project_dir: str, base: str, folder: str, entries: list[manifests.Entry]
) -> None:
    """Takes from `base` the files that have the same content there, under whatever name."""
    try:
        old = manifests.parse(read_manifest(project_dir, base))
        same = {(entry.kind, entry.digest): entry.path for entry in old if entry.kind != "l"}
        for entry in entries:
            path = same.get((entry.kind, entry.digest))
            if path is not None:
                source = trees.at(_folder(project_dir, base), path)
                trees.link(source, trees.at(folder, entry.path))
    except (ValueError, FileNotFoundError) as error:
        raise SnapshotError("base_missing", f"snapshot {base} is gone or damaged") from error


def _verify(folder: str, entries: list[manifests.Entry]) -> None:
    wrong = trees.differences(folder, entries)
    if wrong:
        more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
        listed = ", ".join(ascii(path) for path in wrong[:_LISTED])
        raise SnapshotError("mismatch", f"not as in the manifest: {listed}{more}")


def _publish_manifest(project_dir: str, snapshot_id: str, manifest: dict[str, Any]) -> None:
    path = _manifest_path(project_dir, snapshot_id)
    if not os.path.isfile(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fs.publish_json(path, {"files": manifest["files"]})


def _copy(source: str, target: str, entries: list[manifests.Entry]) -> None:
    trees.make_folders(target, entries)
    trees.make_links(target, entries)
    for entry in entries:
        if entry.kind == "l":
            continue
        mode = 0o777 if entry.kind == "x" else 0o666  # less what the user's umask takes away
        size = trees.copy(trees.at(source, entry.path), trees.at(target, entry.path), mode)
        if size != entry.size:
            raise SnapshotError("no_snapshot", f"the snapshot is damaged: {entry.path!a}")


def _folder(project_dir: str, snapshot_id: str) -> str:
    if not manifests.is_id(snapshot_id):
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


def _checked(manifest: dict[str, Any], snapshot_id: str) -> list[manifests.Entry]:
    try:
        entries = manifests.parse(manifest)
    except ValueError as error:
        raise SnapshotError("bad_manifest", str(error)) from error
    if manifests.identify(manifest) != snapshot_id:
        raise SnapshotError("bad_manifest", f"this is not the manifest of {snapshot_id}")
    return entries


def _latest(project_dir: str) -> str | None:
    found: list[tuple[int, str]] = []
    with contextlib.suppress(FileNotFoundError):
        for item in os.scandir(os.path.join(project_dir, "manifests")):
            name, extension = os.path.splitext(item.name)
            if extension == ".json" and manifests.is_id(name):
                found.append((item.stat().st_mtime_ns, name))
    newest_first = (name for _, name in sorted(found, reverse=True))
    return next((name for name in newest_first if os.path.isdir(_folder(project_dir, name))), None)


def _last_change(path: str) -> float:
    """When anything in a folder was last made, written or renamed, in seconds since 1970."""
    newest = 0.0
    for parent, _, files in os.walk(path):
        for name in [parent, *(os.path.join(parent, each) for each in files)]:
            with contextlib.suppress(FileNotFoundError):
                newest = max(newest, os.lstat(name).st_ctime)
    return newest or os.lstat(path).st_ctime


@contextlib.contextmanager
def _making(folder: str, final: str | None = None) -> Iterator[None]:
    """Removes `folder` if what is done inside fails; says so where the disk was full.

    A folder that vanished is no failure once `final` exists: another process was first.
    """
    try:
        yield
    except FileNotFoundError:
        remove_tree(folder)
        if final is None or not os.path.isdir(final):
            raise
    except OSError as error:
        remove_tree(folder)
        if error.errno not in _NO_SPACE:
            raise
        place = os.path.dirname(folder)
        raise SnapshotError("disk_full", f"no space is left on the server in {place}") from error
    except BaseException:
        remove_tree(folder)
        raise


def _rename(folder: str, final: str) -> None:
    """Gives `folder` its final name, or removes it where another process was first."""
    os.makedirs(os.path.dirname(final), exist_ok=True)
    try:
        os.rename(folder, final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    fs.sync_folder(os.path.dirname(final))
    remove_tree(folder)


def _remove_leftovers(work: str) -> None:
    """What crashed copies left behind, and the copies of whoever was second."""
    folder, name = os.path.split(work)
    for each in os.listdir(folder):
        if each.startswith(f"{name}.copying-"):
            remove_tree(os.path.join(folder, each))
