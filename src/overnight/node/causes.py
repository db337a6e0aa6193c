"""The cause of an end in words for people, and as a mark that the same cause has again. Pure."""

from __future__ import annotations

import re
import signal

from overnight.node.actions import Ended, Failure

# What differs from one time to the next: addresses, numbers, paths.
CHANGING = re.compile(r"0x[0-9a-fA-F]+|(?:/[^\s'\":,]+)+|\d+(?:\.\d+)?")
COUNTED_TOGETHER = frozenset({"bad_sample", "preempted", "reboot", "lost", "hang", "nan"})
NAMES = {
    "cuda_oom": "CUDA out of memory",
    "gpu_contention": "CUDA out of memory while another user holds memory on the GPU",
    "reboot": "a reboot of the server",
    "lost": "the end of its processes without a record",
    "interrupted": "an interrupt (Ctrl-C)",
    "hang": "a hang: no progress for much longer than usual",
}
# Ends of which Slurm told us, by `Ended.cause`.
TAKEN_AWAY = {
    "time_limit": "Slurm's time limit",
    "preempted": "Slurm taking its nodes back",
    "requeued": "the loss of its node, or Slurm putting the job back into the queue",
}


def clause(failure: Failure, ended: Ended) -> str:
    """One clause: what ended the attempt."""
    if ended.cause in TAKEN_AWAY:
        return TAKEN_AWAY[ended.cause]
    if failure.kind == "preempted" and ended.signal is not None:
        return f"signal {signal_name(ended.signal)}"
    if failure.kind in NAMES:
        return NAMES[failure.kind]
    summary = failure.facts.get("summary")
    return str(summary) if summary else f"exit code {ended.exit_code}"


def fingerprint(failure: Failure) -> str:
    """Equal for the same root cause, such as `nccl:5d41402a`."""
    if failure.kind in COUNTED_TOGETHER:
        return failure.kind
    import zlib  # memory that a supervisor does without

    said = str(failure.facts.get("summary") or "")
    return f"{failure.kind}:{zlib.crc32(CHANGING.sub('#', said).encode('utf-8', 'replace')):08x}"


def signal_name(number: int | None) -> str:
    try:
        return signal.Signals(number or 0).name
    except ValueError:
        return str(number)
