"""From exceptions and lines to candidates: what each of them would mean alone."""

from __future__ import annotations

import re
from typing import Any, Iterator, NamedTuple, Sequence

from overnight.node.diagnose import (
    checkpoint,
    collectives,
    crashes,
    data,
    endings,
    files,
    gpu,
    memory,
    modules,
    network,
    numbers,
    ranks,
    rules,
    settings,
    shapes,
    tracebacks,
)
from overnight.node.diagnose.log import Line

RULES = (
    *memory.RULES,
    *gpu.RULES,
    *files.RULES,
    *data.RULES,
    *checkpoint.RULES,
    *modules.RULES,
    *network.RULES,
    *collectives.RULES,
    *settings.RULES,
    *shapes.RULES,
    *numbers.RULES,
    *endings.RULES,
    *crashes.RULES,
)
ON_RAISED = tuple(rule for rule in RULES if not rule.word)
ON_PRINTED = tuple(rule for rule in RULES if rule.word)
PLAIN = frozenset({"code", "unknown"})
PLAIN_CONFIDENCE = 0.5
SURE = 0.8
WARNED = 0.6  # of the confidence is left where a line calls itself a warning
# a mistake in the code, whatever its text reminds of
BUGS = re.compile(
    r"^(?:\w+\.)*(?:NameError|UnboundLocalError|AttributeError|SyntaxError"
    r"|IndentationError|TabError|NotImplementedError|RecursionError"
    r"|ZeroDivisionError)\b"
)
BUG_WORDS = re.compile(
    r"unexpected keyword argument|required positional argument|object is not"
    r" (?:callable|subscriptable|iterable)|unsupported operand type|takes \d+"
    r" positional"
    r"|has no attribute|got multiple values for|must be real number, not|can only"
    r" concatenate|can't multiply sequence|not supported between instances"
    r"|Trying to backward through the graph|modified by an inplace operation|does"
    r" not require grad|No inf checks were recorded|Cannot re-initialize CUDA in"
    r" forked"
    r"|Expected all tensors to be on the same device|Expected object of (?:device"
    r"|scalar) type|Input type \(.*\) and weight type|leaf variable|expected"
    r" scalar type"
    r"|expected .*dtype|must have the same dtype|Expected to have finished"
    r" reduction in the prior iteration|should be the same$|found (?:Float|Half"
    r"|Long|Double|dtype)"
)
WARNING = re.compile(
    r"\bWARN(?:ING)?\b|\b\w*Warning\b|^\[?W\d{0,4}[ :\]]|\bretrying\b|\bskipping\b"
)
USER_FRAME = re.compile(
    r'File "(?!.*(?:site-packages|dist-packages|/lib/python\d|<frozen'
    r'|<string>))(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>\S+)'
)


class Candidate(NamedTuple):
    """A possible root. `begin` and `end` are indices of the first and last line of its telling."""

    found: rules.Found
    begin: int
    end: int
    source: str
    one: tracebacks.Raised | None = None

    @property
    def kind(self) -> str:
        return self.found.kind


def of_exceptions(raised: Sequence[tracebacks.Raised], moved: bool) -> Iterator[Candidate]:
    """One candidate for each chain of exceptions; those that Python ignored are left out."""
    followed = {one.after for one in raised if one.after is not None}
    for index, last in enumerate(raised):
        if index in followed or last.is_ignored:
            continue
        chain = [last]
        while chain[-1].after is not None and len(chain) < 12:
            chain.append(raised[chain[-1].after])
        chain.reverse()
        yield _root(chain, moved)


def _root(chain: list[tracebacks.Raised], moved: bool) -> Candidate:
    """The exception of a chain that tells the cause: the first that means something by itself."""
    meanings = [meaning(one, moved) for one in chain]
    pairs = list(zip(chain, meanings))
    stopped = [pair for pair in pairs if pair[1].kind == "interrupted"]
    real = [pair for pair in pairs if not pair[1].cascade and not ranks.is_wrapper(pair[0])]
    real = [pair for pair in real if not tracebacks.CAUGHT.search(pair[0].text)] or real
    telling = [pair for pair in real if pair[1].kind not in PLAIN]
    one, found = (stopped or telling or real or pairs)[0]
    last = chain[-1]
    fatal = not last.in_thread and not last.is_logged and last.begin != last.at
    return Candidate(found._replace(fatal=fatal), chain[0].begin, last.at, last.source, one)


def meaning(one: tracebacks.Raised, moved: bool = False) -> rules.Found:
    first, _, more = one.whole().partition("\n")
    if ranks.is_wrapper(one):
        return rules.Found("unknown", 0.1, one.at, {}, cascade=True, fatal=True)
    found = rules.on_raised(ON_RAISED, first, one.frames, one.at, moved=moved)
    if more and (found is None or found.cascade or found.confidence < SURE):
        # what is printed below may be part of the message, or not
        longer = rules.on_raised(ON_RAISED, one.whole(), one.frames, one.at, moved=moved)
        if longer is not None and not longer.cascade:
            found = longer
    if (BUGS.match(first) or BUG_WORDS.search(first)) and not _is_no_bug(found, first):
        found = None
    if found is None:
        found = rules.Found("code", PLAIN_CONFIDENCE, one.at, {}, fatal=True)
    if ranks.is_echo(one):
        found = found._replace(cascade=True)
    return found


def _is_no_bug(found: rules.Found | None, first: str) -> bool:
    """What looks like a slip in the code, and is none: Pillow's SyntaxError, a missing GPU."""
    if found is None or found.confidence < 0.94:
        return False
    return first.startswith("SyntaxError: broken") or found.kind in ("cuda_oom", "driver")


def of_lines(lines: tuple[Line, ...], text: rules.Text) -> Iterator[Candidate]:
    for found in rules.on_printed(ON_PRINTED, lines, text):
        if not found.fatal and WARNING.search(lines[found.at].text):
            found = found._replace(confidence=found.confidence * WARNED)
        yield Candidate(found, found.at, found.at, lines[found.at].source)


def place(one: tracebacks.Raised) -> dict[str, Any]:
    """The innermost line of the user's own code."""
    frames = list(USER_FRAME.finditer(one.frames))
    if not frames:
        return {}
    last = frames[-1]
    return {"code_file": last.group("file"), "code_line": int(last.group("line"))}
