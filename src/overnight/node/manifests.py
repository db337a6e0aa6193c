"""What a snapshot holds: `{"files": [[path, kind, size, digest], …]}`, sorted by path.

`kind` is "f" (file), "x" (executable file) or "l" (symbolic link: size 0, digest = what it points
to); `digest` is otherwise the SHA-256 of the content in hex. Paths and link targets travel as
UTF-8 with lone surrogates for other bytes, whatever the server's locale is. The id of a snapshot
is the first 16 hex digits of the SHA-256 of `fs.dump` of the manifest.
"""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple

from overnight.node import fs

ID_LENGTH = 16


class Entry(NamedTuple):
    path: str
    kind: str
    size: int
    digest: str


def parse(manifest: Any) -> list[Entry]:
    """The entries; ValueError unless they are well formed and none can lead outside."""
    try:
        entries = [Entry(*row) for row in manifest["files"]]
        everything = {entry.path for entry in entries}
        wrong = [entry.path for entry in entries if not _is_sound(entry, everything)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest: {error!r}") from error
    paths = [entry.path for entry in entries]
    if wrong or len(everything) != len(paths) or paths != sorted(paths):
        raise ValueError(f"not a manifest: {wrong[:1] or 'out of order'!r}")
    return entries


def identify(manifest: Any) -> str:
    """The id of the snapshot that this manifest describes."""
    import hashlib  # 4 MB of memory that a supervisor does without

    return hashlib.sha256(fs.dump({"files": manifest["files"]})).hexdigest()[:ID_LENGTH]


def is_id(name: str) -> bool:
    return len(name) == ID_LENGTH and set(name) <= set("0123456789abcdef")


def raw(path: str) -> bytes:
    """The bytes of a path or a link target as they were on the laptop."""
    return path.encode("utf-8", "surrogateescape")


def folders(entries: Iterable[Entry]) -> set[str]:
    """All folders that the entries lie in, at any depth."""
    return {parent for entry in entries for parent in _parents(entry.path)}


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _is_sound(entry: Entry, everything: set[str]) -> bool:
    """Neither absolute nor with `..`, and not below a path that is itself a file or a link."""
    parts = raw(entry.path).split(b"/")
    target = raw(entry.digest)
    if any(part in (b"", b".", b"..") or b"\0" in part for part in parts):
        return False
    if any(parent in everything for parent in _parents(entry.path)):
        return False
    if entry.kind == "l":
        return entry.size == 0 and target != b"" and b"\0" not in target
    return entry.kind in ("f", "x") and type(entry.size) is int and entry.size >= 0
