"""GPU hours of runs, from the events of their attempts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from overnight.results.report.model import Spent, Window

Event = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Span:
    """An attempt. `gpus` counts shares of a GPU too. `good_until`: what came later was done again
    by a later attempt; None where that is not known. `is_open`: it had not ended by `ended`."""

    began: float
    ended: float
    gpus: float
    good_until: float | None
    is_open: bool = False


def spent(
    run: str, server: str, events: Sequence[Event], window: Window, known_until: float, failed: bool
) -> Spent | None:
    """What a run used in the window; None where it used no GPU. `known_until`: when its server was
    last heard of."""
    found = spans(events, known_until)
    used = sum(hours(each, each.began, each.ended, window) for each in found)
    if used <= 0:
        return None
    known = [each for each in found if each.good_until is not None]
    return Spent(
        run=run,
        server=server,
        used=used,
        repeated=sum(hours(each, each.good_until or 0.0, each.ended, window) for each in known),
        unknown=sum(
            hours(each, each.began, each.ended, window) for each in found if each.good_until is None
        ),
        idle=idle(events, window),
        failed=failed,
    )


def hours(span: Span, since: float, until: float, window: Window) -> float:
    """GPU hours of the part of the span between two moments that lies in the window."""
    begin = max(since, span.began, window.since)
    end = min(until, span.ended, window.until)
    return max(0.0, end - begin) * span.gpus / 3600


def spans(events: Iterable[Event], known_until: float) -> list[Span]:
    """The attempts, oldest first. Never raises on events of an older node."""
    found: list[Span] = []
    share = 1.0
    for event in events:
        at, kind = number(event.get("time")), event.get("type")
        if kind == "granted":
            share = number(event.get("share", 1.0)) or 1.0
        elif kind == "attempt_started":
            found = [repeated(each, event) for each in found]
            gpus = len(event.get("gpus") or ()) * min(1.0, share)
            end = max(at, known_until)
            found.append(Span(began=at, ended=end, gpus=gpus, good_until=end, is_open=True))
        elif kind == "attempt_ended" and found and found[-1].is_open:
            found[-1] = replace(found[-1], ended=at, good_until=at, is_open=False)
    return found


def repeated(span: Span, start: Event) -> Span:
    """The span after a later attempt has begun: from its checkpoint, or from the beginning."""
    if span.good_until is None:
        return span
    if not start.get("checkpoint"):
        return replace(span, good_until=span.began)
    written = start.get("checkpoint_at")
    if not isinstance(written, (int, float)):
        return replace(span, good_until=None)
    return replace(span, good_until=min(span.good_until, max(span.began, float(written))))


def idle(events: Iterable[Event], window: Window) -> float:
    """At least so long, as the node noticed: it says when GPUs have idled for a while, and not when
    they went on. Of what began before the window, the part in it."""
    total = 0.0
    for event in events:
        facts = event.get("facts")
        if event.get("type") != "noticed" or event.get("kind") != "gpu_idle":
            continue
        at = number(event.get("time"))
        if isinstance(facts, Mapping) and window.has(at):
            idle_s = min(number(facts.get("idle_s")), at - window.since)
            total += len(facts.get("gpus") or ()) * idle_s / 3600
    return total


def number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
