"""Which of several messages tells of the root, and which the run has outlived."""

from __future__ import annotations

from typing import Iterable, NamedTuple, Sequence

from overnight.node import families
from overnight.node.diagnose import causes, endings, numbers, ranks, rules, tracebacks
from overnight.node.diagnose.causes import PLAIN, Candidate
from overnight.node.diagnose.log import Log

SOFT_PROGRESS, HARD_PROGRESS = 2, 4
NEAR_LINES = 40
SAME_CRASH_LINES = 4
GRACE_LINES = 30
CRIES_LINES = 6
SURE = 0.8
LIKELY = 0.6
ENDINGS = frozenset({"interrupted", "preempted"})


class Told(NamedTuple):
    """The log and what is asked of it more than once. `done`: the line that shows a good end."""

    log: Log
    text: rules.Text
    places: list[tuple[int, families.Sample]]
    done: int | None

    @staticmethod
    def by(log: Log) -> Told:
        places = endings.progress(log.lines, 0)
        return Told(log, rules.Text.of(log.lines), places, endings.is_finished(log.lines))

    def steps_after(self, index: int) -> int:
        """How many different places in the training were printed after this line."""
        return len(
            {
                (sample.step, sample.epoch)
                for at, sample in self.places
                if at > index and (sample.step is not None or sample.epoch is not None)
            }
        )

    def says_done_after(self, index: int) -> bool:
        done = self.done
        return done is not None and done > index and endings.says_done(self.log.lines[done].text)


def of_all(
    told: Told, ranks_logs: Iterable[Log], *, has_failed: bool
) -> tuple[Told, Candidate | None]:
    """The root, and the log that tells of it: the common one, or one of a rank's own.

    `ranks_logs`: who fell silent first comes first. What the launcher itself says stands; else
    the first rank that tells of a root of its own is believed more than the common log, in
    which the ranks' lines may have changed places, and the middle may be missing.
    """
    found = best(told, has_failed=has_failed)
    if not has_failed or (found is not None and _stands(found)):
        return told, found
    for log in ranks_logs:
        own = Told.by(log)
        one = best(own, has_failed=True)
        if one is not None and _is_root(one):
            return own, one._replace(source=log.rank)
    return told, found


def _stands(found: Candidate) -> bool:
    """Whether it is no rank's word, and tells of more than of others."""
    return found.kind in ENDINGS or (not found.source and _is_root(found))


def _is_root(found: Candidate) -> bool:
    told = found.found
    is_known = found.kind not in ENDINGS and found.kind != "unknown"
    return told.fatal and not told.cascade and is_known


def best(told: Told, *, has_failed: bool) -> Candidate | None:
    """The root of the failure that the log tells of, or None."""
    lines, text = told.log.lines, told.text
    raised = tracebacks.parse(lines)
    moved = bool(raised) and endings.has_moved(lines, raised[0].begin)
    everything = [
        *causes.of_exceptions(raised, moved),
        *_outside(causes.of_lines(lines, text), raised),
    ]
    alive = [one for one in everything if not _is_past(told, one)]
    if not alive and has_failed:
        alive = _last_episode(everything)
    found = _choose(alive, distributed=ranks.is_distributed(text, lines), has_failed=has_failed)
    found = _with_launcher(found, told, has_failed=has_failed)
    nan = numbers.nonfinite(lines, text)
    if nan is None:
        return found
    gives_up = found is not None and found.kind in ENDINGS and nan.confidence > SURE
    if found is None or found.kind in PLAIN or gives_up:
        return Candidate(nan, nan.at, nan.at, "")
    return found


def early_leave(told: Told) -> Candidate | None:
    """Where a run with exit code 0 says that it was told to stop, and did."""
    lines = told.log.lines
    printed = [index for index, line in enumerate(lines) if line.text.strip()]
    first = printed[-GRACE_LINES] if len(printed) >= GRACE_LINES else 0
    left = [
        one
        for one in causes.of_lines(lines, told.text)
        if one.kind in ENDINGS
        and one.found.fatal
        and one.end >= first
        and told.steps_after(one.end) <= SOFT_PROGRESS
        and not told.says_done_after(one.end)
    ]
    return max(left, key=lambda one: one.found.confidence) if left else None


