"""The logs that a launcher keeps of each rank, in `attempts/N/ranks`.

torchrun and Accelerate: `…/attempt_K/RANK/stdout.log` and `stderr.log`, K counts torch's own
restarts. DeepSpeed: `…_rankN.log` with both streams.
"""

from __future__ import annotations

import os
import re
from typing import Iterable, Iterator, NamedTuple

FOLDER = "ranks"
MOST_FILES = 1024
MOST_RANKS = 64  # that are looked into
DEEPEST = 4
WENT_ON_S = 5.0
NAME = re.compile(
    r"(?:.*/)?(?:attempt_(?P<restart>\d{1,6})/(?P<torch>\d{1,5})/(?P<stream>stdout|stderr)"
    r"|[^/]*_rank(?P<deepspeed>\d{1,5}))\.log"
)


class RankLog(NamedTuple):
    """`path` is relative to the folder of all; `restart` counts torch's own restarts."""

    rank: int
    restart: int
    stream: str
    path: str


def named(path: str) -> RankLog | None:
    """What a file is by its name; None for one that is no rank's log."""
    found = NAME.fullmatch(path)
    if found is None:
        return None
    rank = int(found.group("torch") or found.group("deepspeed"))
    return RankLog(rank, int(found.group("restart") or 0), found.group("stream") or "both", path)


def listed(folder: str) -> list[RankLog]:
    """All that are there, by rank and name; links are not followed."""
    return sorted(each for each in map(named, _files(folder)) if each is not None)


def latest(logs: Iterable[RankLog]) -> list[RankLog]:
    """Those of torch's last restart: what came before was outlived."""
    logs = list(logs)
    last = max((each.restart for each in logs), default=0)
    return [each for each in logs if each.restart == last]


def _files(folder: str) -> Iterator[str]:
    """Paths below `folder`, at most so many and so deep: a training may write there too."""
    seen = 0
    for place, folders, names in os.walk(folder):
        inner = os.path.relpath(place, folder)
        if inner.count("/") + 1 >= DEEPEST:
            folders.clear()
        for name in sorted(names):
            seen += 1
            if seen > MOST_FILES:
                return
            if os.path.isfile(os.path.join(place, name)) and not _is_link(place, name):
                yield os.path.normpath(os.path.join(inner, name))


def _is_link(place: str, name: str) -> bool:
    return os.path.islink(os.path.join(place, name))


def last_words(folder: str) -> list[RankLog]:
    """Where each rank would have cried, who fell silent first comes first.

    Left out are ranks that went on writing after their last word there.
    """
    logs = latest(listed(folder))
    changed = {each: _changed_at(os.path.join(folder, each.path)) for each in logs}
    cries = [each for each in logs if each.stream != "stdout"]
    out = {each.rank: changed[each] for each in logs if each.stream == "stdout"}
    kept = [each for each in cries if out.get(each.rank, 0.0) - changed[each] <= WENT_ON_S]
    return sorted(kept, key=lambda each: (changed[each], each.rank))[:MOST_RANKS]


def _changed_at(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
