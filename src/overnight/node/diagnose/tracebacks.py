"""Exceptions in a log: Python's tracebacks, plain, chained, by rank, in boxes, from workers."""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence

from overnight.node.diagnose.log import Line

MAX_RAISED = 200
MAX_FRAMES = 600
MAX_FRAME_TEXT = 12_000
MAX_MESSAGE = 1500
MORE_LINES = 10
SCANNED_LINES = 60
MAX_STRAY = 6

HEADER = "Traceback (most recent call last)"
LINKS = (
    "During handling of the above exception, another exception occurred",
    "The above exception was the direct cause of the following exception",
)
# `  + Exception Group Traceback` and its `  | ` and `    +-+---- 1 ----`; rich's `│ … │`
GROUP = re.compile(r"^\s*(?:[|+]\s?)+(?:-[-+ ]*(?:\d+ -+)?)?")
BOX = re.compile(r"^[╭╰│┃┏┗╞╔╚║|]")
BOX_FRAME = re.compile(r"[│║|]\s*(?P<file>\S+?):(?P<line>\d+) in (?P<name>\S+)")
NAME = r"(?P<name>(?:[A-Za-z_]\w*\.){0,12}[A-Za-z_]\w*)"
# directly under a traceback any class may stand
ENDING = re.compile(NAME + r"(?:\([\w.]+\))?(?::\s?(?P<text>.*))?$")
# what Python prints of an exception that it could not print (CPython, Objects/object.c)
DUMPED = re.compile(
    r"object repr\s*: " + NAME + r"\((?P<quote>['\"]?)(?P<text>.*?)(?P=quote),?\)\s*$"
)
# elsewhere only what is clearly the name of an exception
LOOSE = re.compile(
    r"(?P<name>(?:[A-Za-z_]\w*\.){0,12}(?:[A-Z]\w*(?:Error|Exception|Interrupt"
    r"|Failure|Fault)"
    r"|BadZipFile|ReadError|ExceptionGroup|SystemExit|StopIteration"
    r"|UnidentifiedImageError"
    r"|MissingMandatoryValue|TraitError|ConfigKeyError))"
    r"(?:\([\w.]+\))?(?::\s(?P<text>.*)|:?)$"
)
NUMBER = re.compile(r"[-+\d.]+(?:e[-+]?\d+)?\s?%?(?:\W|$)")  # `TestError: 0.12` is a metric
NOT_CLASSES = frozenset({"Traceback", "File", "Note", "Warning", "INFO", "ERROR", "WARNING"})
CAUGHT = re.compile(
    r"Caught \S+ in (?:\w+ )?(?:worker process|replica|pin memory thread|DataLoader)"
)
IGNORED = re.compile(r"^Exception ignored in|^Error in atexit|Error in sys\.excepthook")
THREAD = re.compile(r"^Exception in thread|Uncaught exception in thread")
CHILD = re.compile(r"^(?:Process \S+:|-- Process \d+ terminated)")
LOGGED = re.compile(
    r"\b(?:ERROR|WARNING|WARN|EXCEPTION)\b|[Ee]xception (?:occurred|caught)"
    r"|[Cc]aught (?:an? )?exception"
)


class Raised(NamedTuple):
    """One exception. `at` and `begin` are indices of its message and of its traceback's head.

    Without a traceback `begin` equals `at` and `frames` is empty. `after` is the index (in the
    list of exceptions) of the one that it was raised from or during.
    """

    at: int
    begin: int
    name: str
    text: str
    frames: str
    source: str
    after: int | None = None
    in_worker: bool = False
    is_ignored: bool = False
    in_thread: bool = False
    is_logged: bool = False

    def short(self) -> str:
        return self.name.rpartition(".")[2]

    def whole(self) -> str:
        return f"{self.name}: {self.text}" if self.text else self.name


def parse(lines: Sequence[Line]) -> list[Raised]:
    """All exceptions in the order of their lines; each source is read on its own."""
    sources: dict[str, list[int]] = {}
    for index, line in enumerate(lines):
        sources.setdefault(line.source, []).append(index)
    found: list[Raised] = []
    for indices in sources.values():
        found.extend(_of_source(lines, indices, len(found)))
    return found


