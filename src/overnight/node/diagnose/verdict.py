"""Weighs what was found against how the process ended, and says one thing."""

from __future__ import annotations

import re
import signal
from typing import Any, Iterable

from overnight.node import actions
from overnight.node.diagnose import endings, evidence, numbers, pace, roots, rules, tracebacks
from overnight.node.diagnose.causes import Candidate
from overnight.node.diagnose.log import Log
from overnight.node.diagnose.seen import Seen, signal_name

ACTIVATION_FAILED = 78
OURS = "overnight: "  # of the script that activates the environment
NOT_FOUND, NOT_EXECUTABLE = 127, 126
TIMED_OUT = 124
BY_NODE = {
    "reboot": "reboot",
    "lost": "lost",
    "never_started": "lost",
    "hang": "hang",
    "nan": "nan",
    "stalled": "network",
    "contended": "gpu_contention",
}
IN_WORDS = {
    "hang": "no progress any more",
    "nan": "the loss is not finite any more",
    "stalled": "its output grows too slowly",
    "contended": "another user's process came onto its GPUs while it started",
}
FROM_OUTSIDE = frozenset(
    {signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU, signal.SIGALRM}
)
OF_ITS_OWN = frozenset(
    {signal.SIGSEGV, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGTRAP}
)
MEMORY = frozenset({"cuda_oom", "gpu_contention", "host_oom", "shm"})
# what the kernel's or the driver's word explains better than the log
SAID_BY_KERNEL = frozenset({"unknown", "code", "nccl", "host_oom", "preempted", "shm"})
SAID_BY_DRIVER = frozenset({"unknown", "code", "nccl", "cuda_fault"})
OUT_OF_MEMORY = re.compile(r"out of memory|OutOfMemory|OUT_OF_MEMORY|ALLOC_FAILED|OOM when")


def diagnose(log: Log, seen: Seen, ranks_logs: Iterable[Log] = ()) -> actions.Failure:
    """Always one answer; kinds `finished` and `running` are healthy.

    `ranks_logs`: where each rank keeps one of its own, beside the common `log`; asked one by one.
    """
    if seen.cause in BY_NODE:
        return _by_node(log, seen.cause)
    told = roots.Told.by(log)
    if seen.is_clean():
        return _clean(told)
    killer = seen.killer()
    if killer == signal.SIGINT:
        return _signalled("interrupted", 0.97, log, killer)
    if killer in FROM_OUTSIDE:
        return _signalled("preempted", 0.9, log, killer)
    telling, root = roots.of_all(told, ranks_logs, has_failed=seen.has_failed())
    best = _with_evidence(root, seen)
    if best is not None and (killer != signal.SIGKILL or _led_to_kill(best, telling)):
        return evidence.failure(telling.log, best)
    if killer is not None:
        return _killed(log, killer)
    return _wordless(told, seen)


def speaks_of_memory(log: Log) -> bool:
    """Whether it is worth asking who holds memory on the GPUs."""
    return any(OUT_OF_MEMORY.search(line.text) for line in log.lines)


def has_progress(log: Log) -> bool:
    """Whether the log shows that the training had taken a step."""
    return endings.has_moved(log.lines, len(log.lines))


def not_started(log: Log) -> actions.Failure:
    """`log` is what our own supervisor said before it died."""
    raised = tracebacks.parse(log.lines)
    if not raised:
        return actions.Failure("lost", 1.0, [], {})
    said = log.lines[raised[-1].at].text[:300]
    facts = {"summary": f"the supervisor itself failed: {said}"}
    return actions.Failure("lost", 1.0, evidence.lines_up_to(log, raised[-1].at), facts)


def _by_node(log: Log, cause: str) -> actions.Failure:
    """The node saw it end, and knows why."""
    if cause not in IN_WORDS:
        return actions.Failure(BY_NODE[cause], 1.0, [], {})
    facts: dict[str, Any] = {"seen": cause, "summary": IN_WORDS[cause]}
    at = None
    if cause == "nan":
        found = numbers.nonfinite(log.lines, rules.Text.of(log.lines))
        facts.update(found.facts if found else {})
        at = found.at if found else None
    return actions.Failure(BY_NODE[cause], 1.0, evidence.lines_up_to(log, at), facts)


