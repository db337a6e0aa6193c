"""Rules: what a message looks like, what it means, and which program writes it.

A rule is data. `on_raised` and `on_printed` apply rules to an exception and to lines. The named
groups of a rule's pattern become facts.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any, Iterable, Iterator, NamedTuple, Pattern

from overnight.node.diagnose.log import Line

MAX_FACT = 300
MOST_HITS = 60


class Rule(NamedTuple):
    """One meaning of one message.

    made_from: the library and, where known, the file that writes the message.
    word: for printed lines: these letters stand in the line (a quick test before the pattern).
    frames: a pattern that the traceback must hold as well.
    cascade: something else failed first, where anything else is to be found.
    fatal: whoever prints this line does not go on.
    after_progress: means this only where the training had made progress before.
    """

    kind: str
    pattern: Pattern[str]
    made_from: str
    confidence: float = 0.9
    word: str = ""
    frames: Pattern[str] | None = None
    cascade: bool = False
    fatal: bool = False
    after_progress: bool = False


class Found(NamedTuple):
    """What a rule has found. `at` is an index into the log's lines."""

    kind: str
    confidence: float
    at: int
    facts: dict[str, Any]
    cascade: bool = False
    fatal: bool = False
    rule: Rule | None = None


def raised(
    kind: str,
    pattern: str,
    made_from: str,
    confidence: float = 0.9,
    *,
    frames: str = "",
    cascade: bool = False,
    after_progress: bool = False,
) -> Rule:
    """A rule on exceptions: the pattern is searched in `Type: message`."""
    compiled = re.compile(frames) if frames else None
    return Rule(
        kind,
        re.compile(pattern),
        made_from,
        confidence,
        "",
        compiled,
        cascade,
        True,
        after_progress,
    )


def printed(
    kind: str,
    word: str,
    pattern: str,
    made_from: str,
    confidence: float = 0.8,
    *,
    cascade: bool = False,
    fatal: bool = False,
) -> Rule:
    """A rule on single lines; without a pattern the word is enough."""
    compiled = re.compile(pattern or re.escape(word))
    return Rule(kind, compiled, made_from, confidence, word, None, cascade, fatal)


def facts_of(match: re.Match[str]) -> dict[str, Any]:
    return {name: text.strip()[:MAX_FACT] for name, text in match.groupdict().items() if text}


def on_raised(
    rules: Iterable[Rule], text: str, frames: str, at: int, *, moved: bool
) -> Found | None:
    """The surest rule that fits an exception; the first of equals."""
    best: Found | None = None
    for rule in rules:
        if rule.word or (best is not None and rule.confidence <= best.confidence):
            continue
        if rule.after_progress and not moved:
            continue
        match = rule.pattern.search(text)
        if match is None or (rule.frames is not None and not rule.frames.search(frames)):
            continue
        best = Found(
            rule.kind, rule.confidence, at, facts_of(match), rule.cascade, rule.fatal, rule
        )
    return best


class Text(NamedTuple):
    """All lines in one string, to find words in quickly."""

    whole: str
    starts: tuple[int, ...]

    @staticmethod
    def of(lines: Iterable[Line]) -> Text:
        starts, at, parts = [], 0, []
        for line in lines:
            starts.append(at)
            parts.append(line.text)
            at += len(line.text) + 1
        return Text("\n".join(parts), tuple(starts))

    def line_at(self, position: int) -> int:
        return bisect_right(self.starts, position) - 1

    def with_word(self, word: str) -> Iterator[int]:
        """Indices of lines that hold the word, the last first; a bounded number of them."""
        end = len(self.whole)
        for _ in range(MOST_HITS):
            position = self.whole.rfind(word, 0, end)
            if position < 0:
                return
            at = self.line_at(position)
            yield at
            end = self.starts[at]


def on_printed(rules: Iterable[Rule], lines: tuple[Line, ...], text: Text) -> Iterator[Found]:
    for rule in rules:
        if not rule.word:
            continue
        for at in text.with_word(rule.word):
            match = rule.pattern.search(lines[at].text)
            if match:
                yield Found(
                    rule.kind, rule.confidence, at, facts_of(match), rule.cascade, rule.fatal, rule
                )