def _outside(printed: Iterable[Candidate], raised: Sequence[tracebacks.Raised]) -> list[Candidate]:
    """Printed lines that are no part of a traceback, which says more."""
    inside: set[int] = set()
    for one in raised:
        inside.update(range(one.begin, one.at + (3 if one.is_ignored else 1)))
    return [one for one in printed if one.begin not in inside]


def _is_past(told: Told, one: Candidate) -> bool:
    """Whether the training went on after this."""
    steps = told.steps_after(one.end)
    if steps >= (HARD_PROGRESS if one.found.fatal else SOFT_PROGRESS):
        return True
    if told.done is None or told.done <= one.end:
        return False
    return not one.found.fatal or (steps > 0 and told.says_done_after(one.end))


def _last_episode(told: list[Candidate]) -> list[Candidate]:
    end = max((one.end for one in told), default=0)
    return [one for one in told if end - one.end <= NEAR_LINES]


def _choose(told: list[Candidate], *, distributed: bool, has_failed: bool) -> Candidate | None:
    roots = [one for one in told if not one.found.cascade] or told
    fatal = [one for one in roots if one.found.fatal]
    if not roots:
        return None
    if not fatal:
        if not has_failed:
            roots = [one for one in roots if one.one or one.found.confidence >= LIKELY]
        if not roots:
            return None
        order = -1 if distributed else 1
        return max(roots, key=lambda one: (round(one.found.confidence, 1), order * one.begin))
    stopped = [one for one in fatal if one.kind in ENDINGS]
    others = [one for one in fatal if one.kind not in ENDINGS]
    was_stopped = max(fatal, key=lambda one: one.end).kind in ENDINGS and not distributed
    if not others or (stopped and (was_stopped or _stopped_first(stopped, others))):
        return max(stopped, key=lambda one: one.found.confidence)
    found = min(others, key=lambda one: one.begin) if distributed else _last_crash(others)
    return found if found.kind not in PLAIN else _said_nearby(found, roots) or found


def _stopped_first(stopped: list[Candidate], others: list[Candidate]) -> bool:
    """Whether the errors are what the processes cried when they were told to end."""
    stop = min(one.begin for one in stopped)
    first = min(one.begin for one in others)
    return 0 <= first - stop <= CRIES_LINES


def _last_crash(fatal: list[Candidate]) -> Candidate:
    """Of one process: the last one, and what led to it directly before."""
    ordered = sorted(fatal, key=lambda one: one.end)
    found = ordered[-1]
    for one in reversed(ordered[:-1]):
        if found.begin - one.end > SAME_CRASH_LINES:
            break
        if one.kind not in PLAIN or found.kind in PLAIN:
            found = one
    return found


def _said_nearby(plain: Candidate, roots: list[Candidate]) -> Candidate | None:
    """A message beside a plain error that says more than the error does."""
    near = [
        one
        for one in roots
        if one.kind not in PLAIN
        and one.kind not in ENDINGS
        and not (one.one is not None and one.found.fatal)  # another run, or another process
        and one.found.confidence >= SURE
        and plain.begin - NEAR_LINES <= one.begin
    ]
    return max(near, key=lambda one: one.found.confidence) if near else None


def _with_launcher(found: Candidate | None, told: Told, *, has_failed: bool) -> Candidate | None:
    """What the launcher says counts where nobody else says more."""
    if found is None and not has_failed:
        return None
    if found is not None and found.kind != "unknown" and not found.found.cascade:
        return found
    said = ranks.launcher_says(told.log.lines, told.text)
    if said is None or (found is not None and said.confidence <= found.found.confidence):
        return found
    return Candidate(said, said.at, said.at, "")