def _clean(told: roots.Told) -> actions.Failure:
    """Exit code 0: well, unless the loss is gone or a signal was answered by leaving early."""
    found = numbers.nonfinite(told.log.lines, told.text)
    if found is not None and found.confidence >= numbers.CERTAIN:
        return evidence.failure(told.log, Candidate(found, found.at, found.at, ""))
    left = roots.early_leave(told)
    if left is not None:
        return evidence.failure(told.log, left)
    return _healthy("finished", 0.97, told.log, told.done)


def _with_evidence(best: Candidate | None, seen: Seen) -> Candidate | None:
    """What the kernel and the driver say, laid over what the log says."""
    kind = best.kind if best is not None else "unknown"
    if seen.oom_kills and kind in SAID_BY_KERNEL:
        return _overruled(best, "host_oom", {"oom_kills": seen.oom_kills})
    if seen.gpu_faults and kind in SAID_BY_DRIVER:
        return _overruled(best, "cuda_fault", {"gpu_faults": list(seen.gpu_faults)[:5]})
    if best is not None and kind == "cuda_oom" and seen.foreign_mib > 0:
        facts = {**best.found.facts, "foreign_mib": seen.foreign_mib}
        return best._replace(found=best.found._replace(kind="gpu_contention", facts=facts))
    if seen.disk_full and kind not in MEMORY and kind != "disk_full":
        said = "no space was left on the server's disk"
        return _overruled(best, "disk_full", {"summary": said})
    return best


def _overruled(best: Candidate | None, kind: str, facts: dict[str, Any]) -> Candidate:
    """Another kind, with the lines that were found."""
    if best is None:
        return Candidate(rules.Found(kind, 0.95, -1, facts, fatal=True), -1, -1, "")
    return best._replace(found=rules.Found(kind, 0.95, best.found.at, facts, fatal=True))


def _led_to_kill(best: Candidate, told: roots.Told) -> bool:
    """Whether SIGKILL came because of this, or for something that the log does not know."""
    if best.kind == "host_oom":
        return True
    sudden = best.found.fatal and best.kind not in roots.ENDINGS
    return sudden and not told.steps_after(best.end)


def _killed(log: Log, killer: int) -> actions.Failure:
    if killer == signal.SIGKILL:
        return _signalled("preempted", 0.7, log, killer)
    if killer == signal.SIGBUS:
        return _signalled("shm", 0.6, log, killer)
    return _signalled("code" if killer in OF_ITS_OWN else "unknown", 0.55, log, killer)


def _signalled(kind: str, confidence: float, log: Log, number: int) -> actions.Failure:
    facts = {"signal": signal_name(number), "summary": f"signal {signal_name(number)}"}
    return actions.Failure(kind, confidence, evidence.lines_up_to(log, None), facts)


def _wordless(told: roots.Told, seen: Seen) -> actions.Failure:
    """The log tells of no failure."""
    log = told.log
    if seen.has_failed():
        return _by_exit_code(log, seen.exit_code)
    if told.done is not None:
        return _healthy("finished", 0.8, log, told.done)
    silent_s = seen.last_output_age_s
    if silent_s is not None and pace.is_silent_too_long(log.lines, silent_s):
        return _told("hang", 0.6, log, f"no output for {silent_s:.0f} s")
    return _healthy("running", 0.6, log, None)


def _by_exit_code(log: Log, code: int | None) -> actions.Failure:
    last = evidence.last_text(log)
    ours = [line.text for line in log.lines if line.text.startswith(OURS)]
    if code == ACTIVATION_FAILED and ours:
        return _told("config", 0.95, log, ours[-1])
    if code == TIMED_OUT:
        return _told("preempted", 0.6, log, "a time limit (exit code 124)")
    if code == NOT_FOUND:
        return _told("missing_file", 0.8, log, last)
    if code == NOT_EXECUTABLE:
        return _told("permission", 0.8, log, last)
    return _told("unknown", 0.3, log, last)


def _told(kind: str, confidence: float, log: Log, summary: str) -> actions.Failure:
    facts = {"summary": summary[: evidence.SUMMARY_LENGTH]}
    return actions.Failure(kind, confidence, evidence.lines_up_to(log, None), facts)


def _healthy(kind: str, confidence: float, log: Log, at: int | None) -> actions.Failure:
    return actions.Failure(kind, confidence, evidence.lines_up_to(log, at, 2), {})
