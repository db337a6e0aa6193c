"""What is shown to people of a diagnosis: lines with their numbers, facts, one clause."""

from __future__ import annotations

import re
from typing import Any

from overnight.node import actions
from overnight.node.diagnose import causes
from overnight.node.diagnose.log import Log

MOST_LINES = 8
LINE_LENGTH = 400
SUMMARY_LENGTH = 300
BEFORE_LINES = 60
CHECKPOINT = re.compile(
    r"(?i)(?:load\w*|resum\w*|restor\w*)[^\n]{0,60}?['\""
    r" ](?P<path>[\w./~-]+\.(?:pt|pth|ckpt|bin|safetensors|pkl|h5|keras|tar|npz"
    r"|msgpack))"
)
PATH_IN_MESSAGE = re.compile(r"['\"](?P<path>[^'\"\n]*[/.][^'\"\n]*)['\"]")
RANK_IN_TEXT = re.compile(r"\[?[Rr]ank[ =:]?(?P<rank>\d{1,5})\b")


def failure(log: Log, best: causes.Candidate) -> actions.Failure:
    found = best.found
    facts: dict[str, Any] = dict(found.facts)
    facts.setdefault("summary", summary(log, best))
    if best.source:
        facts.setdefault("rank", int(best.source) if best.source.isdigit() else best.source)
    elif found.at >= 0:
        named = RANK_IN_TEXT.search(log.lines[found.at].text)
        if named and "rank" not in facts:
            facts["rank"] = int(named.group("rank"))
    if best.one is not None:
        facts.update(causes.place(best.one))
    if found.kind == "checkpoint":
        facts.update(checkpoint_of(log, found.at))
    if found.kind == "bad_sample" and "sample" not in facts and best.one is not None:
        path = PATH_IN_MESSAGE.search(best.one.text)
        facts.update({"sample": path.group("path")} if path else {})
    return actions.Failure(found.kind, round(found.confidence, 2), shown(log, best), facts)


def summary(log: Log, best: causes.Candidate) -> str:
    if best.one is not None and best.one.at == best.found.at:
        return best.one.whole().partition("\n")[0][:SUMMARY_LENGTH]
    return (
        log.lines[best.found.at].text.strip()[:SUMMARY_LENGTH]
        if best.found.at >= 0
        else last_text(log)
    )


def checkpoint_of(log: Log, at: int) -> dict[str, Any]:
    for line in reversed(log.lines[max(0, at - BEFORE_LINES) : at + 1]):
        named = CHECKPOINT.search(line.text)
        if named:
            return {"checkpoint": named.group("path")}
    return {}


def shown(log: Log, best: causes.Candidate) -> list[dict[str, Any]]:
    """The user's line in the traceback and the message; else the last lines up to the message."""
    one, at = best.one, best.found.at
    if one is None or one.at != at or one.begin == one.at:
        return lines_up_to(log, at if at >= 0 else None)
    kept = [at]
    for index in range(at - 1, one.begin, -1):
        if log.lines[index].source == one.source and causes.USER_FRAME.search(
            log.lines[index].text
        ):
            kept = [index, index + 1, at] if index + 1 < at else [index, at]
            break
    return [_line(log, index) for index in kept]


def lines_up_to(log: Log, at: int | None, most: int = MOST_LINES) -> list[dict[str, Any]]:
    """The last lines with text, up to and including index `at`."""
    end = len(log.lines) if at is None else at + 1
    kept: list[int] = []
    for index in range(end - 1, -1, -1):
        if len(kept) == most:
            break
        if log.lines[index].text.strip():
            kept.append(index)
    return [_line(log, index) for index in reversed(kept)]


def last_text(log: Log) -> str:
    told = lines_up_to(log, None, 1)
    return str(told[0]["text"]) if told else ""


def _line(log: Log, index: int) -> dict[str, Any]:
    """`rank` and `file` only where they are known."""
    line = log.lines[index]
    told = {"line": line.number, "text": line.text[:LINE_LENGTH]}
    rank = log.rank or line.source
    if rank.isdigit():
        told["rank"] = int(rank)
    return {**told, "file": log.file} if log.file else told