def _of_source(lines: Sequence[Line], indices: list[int], already: int) -> list[Raised]:
    found: list[Raised] = []
    at, linked = 0, False
    while at < len(indices) and len(found) < MAX_RAISED:
        text = lines[indices[at]].text
        if any(link in text for link in LINKS):
            linked, at = True, at + 1
            continue
        header = HEADER in text
        one = (_under_header if header else _alone)(lines, indices, at)
        if one is None:
            at += 1
            continue
        made, next_at = one
        if found and (linked or _is_inner(found[-1], lines, made)):
            made = made._replace(after=already + len(found) - 1)
            made = made._replace(
                in_worker=found[-1].in_worker or CAUGHT.search(found[-1].text) is not None
            )
        found.append(made)
        at, linked = next_at, False
    return found


def _is_inner(outer: Raised, lines: Sequence[Line], inner: Raised) -> bool:
    """A worker's own traceback, printed inside the message of the exception that brought it."""
    head = lines[inner.begin].text
    return head.startswith("Original Traceback") or (
        "terminated with the following error" in outer.text and inner.begin - outer.at < 8
    )


def _under_header(
    lines: Sequence[Line], indices: list[int], start: int
) -> tuple[Raised, int] | None:
    """The exception that ends the traceback which begins at `start`."""
    frames: list[str] = []
    stray, has_frames = 0, False
    for at in range(start + 1, min(len(indices), start + MAX_FRAMES)):
        text = (
            GROUP.sub("", lines[indices[at]].text, count=1)
            if _in_group(lines, indices, start)
            else lines[indices[at]].text
        )
        if HEADER in text:
            return None
        if not text or text[0] in " \t" or BOX.match(text):
            frames.append(text)
            has_frames = has_frames or 'File "' in text or BOX_FRAME.search(text) is not None
            continue
        found = DUMPED.match(text) or ENDING.match(text)
        if found and _is_class(found.group("name")):
            return _made(lines, indices, start, at, found, frames)
        stray += 1
        if stray > MAX_STRAY:
            return None
        frames.append(text)
    return None


def _in_group(lines: Sequence[Line], indices: list[int], start: int) -> bool:
    return lines[indices[start]].text.lstrip().startswith("+ Exception Group")


def _alone(lines: Sequence[Line], indices: list[int], at: int) -> tuple[Raised, int] | None:
    """An exception's line without a traceback in front of it."""
    text = lines[indices[at]].text
    if text[:4].isspace() and "| " in text[:12]:
        text = GROUP.sub("", text, count=1)
    if not text or not (text[0].isalpha() or text[0] == "_"):
        return None
    found = DUMPED.match(text) or LOOSE.match(text)
    if found is None or NUMBER.match(found.group("text") or ""):
        return None
    return _made(lines, indices, at, at, found, [])


def _is_class(name: str) -> bool:
    last = name.rpartition(".")[2]
    return name not in NOT_CLASSES and (last[:1].isupper() or "." in name)


def _made(
    lines: Sequence[Line],
    indices: list[int],
    start: int,
    at: int,
    found: re.Match[str],
    frames: list[str],
) -> tuple[Raised, int]:
    before = [lines[indices[n]].text for n in range(max(0, start - 2), start)]
    head = lines[indices[start]].text.partition(HEADER)[0]
    more = _more(lines, indices, at)
    made = Raised(
        at=indices[at],
        begin=indices[start],
        name=found.group("name"),
        text="\n".join([found.group("text") or "", *more])[:MAX_MESSAGE].strip(),
        frames="\n".join(frames)[-MAX_FRAME_TEXT:],
        source=lines[indices[at]].source,
        is_ignored=any(IGNORED.search(text) for text in before),
        in_thread=any(THREAD.search(text) for text in before),
        is_logged=start != at
        and bool(LOGGED.search(head) or (before and LOGGED.search(before[-1]))),
    )
    return made, at + 1


def _more(lines: Sequence[Line], indices: list[int], at: int) -> list[str]:
    """Further lines of a message, as far as they can be told from what is printed next."""
    more: list[str] = []
    for n in range(at + 1, min(len(indices), at + 1 + SCANNED_LINES)):
        text = lines[indices[n]].text
        if HEADER in text or any(link in text for link in LINKS) or LOOSE.match(text):
            break
        if len(more) == MORE_LINES or indices[n] - indices[at] > SCANNED_LINES:
            break
        if not text.startswith("  File ") and not text.startswith("    "):
            more.append(text)
    return more
