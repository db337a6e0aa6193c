"""When a run may end badly, when it must not go on, and what may change between attempts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from overnight.node import diagnose
from tests.simulation import failures, kernel, trainings

if TYPE_CHECKING:
    from tests.simulation import book

MOST_ATTEMPTS = 100
FRUITLESS = 4
KNOWN_BY_SIGNAL = ("cuda_oom", "host_oom", "preempted", "hang")


def mended(kind: str) -> bool:
    if not hasattr(diagnose, "__path__"):
        return kind in KNOWN_BY_SIGNAL
    return kind in failures.MENDED


def excuse(run: book.Book) -> str:
    """Why it is right that the run ends without having finished; "" where it is not."""
    truths = run.recent()
    if not truths:
        return excuse_unstarted(run) or excuse_following(run)
    last = truths[-1]
    if run.disk_was_full:
        return "the disk was full"
    kind = last.how
    if kind in failures.ENDS and not mended(kind):
        return f"{kind} is not mended"
    if kind == "cuda_oom" and (is_contended(run, last) or oom_is_final(run, last)):
        return "memory"
    if kind == "unknown" and last.epoch == last.first_epoch:
        return "an unknown failure before any progress"
    limit = failures.MENDED.get(kind)
    if limit is not None and Counter(t.how for t in truths)[kind] > limit:
        return f"{kind} came too often"
    if fruitless(truths) + cut_before_they_began(run, truths) >= 2:
        return "no progress"
    if len(run.since_resumed()) and len(truths) >= MOST_ATTEMPTS:
        return "too many attempts"
    return excuse_unstarted(run)


def excuse_unstarted(run: book.Book) -> str:
    """An attempt whose command was never begun."""
    causes = [e.get("cause") for e in run.since_resumed() if e["type"] == "attempt_ended"]
    if causes[-3:] == ["never_started"] * 3:
        return "never started"
    return "the disk was full" if run.disk_was_full else ""


def excuse_following(run: book.Book) -> str:
    """What it was to follow has ended otherwise, or is not there."""
    for name in (run.spec.get("queue") or {}).get("after") or ():
        if run.other(name).state() != "finished":
            return f"{name} has not finished"
    return ""


def is_contended(run: book.Book, last: trainings.Truth) -> bool:
    """Somebody else held memory when it ran out, or when it was diagnosed."""
    gpus = run.kernel.gpus
    return last.foreign or any(h.proc.uid != kernel.USER for u in last.gpus for h in gpus.on(u))


def oom_is_final(run: book.Book, last: trainings.Truth) -> bool:
    """No variant is left that may be taken without asking."""
    variants = run.spec["variants"]
    at = next(n for n, v in enumerate(variants) if trainings.batch_of(v["argv"]) == last.batch)
    if at + 1 >= len(variants):
        return True
    return bool(variants[at + 1].get("changes_science")) and not run.consents


def fruitless(truths: list[trainings.Truth]) -> int:
    """How many of the last attempts, all with one batch size, got no further than all before."""
    count = 0
    for number in range(len(truths) - 1, 0, -1):
        each = truths[number]
        best = max(t.epoch for t in truths[:number])
        if each.batch != truths[-1].batch or each.epoch > best:
            break
        count += 1
    return count


def cut_before_they_began(run: book.Book, truths: list[trainings.Truth]) -> int:
    """Attempts that the power or a reboot took before their command was there."""
    started = sum(event["type"] == "attempt_started" for event in run.since_resumed())
    return max(0, started - len(truths))


def too_many(run: book.Book) -> str:
    """Why no further attempt may be started; "" where it may."""
    since = run.since_resumed()
    started = sum(event["type"] == "attempt_started" for event in since)
    truths = run.recent()
    if started > MOST_ATTEMPTS:
        return f"{started} attempts"
    if fruitless(truths) >= FRUITLESS:
        return f"{fruitless(truths)} attempts brought no progress"
    counts: Counter[str] = Counter(each.how for each in truths if could_be_told(each))
    for kind, count in counts.items():
        if kind in failures.ENDS and kind not in ("host_oom", "interrupted"):
            limit = failures.MENDED.get(kind, 0)
            if limit is not None and count > limit:
                return f"{kind} came {count} times"
    return ""


def could_be_told(truth: trainings.Truth) -> bool:
    """Whether what the attempt truly died of was there to be read."""
    return truth.spoke and not truth.shim_died and not truth.overruled


def settings_problems(run: book.Book) -> Iterator[tuple[int, str]]:
    """Law 7, for the attempt that has just begun."""
    newest = run.truths[-1]
    if newest.batch not in [trainings.batch_of(v["argv"]) for v in run.spec["variants"]]:
        yield 7, f"runs {newest.argv}, which no variant says"
    if len(run.truths) < 2:
        if newest.batch != trainings.batch_of(run.spec["variants"][0]["argv"]):
            yield 7, f"does not begin as it was typed: {newest.argv}"
        return
    before = run.truths[-2]
    if before.batch == newest.batch:
        return
    if not any(tells_of_change(event) for event in between(run, before.n, newest.n)):
        yield 7, f"batch {before.batch} became {newest.batch} without an event"
    product = newest.batch[0] * newest.batch[1]
    if product != before.batch[0] * before.batch[1]:
        told = [e for e in between(run, before.n, newest.n) if e.get("changes_science")]
        agreed = run.consents or any(e["type"] == "resumed" for e in told)
        if not told or not agreed:
            yield 7, f"the effective batch became {product} without consent"


def tells_of_change(event: dict[str, object]) -> bool:
    return event["type"] in ("repaired", "resumed") and bool(event.get("change"))


def between(run: book.Book, first: int, last: int) -> list[dict[str, object]]:
    """The events from the start of one attempt to the start of another."""
    number = itertools.count(1)
    at = {next(number): n for n, e in enumerate(run.events) if e["type"] == "attempt_started"}
    return run.events[at.get(first, 0) : at.get(last, len(run.events))]
