"""How the code of runs differs, as far as this machine knows the files of their snapshots."""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from overnight.app import Overnight
from overnight.core import places, text
from overnight.results.comparison.arms import Outcome
from overnight.sync import gitinfo

MOST_FILES = 4
LARGEST_BYTES = 1_000_000  # of a file whose lines are compared
MOST_LINES = 5000


class Change(NamedTuple):
    """A file that differs. `added` and `removed` are lines; None where its content is not here."""

    path: str
    added: int | None
    removed: int | None

    def words(self) -> str:
        """`train.py +3 -1`"""
        lines = f" +{self.added} -{self.removed}" if self.added is not None else ""
        return f"{text.printable(self.path)}{lines}"


class Snapshots:
    """The files of snapshots: their list from the mirror, their text from this folder or git."""

    def __init__(self, o: Overnight) -> None:
        self.o = o
        self.files = functools.cache(self._files)
        self.content = functools.cache(self._content)

    def _files(self, snapshot: str) -> dict[str, str]:
        """Path -> digest; empty where it is not known here. Without our own file, which no training
        reads: what of it matters to a run (command, environment) is told apart.
        """
        known = self.o.mirror.manifest(snapshot)
        rows = known["files"] if known else []
        return {str(row[0]): str(row[3]) for row in rows if row[0] != places.CONFIG_NAME}

    def _content(self, path: str, digest: str, commit: str | None) -> bytes | None:
        """The bytes of this digest: as they lie here, else as the commit has them."""
        for found in (self._here(path), self._committed(path, commit)):
            if found is not None and hashlib.sha256(found).hexdigest() == digest:
                return found
        return None

    def _here(self, path: str) -> bytes | None:
        place = Path(self.o.root, path)
        try:
            return place.read_bytes() if place.stat().st_size <= LARGEST_BYTES else None
        except OSError:
            return None

    def _committed(self, path: str, commit: str | None) -> bytes | None:
        if not commit or commit.startswith("-"):
            return None
        try:
            found = gitinfo.run(self.o.root, "show", f"{commit}:./{path}")
        except OSError:
            return None
        is_whole = found.returncode == 0 and len(found.stdout) <= LARGEST_BYTES
        return found.stdout if is_whole else None

    def text_of(self, snapshot: str, path: str, commit: str | None) -> str | None:
        """A file of a snapshot; None where it is not known here."""
        is_inside = not path.startswith("/") and ".." not in path.split("/")
        digest = self.files(snapshot).get(path) if is_inside else None
        found = self.content(path, digest, commit) if digest else None
        return found.decode("utf-8", "replace") if found is not None else None


def changes(
    known: Snapshots, one: Mapping[str, Any], other: Mapping[str, Any], apart: Sequence[str] = ()
) -> list[Change] | None:
    """The files of `other` that differ from those of `one`; both are provenances.

    `apart`: files that are told key by key elsewhere. None where a snapshot is not known here.
    """
    before, after = known.files(snapshot(one)), known.files(snapshot(other))
    if not before or not after:
        return None
    paths = sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )
    return [_change(known, path, one, other) for path in paths if path not in apart]


def _change(
    known: Snapshots, path: str, one: Mapping[str, Any], other: Mapping[str, Any]
) -> Change:
    texts = [
        known.text_of(snapshot(each), path, each.get("commit"))
        if path in known.files(snapshot(each))
        else ""
        for each in (one, other)
    ]
    before, after = texts
    if before is None or after is None or "\0" in before + after:
        return Change(path, None, None)
    lines = before.splitlines(), after.splitlines()
    if max(map(len, lines)) > MOST_LINES:
        return Change(path, None, None)
    matcher = difflib.SequenceMatcher(None, *lines, autojunk=False)
    moves = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    added = sum(end - start for _, _, _, start, end in moves)
    return Change(path, added, sum(end - start for _, start, end, _, _ in moves))


def snapshot(provenance: Mapping[str, Any]) -> str:
    return str(provenance.get("snapshot") or "")


def told(
    known: Snapshots, outcomes: Sequence[Outcome], apart: Sequence[str]
) -> list[dict[str, Any]]:
    """For each run what its provenance gains: `code`, equal for equal code, and `code_words`.

    Runs whose snapshots differ in nothing but `apart` have the same code. The first run is what the
    others are told against.
    """
    first = next((each.provenance for each in outcomes if snapshot(each.provenance)), {})
    by_snapshot: dict[str, dict[str, Any]] = {}
    for each in outcomes:
        here = snapshot(each.provenance)
        if here and here not in by_snapshot:
            by_snapshot[here] = _told(known, first, each.provenance, apart)
    return [by_snapshot.get(snapshot(each.provenance), {}) for each in outcomes]


def _told(
    known: Snapshots, first: Mapping[str, Any], other: Mapping[str, Any], apart: Sequence[str]
) -> dict[str, Any]:
    if snapshot(first) == snapshot(other):
        return {"code": _code(known, other, apart), "code_words": ""}
    found = changes(known, first, other, apart)
    if found is None:
        return {"code": _code(known, other, apart), **_between(first, other)}
    return {"code": _code(known, other, apart), "code_words": in_words(found)}


def _between(first: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, str]:
    """By the commits, where these are all that is known."""
    one, two = first.get("commit"), other.get("commit")
    if not one or not two:
        return {}
    dirty = " and what was not committed" if first.get("dirty") or other.get("dirty") else ""
    if one == two:
        return {"code_words": f"commit {str(one)[:7]}{dirty}"} if dirty else {}
    return {"code_words": f"commits {str(one)[:7]}..{str(two)[:7]}{dirty}"}


def _code(known: Snapshots, provenance: Mapping[str, Any], apart: Sequence[str]) -> str:
    """Equal where all files but `apart` are; the snapshot itself where they are not known."""
    files = known.files(snapshot(provenance))
    if not files:
        return snapshot(provenance)
    kept = sorted((path, digest) for path, digest in files.items() if path not in apart)
    return hashlib.sha256(repr(kept).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def in_words(found: Sequence[Change]) -> str:
    """`changed: train.py +3 -1, model.py +10 -2 and 2 more`; empty for none."""
    if not found:
        return ""
    more = f" and {len(found) - MOST_FILES} more" if len(found) > MOST_FILES else ""
    return f"changed: {', '.join(each.words() for each in found[:MOST_FILES])}{more}"
