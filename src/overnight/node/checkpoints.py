"""Finding the checkpoint that a run continues from: the newest one that is whole.

A checkpoint is a file (torch, safetensors, npz, pickle) or a folder (`checkpoint-500/` of the
Hugging Face Trainer). One that is half written is named and passed over.
"""

from __future__ import annotations

import json
import os
import re
from typing import Iterator, NamedTuple, Sequence

from overnight.node import intact

DEFAULT_GLOBS = (
    *("*.pt", "*.pth", "*.pth.tar", "*.ckpt", "*.safetensors", "*.npz"),
    *("*ckpt*.pkl", "*checkpoint*.pkl", "*last*.pkl", "*model*.pkl"),
    "checkpoint-*/",
)
MAX_DEPTH = 8
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".distcp")
BEST = re.compile(r"(?<![a-z])best", re.IGNORECASE)
TRAINER_FOLDER = re.compile(r"checkpoint-\d+\Z")
STEP = re.compile(r"(?:step|iter|checkpoint)[=_-]?(\d+)", re.IGNORECASE)
# What trainings write beside their checkpoints, with the same endings.
SIDE_FILE = re.compile(r"optim|sched|rng|pred|embed|feature|result|metric|histor", re.IGNORECASE)
MAIN_FILE = re.compile(r"ckpt|checkpoint|model|weight", re.IGNORECASE)


class Checkpoint(NamedTuple):
    """`path` starts with the work folder as it was given. `problem` is None for a whole one.

    For a folder the time is that of its newest file and the size is the sum. `step` is the number
    in the name, where there is one.
    """

    path: str
    mtime_ns: int
    size: int
    step: int | None
    problem: str | None = None

    @property
    def is_best(self) -> bool:
        return bool(BEST.search(os.path.basename(self.path)))


class Choice(NamedTuple):
    """`passed_over` would have been taken before `chosen`, but are damaged; each says how."""

    chosen: Checkpoint | None
    passed_over: tuple[Checkpoint, ...] = ()


def newest_valid(
    work: str, globs: Sequence[str], since: float | None = None, validate: bool = True
) -> Checkpoint | None:
    """The checkpoint to continue from, or None. Arguments as in `choose`."""
    return choose(work, globs, since, validate).chosen


def choose(
    work: str,
    globs: Sequence[str],
    since: float | None = None,
    validate: bool = True,
    spoilt: Sequence[tuple[float, float]] = (),
) -> Choice:
    """The newest whole checkpoint, and the damaged ones that came before it.

    `globs` are relative to `work` and know `*`, `?` and `**`; one without a folder matches at any
    depth, one with a `/` at its end means folders. Empty for the usual ones. Files older than
    `since` (seconds, the run's first start) came with the code and are not ours to continue from.
    `spoilt`: what was written in these stretches of time (seconds) holds what went wrong.
    A `best*` file is taken only where there is nothing else, because it may lie far behind.
    """
    written = found(work, globs, since)
    good = [each for each in written if not is_spoilt(each, spoilt)]
    candidates = sorted(good, key=preference)
    passed_over: list[Checkpoint] = []
    for candidate in candidates:
        judged = candidate._replace(problem=problem(candidate.path)) if validate else candidate
        if judged.problem is None:
            return Choice(judged, tuple(passed_over))
        passed_over.append(judged)
    return Choice(None, tuple(passed_over))


def is_spoilt(checkpoint: Checkpoint, spoilt: Sequence[tuple[float, float]]) -> bool:
    written_at = checkpoint.mtime_ns / 1e9
    return any(began < written_at <= ended for began, ended in spoilt)


def scan(work: str, globs: Sequence[str], since: float | None = None) -> list[Checkpoint]:
    """Every checkpoint, newest first, each with its problem."""
    newest_first = sorted(found(work, globs, since), key=age)
    return [each._replace(problem=problem(each.path)) for each in newest_first]


def age(checkpoint: Checkpoint) -> tuple[int, int, str]:
    step = -1 if checkpoint.step is None else checkpoint.step
    return -checkpoint.mtime_ns, -step, checkpoint.path


def preference(checkpoint: Checkpoint) -> tuple[bool, tuple[int, int, str]]:
    return checkpoint.is_best, age(checkpoint)


def step_of(path: str) -> int | None:
    """The step in a name such as step_100.pt or epoch=3-step=90.ckpt, else its last number."""
    name = os.path.basename(path)
    numbers = STEP.findall(name) or re.findall(r"\d+", os.path.splitext(name)[0])
    return int(numbers[-1]) if numbers else None


# -- finding ----------------------------------------------------------------------------------


def found(work: str, globs: Sequence[str], since: float | None) -> Iterator[Checkpoint]:
    """Candidates that are not judged yet."""
    since_ns = 0 if since is None else int(since * 1e9)
    for path in sorted(set(matching(work, globs or DEFAULT_GLOBS))):
        if not globs and is_side_file(os.path.basename(path)):
            continue
        seen = measured(path)
        if seen is not None and seen[0] >= since_ns:
            yield Checkpoint(path, *seen, step=step_of(path))


