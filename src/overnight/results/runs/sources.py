"""Which files of a run belong together, which attempt wrote them, and which is believed. Pure.

Paths are relative to the run's folder. What an attempt printed is `attempts/N/output.log`; what
the training wrote by itself lies below `work`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from overnight.results.curves import Found

_ATTEMPT = re.compile(r"attempts/([0-9]+)/output\.log")
_OURS = re.compile(r"attempts/|\.pull/|[^/]*\Z")
_OWN_FOLDER = re.compile(r"attempts/[^/]*/.*")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Pictures, weights and code: not worth opening.
NEVER = _words(
    "png jpg jpeg gif webp svg pdf mp4 wav npy npz pt pth ckpt safetensors bin pkl h5 hdf5 onnx "
    "gz zip tar py pyc ipynb md sh so html css js yaml yml toml cfg ini parquet arrow"
)
# What W&B writes about itself, and the output that we have.
_OF_WANDB = re.compile(r"(?:.*/)?wandb/(?:offline-)?run-[^/]*/(?:logs/.*|files/output\.log)")
_STATE = re.compile(r"(?:(.*)/)?checkpoint-([0-9]+)/trainer_state\.json")
_EVENTS = re.compile(r"events\.out\.tfevents")
# What a logger names anew with each start: Lightning's version, W&B's run, MLflow's id, a moment.
_STARTS = re.compile(
    r"version_[0-9]+|run-[0-9]{8}_[0-9]{6}-\w+|\b[0-9a-f]{32}\b"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[/_T-][0-9]{2}-[0-9]{2}-[0-9]{2}"
    r"|[A-Z][a-z]{2}[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}|[0-9]{8}[-_T][0-9]{4,6}"
)
PRINTED = "text_log"  # the format of what is meant for people


@dataclass(frozen=True, kw_only=True)
class Read:
    """One file of a run as its reader gave it. `attempt`: who wrote it last; 0 for unknown."""

    path: str
    found: Found
    attempt: int = 0


@dataclass(frozen=True, kw_only=True)
class Source:
    """Files that are one record, in the order in which they were written.

    `is_printed`: meant for people. `by_attempts`: each file is one attempt's.
    """

    reads: tuple[Read, ...]
    is_printed: bool
    by_attempts: bool

    @property
    def path(self) -> str:
        return self.reads[0].path


def is_candidate(path: str) -> bool:
    """Whether a file of a run's folder may be one of metrics: not our own records, no rank logs.

    A name that is no text in UTF-8 cannot be told, so such a file is left out.
    """
    if not path.isascii():
        try:
            path.encode()
        except UnicodeEncodeError:
            return False
    if _ATTEMPT.fullmatch(path):
        return True
    if _OURS.match(path) or _OF_WANDB.fullmatch(path):
        return False
    return path.rpartition(".")[2].lower() not in NEVER


def is_ours(path: str) -> bool:
    """Whether a folder of a run's folder holds nothing but our own records."""
    return path == ".pull" or bool(_OWN_FOLDER.fullmatch(path))


def chosen(paths: Mapping[str, float]) -> list[str]:
    """The paths worth reading, sorted; `paths` has their times of change.

    Each checkpoint of the Hugging Face Trainer holds the history up to it: one is enough.
    """
    saved: dict[str, dict[int, str]] = {}
    for path in paths:
        if found := _STATE.fullmatch(path):
            top = f"{found[1] or ''}/trainer_state.json".lstrip("/")
            saved.setdefault(top, {})[int(found[2])] = path
    passed = set()
    for top, checkpoints in saved.items():
        newest = checkpoints[max(checkpoints)]
        if top in paths:
            newest = max(newest, top, key=lambda path: (paths[path], path == top))
        passed |= {top, *checkpoints.values()} - {newest}
    return sorted(path for path in paths if path not in passed)


def attempt_of(path: str, mtime: float, started: Mapping[int, float]) -> int:
    """Which attempt wrote a file last; 0 for unknown.

    `started`: when each attempt began, by the clock of `mtime`.
    """
    if found := _ATTEMPT.fullmatch(path):
        return int(found[1])
    if len(started) == 1:
        return next(iter(started))
    before = [n for n, at in started.items() if at <= mtime]
    return max(before, default=0)


def sources(reads: Iterable[Read]) -> list[Source]:
    """Sorted by how far they are believed: files for machines first, nearest to the top first."""
    groups: dict[str, list[Read]] = {}
    for read in sorted(reads, key=lambda read: read.path):
        groups.setdefault(_family(read.path), []).append(read)
    found = [source for group in groups.values() for source in _sources(group)]
    return sorted(found, key=_belief)


def _belief(source: Source) -> tuple[bool, bool, int, str]:
    """What an attempt printed is ours, so it comes before other text."""
    is_other = source.is_printed and not _ATTEMPT.fullmatch(source.path)
    return source.is_printed, is_other, source.path.count("/"), source.path


def _family(path: str) -> str:
    if _ATTEMPT.fullmatch(path):
        return "attempts"
    folder, _, name = _STARTS.sub("#", path).rpartition("/")
    return f"{folder}/events" if _EVENTS.match(name) else f"{folder}/{name}"


def _sources(group: Sequence[Read]) -> list[Source]:
    """One source where each file is another attempt's, or where a writer adds files; else each."""
    first = group[0]
    if _ATTEMPT.fullmatch(first.path):
        ordered = sorted(group, key=lambda read: read.attempt)
        return [Source(reads=tuple(ordered), is_printed=True, by_attempts=True)]
    attempts = [read.attempt for read in group]
    if len(group) > 1 and 0 not in attempts and len(set(attempts)) == len(group):
        ordered = sorted(group, key=lambda read: read.attempt)
        return [Source(reads=tuple(ordered), is_printed=_is_printed(first), by_attempts=True)]
    if _EVENTS.match(first.path.rpartition("/")[2]):
        return [_of_one_folder(here) for here in _by_folder(group)]
    return [Source(reads=(r,), is_printed=_is_printed(r), by_attempts=False) for r in group]


def _by_folder(group: Sequence[Read]) -> list[list[Read]]:
    folders: dict[str, list[Read]] = {}
    for read in group:
        folders.setdefault(read.path.rpartition("/")[0], []).append(read)
    return list(folders.values())


def _of_one_folder(reads: list[Read]) -> Source:
    return Source(reads=tuple(reads), is_printed=False, by_attempts=False)


def _is_printed(read: Read) -> bool:
    return read.found.format == PRINTED


def is_summary(path: str, count: int) -> bool:
    """Whether a file tells one value only, such as `all_results.json`: no curve."""
    return count == 1 and path.endswith(".json")