def is_side_file(name: str) -> bool:
    return bool(SIDE_FILE.search(name)) and not MAIN_FILE.search(name)


def measured(path: str) -> tuple[int, int] | None:
    """(newest mtime in ns, bytes) of a file or a folder; None where it has just gone."""
    try:
        files = list(files_below(path)) if os.path.isdir(path) else [path]
        stats = [os.stat(each) for each in files]
    except OSError:
        return None
    if not stats:
        return None
    return max(stat.st_mtime_ns for stat in stats), sum(stat.st_size for stat in stats)


def files_below(folder: str) -> Iterator[str]:
    for base, _, names in os.walk(folder):
        for name in sorted(names):
            yield os.path.join(base, name)


def matching(work: str, globs: Sequence[str]) -> Iterator[str]:
    """Paths under `work` that match one of the globs."""
    for glob in globs:
        start, pattern = split_glob(glob)
        search = Search(
            re.compile(translated(pattern)),
            folders=glob.endswith("/"),
            into_trainer_folders=bool(re.search(r"(^|/)checkpoint[^/]*/", pattern)),
        )
        yield from walk(os.path.join(work, start) if start else work, "", search, MAX_DEPTH)


class Search(NamedTuple):
    """What is looked for: `wanted` is matched against paths relative to where the search starts."""

    wanted: re.Pattern[str]
    folders: bool
    into_trainer_folders: bool


def split_glob(glob: str) -> tuple[str, str]:
    """(the folders at the start that are written out, the rest)."""
    parts = glob.strip("/").split("/")
    if len(parts) == 1:
        parts.insert(0, "**")
    fixed = 0
    while fixed < len(parts) - 1 and not re.search(r"[*?]", parts[fixed]):
        fixed += 1
    return "/".join(parts[:fixed]), "/".join(parts[fixed:])


def translated(pattern: str) -> str:
    """A glob as a regular expression: `**/` is any folders, `*` and `?` stay within a name."""
    tokens = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return "".join(tokens.get(piece) or re.escape(piece) for piece in pieces) + r"\Z"


def walk(folder: str, inner: str, search: Search, depth: int) -> Iterator[str]:
    """Files (or folders) below `folder` whose path, `inner` + name, is wanted.

    What lies inside of a Trainer's checkpoint folder belongs to it and is none by itself, unless
    the glob names such folders. Linked folders are not entered; the start of the search may be one.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        matches = search.wanted.match(inner + entry.name)
        if is_walkable(entry):
            if search.folders and matches:
                yield entry.path
            elif depth > 1 and (
                search.into_trainer_folders or not TRAINER_FOLDER.match(entry.name)
            ):
                yield from walk(entry.path, f"{inner}{entry.name}/", search, depth - 1)
        elif matches and not search.folders and entry.is_file():
            yield entry.path


def is_walkable(entry: os.DirEntry[str]) -> bool:
    """Folders of the run itself: not hidden, no links, no environments."""
    if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
        return False
    if entry.name in ("site-packages", "node_modules", "__pycache__"):
        return False
    marks = ("pyvenv.cfg", "conda-meta")
    return not any(os.path.exists(os.path.join(entry.path, mark)) for mark in marks)


# -- judging ----------------------------------------------------------------------------------


def problem(path: str) -> str | None:
    """What is wrong with a checkpoint, or None where it is whole."""
    return folder_problem(path) if os.path.isdir(path) else intact.problem(path)


def folder_problem(folder: str) -> str | None:
    """All of its weights must be whole; the HF Trainer writes trainer_state.json last."""
    files = list(files_below(folder))
    if TRAINER_FOLDER.match(os.path.basename(folder)):
        state = os.path.join(folder, "trainer_state.json")
        if not is_json(state):
            return "trainer_state.json is damaged" if state in files else "no trainer_state.json"
    weights = [path for path in files if path.endswith(WEIGHTS)]
    if not weights:
        return "no weights file"
    for path in weights:
        wrong = intact.problem(path)
        if wrong is not None:
            return f"{os.path.relpath(path, folder)}: {wrong}"
    return missing_shard([path for path in files if path.endswith(".index.json")])


def missing_shard(indexes: Sequence[str]) -> str | None:
    """An index names the file of each tensor; all of them must be there."""
    for index in indexes:
        try:
            with open(index, "rb") as file:
                shards = set(json.load(file)["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return f"{os.path.basename(index)} is damaged"
        for shard in sorted(shards):
            if not os.path.isfile(os.path.join(os.path.dirname(index), shard)):
                return f"{shard} is missing"
    return None


def is_json(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            json.load(file)
    except (OSError, ValueError):
        return False
    return True
